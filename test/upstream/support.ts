import { fileURLToPath } from 'node:url'
import { afterEach, expect, vi } from 'vitest'
import { systemClock } from '../../electron/kit/clock.ts'
import { silentLogger } from '../../electron/kit/logger.ts'
import { PermitBudget } from '../../electron/pool/budget.ts'
import { createUpstream } from '../../electron/upstream/create.ts'
import type { UpstreamDeps } from '../../electron/upstream/deps.ts'
import type { StdioConfig } from '../../electron/upstream/stdio/process-spec.ts'
import type { ProcessProfile, Upstream, UpstreamEvents, UpstreamRequest } from '../../electron/upstream/types.ts'
import { type ChildName, type ChildUpstreamOptions, childEnv, childUpstream } from '../fixtures/children/index.ts'

/** Children of this room, beside those of test/fixtures. */
export const ownChild = (name: 'bytes' | 'flaky'): string =>
  fileURLToPath(new URL(`children/${name}.mjs`, import.meta.url))

export interface Overrides extends ChildUpstreamOptions {
  child?: ChildName
  /** Instead of a fixture. */
  command?: string
  commandArgs?: string[]
  cwd?: string
}

export function stdioConfig({ child = 'echo', command, commandArgs, cwd, ...options }: Overrides = {}): StdioConfig {
  const pool = { healthCheckIntervalMs: 20, ...options.pool }
  const config = childUpstream(child, { protocol: 'legacy', ...options, pool })
  if (commandArgs) config.args = commandArgs
  return { ...config, ...(command === undefined ? {} : { command }), ...(cwd === undefined ? {} : { cwd }) }
}

/** An entry for one of this room's own children. */
export const own = (name: 'bytes' | 'flaky', ...args: string[]): Overrides => ({
  commandArgs: [ownChild(name), ...args],
})

export function deps(overrides: Partial<UpstreamDeps> = {}): UpstreamDeps {
  return {
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    budget: new PermitBudget(32),
    variables: (name) => process.env[name],
    environment: () => ({ ...childEnv }),
    clientInfo: { name: 'test', version: '0' },
    ...overrides,
  }
}

interface Watched {
  upstream: Upstream
  /** Every PID that was ever started. */
  pids: Set<number>
  told: { [K in keyof UpstreamEvents]?: UpstreamEvents[K][] }
}

const open: Watched[] = []

/** An upstream that is closed after the test; then nothing of it may be left. */
export function start(overrides: Overrides = {}, dependencies: Partial<UpstreamDeps> = {}): Watched {
  const upstream = createUpstream(stdioConfig(overrides), deps(dependencies))
  const watched: Watched = { upstream, pids: new Set(), told: {} }
  const remember = <K extends keyof UpstreamEvents>(name: K) =>
    upstream.events.on(name, (payload) => {
      const list = (watched.told[name] ?? []) as UpstreamEvents[K][]
      list.push(payload)
      ;(watched.told as Record<string, unknown>)[name] = list
    })
  for (const name of [
    'connection.opening',
    'connection.ready',
    'connection.failed',
    'connection.closing',
    'connection.dead',
    'request.done',
    'notification',
    'line.invalid',
    'single-shot',
    'breaker.opened',
    'maintenance.error',
  ] as const)
    remember(name)
  upstream.events.on('connection.opening', ({ pid }) => {
    if (pid !== null) watched.pids.add(pid)
  })
  open.push(watched)
  return watched
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

afterEach(async () => {
  for (const { upstream, pids, told } of open.splice(0)) {
    await upstream.close('shutdown', 5_000)
    expect(upstream.pids().size, 'connections left').toBe(0)
    for (const pid of pids) expect(isAlive(pid), `process ${pid} is left`).toBe(false)
    expect(told['maintenance.error'] ?? []).toEqual([])
    const { pool } = upstream.view()
    expect(pool).toMatchObject({
      idle: 0,
      leased: 0,
      spawning: 0,
      returning: 0,
      draining: 0,
      waiting: 0,
      quarantined: 0,
    })
    expect(pool.acquires).toBe(pool.granted + pool.timedOut + pool.aborted + pool.rejected)
  }
})

export const callTool = (name: string, args: unknown = {}, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  method: 'tools/call',
  params: JSON.stringify({ name, arguments: args }),
  ...more,
})

export const modern: ProcessProfile = { era: 'modern', capabilities: '{}' }

/** What the gateway adds to a request for a modern process. */
export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** A tools/call for a modern process. */
export const modernCall = (name: string, args: unknown = {}, meta: Record<string, unknown> = {}): UpstreamRequest => ({
  method: 'tools/call',
  params: JSON.stringify({ name, arguments: args, _meta: { ...modernMeta, ...meta } }),
  profile: modern,
})

/** The text of the first content block of a reply. */
export const textOf = (reply: { text: string }): string => JSON.parse(reply.text).content[0].text

/** For what another process has to do first, on a busy machine. */
export const eventually = { timeout: 10_000, interval: 5 }

export const settled = (upstream: Upstream, expected: Record<string, number>): Promise<void> =>
  vi.waitFor(() => expect(upstream.view().pool).toMatchObject(expected), { timeout: 10_000, interval: 5 })

/** A request has been written and not been answered yet. */
export const sent = (upstream: Upstream): Promise<void> =>
  vi.waitFor(() => expect(upstream.view().connections.some(({ inFlight }) => inFlight > 0)).toBe(true), {
    timeout: 10_000,
    interval: 2,
  })
