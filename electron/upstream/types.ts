import type { LogLine } from '../../shared/commands.ts'
import type { Timeouts, UpstreamConfig } from '../../shared/config.ts'
import type { ErrorShape } from '../../shared/errors.ts'
import type { CloseReason, ConnectionSnapshot, OpenReason, PoolSnapshot, UpstreamSnapshot } from '../../shared/state.ts'
import type { Emitter } from '../kit/emitter.ts'

/** JSON text that is relayed and not re-shaped: a JSON.parse and stringify would round integers above 2^53. */
export type JsonText = string

/** A notification that came from the server while a request held its connection. Ids and tokens are the caller's own again. */
export interface ServerNotification {
  method: string
  /** The whole JSON-RPC message, one line. */
  message: JsonText
}

export interface UpstreamRequest {
  method: string
  /** The text of `params`, an object or array; absent when the request had none. */
  params?: JsonText | undefined
  /** Aborts the request: it is cancelled at the server where it was written already. */
  signal?: AbortSignal | undefined
  /** Lowers (never raises) the upstream's own. */
  timeouts?: Partial<Timeouts> | undefined
  /** Soft affinity: the connection that this caller used last. */
  prefer?: string | undefined
  /** Progress, log messages and other notifications that belong to the holder of the lease. */
  onNotification?: ((notification: ServerNotification) => void) | undefined
}

export interface Timing {
  /** From the call to the grant of a connection, opening included. */
  queueMs: number
  /** Whether this request opened a connection. */
  coldStart: boolean
  /** From the written request to its response. */
  callMs: number
  attempts: number
}

/** The server's own answer, either kind, byte for byte as it stood in its line. Failures of ours are thrown as AppError. */
export interface UpstreamReply {
  kind: 'result' | 'error'
  /** The text of `result` or of `error`. */
  text: JsonText
  connectionId: string
  pid: number | null
  timing: Timing
}

export interface Handshake {
  /** The text of the InitializeResult, as the server sent it. */
  initializeResult: JsonText
  protocolVersion: string
  serverInfo: { name: string; version: string }
  capabilities: Record<string, unknown>
}

export type RequestOutcome = 'ok' | 'tool_error' | 'protocol_error' | 'timeout' | 'cancelled' | 'unavailable' | 'lost'

/** What an upstream tells; telemetry listens. Times are monotonic durations in milliseconds. */
export interface UpstreamEvents {
  'connection.opening': { connectionId: string; reason: OpenReason; pid: number | null }
  'connection.ready': { connectionId: string; pid: number | null; connectMs: number; spawnBlockedMs: number }
  'connection.failed': { connectionId: string; pid: number | null; error: ErrorShape }
  'connection.closing': { connectionId: string; pid: number | null; reason: CloseReason; error: ErrorShape | null }
  'connection.dead': {
    connectionId: string
    pid: number | null
    reason: CloseReason
    forced: boolean
    exitCode: number | null
    signal: string | null
    lifeMs: number
    served: number
  }
  'connection.quarantined': { connectionId: string; pid: number | null }
  /** Anything of the pool or its connections changed: the snapshot is stale. Fires often; carries nothing. */
  changed: undefined
  'acquire.settled': { result: 'granted' | 'timed-out' | 'aborted' | 'rejected'; waitMs: number }
  'lease.leak': { connectionId: string; heldMs: number; stack: string | null }
  'lease.revoked': { connectionId: string; heldMs: number }
  'lease.reclaimed': { connectionId: string }
  'reconnect.scheduled': { attempt: number; delayMs: number }
  'reconnect.attempt': { attempt: number }
  'breaker.opened': { failures: number; retryAfterMs: number }
  'breaker.half-open': undefined
  'breaker.closed': undefined
  'single-shot': undefined
  'request.done': {
    method: string
    tool: string | null
    outcome: RequestOutcome
    error: ErrorShape | null
    totalMs: number
    queueMs: number
    callMs: number
    connectionId: string | null
  }
  'line.invalid': { connectionId: string; head: string }
  /** A notification that no request holds: list_changed and the like. */
  notification: ServerNotification & { connectionId: string }
  'maintenance.error': { error: unknown }
}

/** One configured MCP server: how to reach it, its pool, its limits. */
export interface Upstream {
  readonly name: string
  readonly config: UpstreamConfig
  readonly events: Emitter<UpstreamEvents>
  /** @throws AppError with a pool or connection code; the message names counts and the cause */
  request(request: UpstreamRequest): Promise<UpstreamReply>
  /** The cached handshake; opens a connection when there was none yet. */
  handshake(options?: { signal?: AbortSignal; timeouts?: Partial<Timeouts> }): Promise<Handshake>
  /** Everything but statistics, which telemetry adds. */
  view(): UpstreamView
  /** Stderr of a connection, live or among the last that ended. Undefined when unknown. */
  logs(connectionId: string): { lines: LogLine[]; droppedBytes: number } | undefined
  /** PIDs of live process trees, by connection. */
  pids(): Map<string, number>

  spawn(): string
  drain(): void
  restart(): void
  suspend(): void
  resume(): void
  retry(): void
  resetBreaker(): void
  /** @returns false when there is no such live connection */
  evict(connectionId: string, how: 'kill' | 'drain' | 'restart'): boolean
  /** Limits and timeouts take effect at once; a changed command, env, … restarts connections one by one. */
  reconfigure(config: UpstreamConfig): void
  /**
   * Drains within `timeoutMs`, then kills. Idempotent: ten concurrent closes have one outcome, a shorter time hastens it.
   * Nothing is left.
   */
  close(reason: 'shutdown' | 'upstream-removed', timeoutMs?: number): Promise<void>
}

export type UpstreamView = Pick<UpstreamSnapshot, 'state' | 'era' | 'serverInfo' | 'lastFailure' | 'advice'> & {
  pool: PoolSnapshot
  connections: Omit<ConnectionSnapshot, 'cpuPercent' | 'memoryBytes' | 'processes'>[]
}
