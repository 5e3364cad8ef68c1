import { z } from 'zod'
import { isolationSchema, protocolSchema } from './config.ts'
import { ERROR_CODES } from './errors.ts'

/**
 * What the host tells about itself. The renderer draws this and never derives pool state by itself.
 * Times named `…At` are epoch milliseconds; durations end in `Ms`, memory in `Bytes`.
 */

export const connectionStates = ['spawning', 'handshaking', 'idle', 'leased', 'returning', 'draining', 'dead'] as const
export const connectionStateSchema = z.enum(connectionStates)
export type ConnectionState = (typeof connectionStates)[number]

export const closeReasons = [
  'idle-timeout',
  'max-lifetime',
  'max-uses',
  'single-use',
  'unhealthy',
  'exited',
  'write-failed',
  'protocol-error',
  'lease-revoked',
  'evicted',
  'killed',
  'upstream-removed',
  'shutdown',
  'connect-failed',
] as const
export const closeReasonSchema = z.enum(closeReasons)
export type CloseReason = (typeof closeReasons)[number]

/** Why a connection was opened. `replace` = instead of a failed or unexpectedly ended one. */
export const openReasons = ['demand', 'min-idle', 'spare', 'replace', 'probe', 'person'] as const
export const openReasonSchema = z.enum(openReasons)
export type OpenReason = (typeof openReasons)[number]

export const errorShapeSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
})

/** The last thing that went wrong, with the last stderr lines where a process was involved. */
export const failureSchema = errorShapeSchema.extend({
  at: z.number(),
  exitCode: z.number().nullable().optional(),
  signal: z.string().nullable().optional(),
  stderrTail: z.array(z.string()).optional(),
})
export type Failure = z.infer<typeof failureSchema>

export const streamKinds = ['notifications', 'subscription', 'messages', 'response'] as const
export const streamStates = ['idle', 'connecting', 'open', 'waiting', 'unsupported', 'stopped'] as const

/**
 * A stream of an http or sse connection that is opened again when it is lost. `notifications`: the GET of Streamable HTTP;
 * `subscription`: subscriptions/listen; `messages`: the one stream of the old HTTP+SSE; `response`: the rest of an answer.
 */
export const streamSchema = z.object({
  id: z.string(),
  kind: z.enum(streamKinds),
  /** waiting: for the next attempt. unsupported: the server has none of this kind, which is fine. */
  state: z.enum(streamStates),
  openedAt: z.number().nullable(),
  /** In a row without a message. */
  attempts: z.number(),
  /** Set while waiting. */
  nextAttemptAt: z.number().nullable(),
  /** Opened again, in all. */
  reconnects: z.number(),
  lastDrop: z.object({ at: z.number(), reason: z.string() }).nullable(),
  lastMessageAt: z.number().nullable(),
  /** Whether the server told event ids, so that it can replay what was missed. */
  resumable: z.boolean(),
})
export type StreamSnapshot = z.infer<typeof streamSchema>

export const authStates = [
  'not-needed',
  'signed-out',
  'discovering',
  'registering',
  'waiting-for-browser',
  'exchanging',
  'signed-in',
  'refreshing',
  'failed',
  'forbidden',
] as const

/** How a remote upstream lets us in, step by step. Holds no secret. */
export const authSchema = z.object({
  /** header: the config's own Authorization; oauth: a sign-in that we keep. */
  kind: z.enum(['none', 'header', 'oauth']),
  state: z.enum(authStates),
  since: z.number(),
  /** While waiting for the browser. */
  authorizationUrl: z.string().nullable(),
  issuer: z.string().nullable(),
  scopes: z.array(z.string()),
  /** Of the access token; null when the server did not say. */
  expiresAt: z.number().nullable(),
  /** Where tokens are kept. */
  storage: z.enum(['safe-storage', 'file', 'memory']).nullable(),
  error: z.string().nullable(),
})
export type AuthView = z.infer<typeof authSchema>

export const connectionSchema = z.object({
  id: z.string(),
  upstream: z.string(),
  pid: z.number().nullable(),
  state: connectionStateSchema,
  openReason: openReasonSchema,
  /** Set once it is draining: why it ends. */
  closeReason: closeReasonSchema.nullable(),
  spare: z.boolean(),
  openedAt: z.number(),
  /** When the present state began. */
  stateSince: z.number(),
  /** Requests answered, and requests under way. */
  served: z.number(),
  inFlight: z.number(),
  errors: z.number(),
  /** Since when the present lease is held; null when not leased. */
  leasedSince: z.number().nullable(),
  leakWarned: z.boolean(),
  /** Percent of one core over the last sample, and resident memory, of the whole process tree; null before the first sample. */
  cpuPercent: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  processes: z.number().nullable(),
  stderrBytes: z.number(),
  /** Of http and sse connections; none with stdio. */
  streams: z.array(streamSchema),
  lastError: z.string().nullable(),
})
export type ConnectionSnapshot = z.infer<typeof connectionSchema>

export const poolStates = ['running', 'suspended', 'draining', 'closed'] as const
export const breakerStates = ['closed', 'open', 'half-open'] as const

export const poolSchema = z.object({
  state: z.enum(poolStates),
  max: z.number(),
  minIdle: z.number(),
  idle: z.number(),
  leased: z.number(),
  spawning: z.number(),
  returning: z.number(),
  draining: z.number(),
  quarantined: z.number(),
  /** Warm spares, also counted in idle or spawning. */
  spares: z.number(),
  waiting: z.number(),
  oldestWaitMs: z.number(),
  returnQueueDepth: z.number(),
  returnQueueCapacity: z.number(),
  /** Totals since start. acquires = granted + timedOut + aborted + rejected + waiting. */
  acquires: z.number(),
  granted: z.number(),
  timedOut: z.number(),
  aborted: z.number(),
  rejected: z.number(),
  opened: z.number(),
  dead: z.number(),
  leaked: z.number(),
  revoked: z.number(),
  breaker: z.object({
    state: z.enum(breakerStates),
    /** Failures in a row. */
    failures: z.number(),
    /** Set while open: when a probe is let through. */
    retryAt: z.number().nullable(),
  }),
  reconnect: z.object({
    /** Spawn attempts since the last stable connection; 0 when all is well. */
    attempts: z.number(),
    /** Set while backing off: when the next attempt is made. */
    nextAt: z.number().nullable(),
    total: z.number(),
  }),
  singleShot: z.boolean(),
})
export type PoolSnapshot = z.infer<typeof poolSchema>

/**
 * stopped: not enabled, or stopped by a person. failing: no live connection and the last attempt failed. unauthorized: the
 * server wants a person to sign in, or refuses who we are; nothing is tried until then.
 */
export const upstreamStates = [
  'starting',
  'ready',
  'busy',
  'idle',
  'failing',
  'unauthorized',
  'suspended',
  'draining',
  'stopped',
] as const
export type UpstreamState = (typeof upstreamStates)[number]

export const statsSchema = z.object({
  /** Over the last 60 s; null when there was no call. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  ratePerSecond: z.number(),
  /** Totals since start. */
  requests: z.number(),
  errors: z.number(),
  /** Over the last hour. */
  restartsLastHour: z.number(),
  reconnectsLastHour: z.number(),
  errorsLastHour: z.number(),
  memoryBytes: z.number(),
  cpuPercent: z.number(),
})
export type UpstreamStats = z.infer<typeof statsSchema>

export const upstreamSchema = z.object({
  name: z.string(),
  state: z.enum(upstreamStates),
  enabled: z.boolean(),
  transport: z.enum(['stdio', 'http', 'sse']),
  /** What is run or reached, for people to read: command and arguments with secrets masked, or the URL. */
  target: z.string(),
  protocol: protocolSchema,
  era: z.enum(['legacy', 'modern', 'jsonrpc']).nullable(),
  isolation: isolationSchema,
  serverInfo: z.object({ name: z.string(), version: z.string(), protocolVersion: z.string() }).nullable(),
  url: z.string(),
  pool: poolSchema,
  stats: statsSchema,
  lastFailure: failureSchema.nullable(),
  /** Null with stdio. */
  auth: authSchema.nullable(),
  /** What a person should know and do, in plain words (a single-shot program and what would be better). */
  advice: z.array(z.string()),
  connections: z.array(connectionSchema),
})
export type UpstreamSnapshot = z.infer<typeof upstreamSchema>

/** One second of one upstream, for the charts. Latency is null when no call ended in that second (a gap, not a zero). */
export const pointSchema = z.object({
  /** Epoch seconds. */
  t: z.number(),
  idle: z.number(),
  leased: z.number(),
  spawning: z.number(),
  draining: z.number(),
  max: z.number(),
  waiting: z.number(),
  oldestWaitMs: z.number(),
  ok: z.number(),
  toolErrors: z.number(),
  protocolErrors: z.number(),
  timeouts: z.number(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  memoryBytes: z.number(),
  cpuPercent: z.number(),
})
export type Point = z.infer<typeof pointSchema>

/** Points kept for each upstream: five minutes. */
export const pointsKept = 300

export const gatewayStateSchema = z.object({
  state: z.enum(['listening', 'stopped', 'failed']),
  url: z.string(),
  auth: z.enum(['none', 'bearer']),
  sessions: z.number(),
  requestsInFlight: z.number(),
  error: z.string().nullable(),
})
export type GatewayState = z.infer<typeof gatewayStateSchema>

export const hostStateSchema = z.object({
  version: z.string(),
  pid: z.number(),
  startedAt: z.number(),
  mode: z.enum(['desktop', 'serve']),
  configFile: z.string(),
  memoryBytes: z.number(),
  childrenMemoryBytes: z.number(),
  eventLoopLagMs: z.number(),
  /** Null when no upstream is the demo server. */
  demoTraffic: z.object({ running: z.boolean(), upstream: z.string() }).nullable(),
  closing: z.boolean(),
})
export type HostState = z.infer<typeof hostStateSchema>
