import { z } from 'zod'

/** Node's timers take a signed 32-bit delay; a larger one fires at once. */
export const maxTimerMs = 2_147_483_647

const durationMs = z.number().int().min(0).max(maxTimerMs)
const positiveMs = z.number().int().min(1).max(maxTimerMs)
const count = (min: number, max: number) => z.number().int().min(min).max(max)

/** Limits of one pool. All durations in milliseconds; 0 switches a limit off where the comment says so. */
export const poolLimitsSchema = z.object({
  maxConnections: count(1, 256).describe(
    'Permits: live connections (process trees with stdio, client sessions over HTTP) never exceed this',
  ),
  minIdle: count(0, 256).describe('Idle connections kept ready'),
  spares: count(0, 64).describe('Warm connections kept for one request each (prespawn and single-shot programs)'),
  mode: z
    .enum(['on-demand', 'prespawn'])
    .describe('prespawn gives each request a connection of its own: a fresh process with stdio'),
  idleTimeoutMs: durationMs.describe('Idle connections above minIdle are closed after this; 0 = never'),
  maxLifetimeMs: durationMs.describe('Connections older than this (minus up to 10 % jitter) are replaced; 0 = off'),
  maxUses: count(0, 1_000_000_000).describe('Leases after which a connection is replaced; 0 = off'),
  maxWaiting: count(0, 100_000).describe('Waiters beyond this are rejected at once with QUEUE_FULL'),
  acquireTimeoutMs: positiveMs.describe('A waiter gives up after this'),
  returnQueueMultiplier: z.number().min(2).max(4).describe('Return queue capacity = maxConnections x this'),
  healthCheckIntervalMs: count(10, 3_600_000).describe('Period of the maintenance sweep'),
  maxInFlight: count(1, 1024).describe('Requests at once on one connection (isolation "multiplex" only)'),
  leakWarnMs: durationMs.describe('A lease held longer than this is warned about once; 0 = off'),
  maxLeaseMs: durationMs.describe('A lease held longer than this is revoked; 0 = off'),
})
export type PoolLimits = z.infer<typeof poolLimitsSchema>

export const timeoutsSchema = z.object({
  connectTimeoutMs: positiveMs.describe('Spawn (or, over HTTP, network and TLS) and handshake'),
  responseTimeoutMs: positiveMs.describe('From the written request to its response; progress resets it'),
  requestTimeoutMs: positiveMs.describe('Overall: queue wait, connect, attempts, response'),
})
export type Timeouts = z.infer<typeof timeoutsSchema>

/** POOL semantics, "Defaults". */
export const defaultPoolLimits: PoolLimits = {
  maxConnections: 4,
  minIdle: 0,
  spares: 0,
  mode: 'on-demand',
  idleTimeoutMs: 600_000,
  maxLifetimeMs: 0,
  maxUses: 0,
  maxWaiting: 128,
  acquireTimeoutMs: 30_000,
  returnQueueMultiplier: 2,
  healthCheckIntervalMs: 250,
  maxInFlight: 1,
  leakWarnMs: 60_000,
  maxLeaseMs: 900_000,
}

/** Who chooses isolation `multiplex` means more than one request at once. */
export const defaultMultiplexInFlight = 16

export const defaultTimeouts: Timeouts = {
  connectTimeoutMs: 15_000,
  responseTimeoutMs: 60_000,
  requestTimeoutMs: 300_000,
}

/** First runs of npx, uvx and the like download packages; they get this long to connect unless configured. */
export const launcherConnectTimeoutMs = 60_000

/** All upstreams together never have more live connections than this: process trees with stdio, sessions over HTTP. */
export const defaultMaxConnectionsTotal = 32

/** Default body limit of the gateway: 16 MiB, the same as the longest line taken from a child. */
export const defaultMaxBodyBytes = 16 * 1024 * 1024

export const protocolSchema = z.enum(['auto', 'legacy', 'modern', 'jsonrpc'])
export type Protocol = z.infer<typeof protocolSchema>
export const isolationSchema = z.enum(['shared', 'session', 'multiplex'])
export type Isolation = z.infer<typeof isolationSchema>

/** Names go into URLs, metric labels and file names of logs. */
export const upstreamNameSchema = z
  .string()
  .min(1, 'a name is needed')
  .max(64, 'at most 64 characters')
  .regex(
    /^[\p{L}\p{N}](?:[\p{L}\p{N} ._@/-]*[\p{L}\p{N}])?$/u,
    'letters, digits, space and . _ - / @, starting and ending with a letter or digit',
  )

const common = {
  enabled: z.boolean().optional(),
  disabled: z.boolean().optional().describe('As other clients write it; the opposite of enabled'),
  protocol: protocolSchema.optional(),
  isolation: isolationSchema.optional(),
  pool: poolLimitsSchema.partial().strict().optional(),
  timeouts: timeoutsSchema.partial().strict().optional(),
}

export const stdioEntrySchema = z.looseObject({
  type: z.literal('stdio').optional(),
  command: z.string().min(1, 'a command is needed'),
  args: z.array(z.string()).optional(),
  env: z.record(z.string(), z.string().or(z.number()).or(z.boolean()).or(z.null())).optional(),
  cwd: z.string().optional(),
  ...common,
})
export type StdioEntry = z.infer<typeof stdioEntrySchema>

/** How we present ourselves to the authorization server of a remote MCP server. Everything is optional: by default we register by ourselves. */
export const oauthSchema = z.looseObject({
  clientId: z.string().min(1).optional().describe('Of a client that was registered by hand'),
  clientSecret: z.string().min(1).optional(),
  scope: z.string().min(1).optional().describe('Scopes to ask for, separated by spaces'),
  redirectPort: count(0, 65_535).optional().describe('Of http://127.0.0.1:PORT/callback; 0 or absent picks a free one'),
  clientMetadataUrl: z
    .url({ protocol: /^https$/ })
    .optional()
    .describe('Of a client ID metadata document'),
})
export type OAuthSettings = z.infer<typeof oauthSchema>

const httpUrlSchema = z.url({ protocol: /^https?$/ })

export const httpEntrySchema = z.looseObject({
  type: z.enum(['http', 'streamable-http', 'streamableHttp', 'sse']).optional(),
  // With a variable in it (`${API_URL:-https://…}/mcp`, as Claude Code writes it) it is known only where it is filled in.
  url: z.string().refine((text) => text.includes('${') || httpUrlSchema.safeParse(text).success, {
    error: 'an http or https URL is needed',
  }),
  headers: z.record(z.string(), z.string()).optional(),
  oauth: z
    .union([z.literal(false), oauthSchema])
    .optional()
    .describe('false: no sign-in, even if the server asks for one'),
  ...common,
})
export type HttpEntry = z.infer<typeof httpEntrySchema>

export type UpstreamEntry = StdioEntry | HttpEntry

/** The schema that an entry is meant for, so that errors are about what its author meant and not about a union. */
export function entrySchemaFor(entry: unknown): typeof httpEntrySchema | typeof stdioEntrySchema {
  const { type, url } = (entry ?? {}) as { type?: unknown; url?: unknown }
  return url !== undefined || (typeof type === 'string' && type !== 'stdio') ? httpEntrySchema : stdioEntrySchema
}

/** Unknown keys of other clients are kept and ignored; a wrong value is an error with its path. */
export const gatewaySettingsSchema = z.looseObject({
  port: count(0, 65_535).optional(),
  auth: z.enum(['none', 'bearer']).optional(),
  maxBodyBytes: count(1024, 1024 * 1024 * 1024).optional(),
  maxConnectionsTotal: count(1, 4096).optional(),
})
export type GatewaySettings = z.infer<typeof gatewaySettingsSchema>

export const defaultsSchema = z.looseObject({
  pool: poolLimitsSchema.partial().strict().optional(),
  timeouts: timeoutsSchema.partial().strict().optional(),
})

/** One upstream with every default filled in. `env`, `args`, … keep their raw text: ${VAR} is expanded at spawn. */
export type UpstreamConfig = {
  name: string
  enabled: boolean
  protocol: Protocol
  isolation: Isolation
  pool: PoolLimits
  timeouts: Timeouts
} & UpstreamTarget

export type UpstreamTarget =
  | { transport: 'stdio'; command: string; args: string[]; env: Record<string, string>; cwd?: string | undefined }
  | {
      transport: 'http' | 'sse'
      url: string
      headers: Record<string, string>
      oauth?: OAuthSettings | false | undefined
    }

/** Config as the host uses it. */
export interface Config {
  gateway: { port: number; auth: 'none' | 'bearer'; maxBodyBytes: number; maxConnectionsTotal: number }
  upstreams: UpstreamConfig[]
}

/** Default port of the gateway, so that clients' configurations keep working over restarts. */
export const defaultPort = 7411
