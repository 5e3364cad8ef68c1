import { basename } from 'node:path'
import type { z } from 'zod'
import {
  type Config,
  defaultMaxBodyBytes,
  defaultMaxConnectionsTotal,
  defaultMultiplexInFlight,
  defaultPoolLimits,
  defaultPort,
  defaultsSchema,
  defaultTimeouts,
  entrySchemaFor,
  gatewaySettingsSchema,
  type HttpEntry,
  launcherConnectTimeoutMs,
  type StdioEntry,
  type UpstreamConfig,
  type UpstreamEntry,
} from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'

type Defaults = z.infer<typeof defaultsSchema>
type Path = readonly (string | number)[]

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `mcpServers.github.pool.maxConnections`; parts that are no identifiers are quoted. */
export function pathText(path: Path): string {
  return path
    .map((part, i) =>
      typeof part === 'number' ? `[${part}]` : /^[\w-]+$/.test(part) ? (i ? `.${part}` : part) : `["${part}"]`,
    )
    .join('')
}

function invalid(path: Path, expected: string): AppError {
  return new AppError('CONFIG_INVALID', `${path.length ? `${pathText(path)}: ` : ''}${expected}`, {
    path: [...path],
    expected,
  })
}

function parse<T extends z.ZodType>(schema: T, value: unknown, path: Path): z.output<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const at = (issue?.path ?? []).filter((part): part is string | number => typeof part !== 'symbol')
  throw invalid([...path, ...at], issue?.message ?? 'not valid')
}

/** Programs that download a package before they run it: the first connect takes long. */
const launchers = new Set([
  'npx',
  'bunx',
  'uvx',
  'pipx',
  'pnpx',
  'pnpm',
  'yarn',
  'bun',
  'uv',
  'deno',
  'docker',
  'podman',
])
const isLauncher = (command: string) =>
  launchers.has(basename(command.replaceAll('\\', '/')).replace(/\.(cmd|exe|ps1|bat)$/i, ''))

/** @throws AppError CONFIG_INVALID with the path of the first wrong value */
export function parseEntry(value: unknown, path: Path): UpstreamEntry {
  if (!isRecord(value)) throw invalid(path, 'expected an object with "command" or "url"')
  if (value.command === undefined && value.url === undefined)
    throw invalid(path, 'expected "command" (a stdio server) or "url" (an HTTP server)')
  return parse(entrySchemaFor(value), value, path)
}

/** An entry with every default filled in: the entry's own, then the file's `defaults`, then the product's. */
export function resolveUpstream(name: string, entry: UpstreamEntry, defaults: Defaults, path: Path): UpstreamConfig {
  const pool = { ...defaultPoolLimits, ...defaults.pool, ...entry.pool }
  if (entry.isolation === 'multiplex' && (entry.pool?.maxInFlight ?? defaults.pool?.maxInFlight) === undefined)
    pool.maxInFlight = defaultMultiplexInFlight
  if (pool.minIdle > pool.maxConnections)
    throw invalid([...path, 'pool', 'minIdle'], `at most maxConnections (${pool.maxConnections}), got ${pool.minIdle}`)
  if (pool.spares > pool.maxConnections)
    throw invalid([...path, 'pool', 'spares'], `at most maxConnections (${pool.maxConnections}), got ${pool.spares}`)
  const common = {
    name,
    enabled: entry.enabled ?? !(entry.disabled ?? false),
    protocol: entry.protocol ?? 'auto',
    isolation: entry.isolation ?? 'shared',
    pool,
  } as const
  const timeouts = { ...defaultTimeouts, ...defaults.timeouts, ...entry.timeouts }
  if ('url' in entry && entry.url !== undefined) {
    const { url, headers, type, oauth } = entry as HttpEntry
    return { ...common, timeouts, transport: type === 'sse' ? 'sse' : 'http', url, headers: headers ?? {}, oauth }
  }
  const { command, args, env, cwd } = entry as StdioEntry
  const configured = entry.timeouts?.connectTimeoutMs ?? defaults.timeouts?.connectTimeoutMs
  if (configured === undefined && isLauncher(command)) timeouts.connectTimeoutMs = launcherConnectTimeoutMs
  // Whoever waits for the first process must be able to wait as long as it may take to connect.
  if (entry.pool?.acquireTimeoutMs === undefined && defaults.pool?.acquireTimeoutMs === undefined)
    pool.acquireTimeoutMs = Math.max(pool.acquireTimeoutMs, timeouts.connectTimeoutMs)
  const texts = Object.entries(env ?? {}).flatMap(([key, value]) =>
    value === null ? [] : [[key, String(value)] as const],
  )
  return { ...common, timeouts, transport: 'stdio', command, args: args ?? [], env: Object.fromEntries(texts), cwd }
}

/** Where a file keeps its servers: `mcpServers` (Claude, Cursor) or `servers` (VS Code); both are read. */
export const serverKeys = ['mcpServers', 'servers'] as const

/** The servers of a parsed config file with the path of each. */
export function listEntries(root: Record<string, unknown>): { name: string; path: [string, string]; value: unknown }[] {
  const found: { name: string; path: [string, string]; value: unknown }[] = []
  for (const key of serverKeys) {
    const servers = root[key]
    if (servers === undefined) continue
    if (!isRecord(servers)) throw invalid([key], 'expected an object of servers by name')
    for (const [name, value] of Object.entries(servers)) {
      // A lone surrogate (Cs) can't be part of a URL.
      if (name === '' || name.length > 256 || /[\p{Cc}\p{Cs}]/u.test(name))
        throw invalid([key, name], 'a name of 1 to 256 printable characters is needed')
      const twin = found.find((entry) => entry.name === name)
      if (twin) throw invalid([key, name], `the same name stands in ${twin.path[0]} too`)
      found.push({ name, path: [key, name], value })
    }
  }
  return found
}

/** @throws AppError CONFIG_INVALID: `data.path` is the path of the wrong value, `data.expected` says what was expected */
export function resolveConfig(root: unknown): Config {
  if (!isRecord(root)) throw invalid([], 'expected an object with "mcpServers"')
  const gateway = parse(gatewaySettingsSchema, root.gateway ?? {}, ['gateway'])
  const defaults = parse(defaultsSchema, root.defaults ?? {}, ['defaults'])
  return {
    gateway: {
      port: gateway.port ?? defaultPort,
      auth: gateway.auth ?? 'bearer',
      maxBodyBytes: gateway.maxBodyBytes ?? defaultMaxBodyBytes,
      maxConnectionsTotal: gateway.maxConnectionsTotal ?? defaultMaxConnectionsTotal,
    },
    upstreams: listEntries(root).map(({ name, path, value }) =>
      resolveUpstream(name, parseEntry(value, path), defaults, path),
    ),
  }
}
