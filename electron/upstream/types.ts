import type { LogLine } from '../../shared/commands.ts'
import type { Timeouts, UpstreamConfig } from '../../shared/config.ts'
import type { ErrorCode, ErrorShape } from '../../shared/errors.ts'
import type {
  AuthView,
  CloseReason,
  ConnectionSnapshot,
  OpenReason,
  PoolSnapshot,
  StreamSnapshot,
  UpstreamSnapshot,
} from '../../shared/state.ts'
import type { Emitter } from '../kit/emitter.ts'

/** JSON text that is relayed and not re-shaped: a JSON.parse and stringify would round integers above 2^53. */
export type JsonText = string

/** A notification that came from the server while a request held its connection. Ids and tokens are the caller's own again. */
export interface ServerNotification {
  method: string
  /** The whole JSON-RPC message, one line. */
  message: JsonText
}

/** The MCP protocol family that a process or a client speaks. */
export type Era = 'legacy' | 'modern'

/**
 * Which processes may serve: those that speak `era` and were told the same of their client. A legacy process is told
 * capabilities once, in `initialize`; a modern one with each request, so that its profile has none.
 */
export interface ProcessProfile {
  era: Era
  /** Normalised text of a JSON object of client capabilities; '{}' for none. */
  capabilities: JsonText
}

/** A request of the server's own (sampling, elicitation, roots) that came to the holder of its connection. */
export interface ServerRequest {
  method: string
  params?: JsonText | undefined
  /**
   * The client's answer, byte for byte. Exactly once; while it is awaited the response timeout stands still.
   * @returns false when the server no longer waits: the connection or the request has ended
   */
  answer(kind: 'result' | 'error', text: JsonText): boolean
  /** Aborts when the server cancelled it, or its connection ended. */
  readonly gone: AbortSignal
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
  /** Default: legacy, no capabilities. */
  profile?: ProcessProfile | undefined
  /** Hard affinity: only this connection may serve (cursors, requestState). CONNECTION_LOST when it is gone. */
  only?: string | undefined
  /** Text of the caller's own JSON-RPC id, for `subscriptions/listen` alone: it comes back as the subscription id. */
  subscriptionId?: JsonText | undefined
  /** Without it a request of the server is answered with -32601 (`ping` always is answered by us). */
  onServerRequest?: ((request: ServerRequest) => void) | undefined
}

/**
 * A connection of its own for one client session (isolation `session`, or pinned): the real `initialize` went to it. The
 * client's `notifications/initialized` is its own to say, by `notify`; a request that comes before it says it first.
 */
export interface UpstreamSession {
  readonly connectionId: string
  readonly pid: number | null
  readonly handshake: Handshake
  /** Aborts when the connection has ended; the reason is the AppError. */
  readonly ended: AbortSignal
  /** Several at once, as the client sends them. `profile`, `only` and `prefer` do not count here. */
  request(request: UpstreamRequest): Promise<UpstreamReply>
  /** A notification of the client: roots/list_changed and the like. @throws AppError when nothing was written */
  notify(method: string, params?: JsonText): void
  /** What the server says outside of any request. Set right after opening: what came before is told then. */
  onNotification: (notification: ServerNotification) => void
  onServerRequest: (request: ServerRequest) => void
  /** Gives the process up: what it remembers is this client's, so that it is closed and never handed to another. */
  close(): void
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
  era: Era
  /** The text of the InitializeResult (legacy) or DiscoverResult (modern), as the server sent it. */
  initializeResult: JsonText
  /** Legacy: as negotiated. Modern: the newest revision that both sides speak. */
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
  /**
   * A stream was lost, or an attempt at it failed, and it is tried again in `retryInMs`.
   * `code`: the class of the reason, for metrics; null when the server ended the stream in good order.
   */
  'stream.dropped': StreamPlace & { reason: string; code: ErrorCode | null; attempt: number; retryInMs: number }
  /** It is open again and something was received. `resumed`: the server was told the last event id. */
  'stream.recovered': StreamPlace & { attempts: number; downMs: number; resumed: boolean }
  /** It is not tried any more. */
  'stream.stopped': StreamPlace & { reason: string }
  /** How the server lets us in has changed. */
  'auth.changed': { view: AuthView; before: AuthView['state'] }
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

export interface StreamPlace {
  connectionId: string
  streamId: string
  kind: StreamSnapshot['kind']
}

/** How long a caller waits for a connection that has to be opened first. */
export interface Wait {
  signal?: AbortSignal | undefined
  /** Lower (never raise) the upstream's own: of the whole wait, and of a connect where nothing else is waited for. */
  timeouts?: Partial<Timeouts> | undefined
}

/** What a person does about the sign-in of a remote upstream. */
export interface SignIn {
  readonly view: AuthView
  /**
   * Begins one, or tells of the one that is under way: resolves once a browser can be sent to the authorization server.
   * @throws AppError UPSTREAM_UNAUTHORIZED, CONNECT_FAILED, HTTP_STATUS, … why it can't be begun
   */
  signIn(): Promise<{ authorizationUrl: string | null; opened: boolean }>
  /** @param redirectUrl what the browser ended at @throws AppError INVALID_ARGUMENT, UPSTREAM_UNAUTHORIZED */
  completeSignIn(redirectUrl: string): Promise<void>
  cancelSignIn(): void
  signOut(): Promise<void>
}

/** One configured MCP server: how to reach it, its pool, its limits. */
export interface Upstream {
  readonly name: string
  readonly config: UpstreamConfig
  readonly events: Emitter<UpstreamEvents>
  /** @throws AppError with a pool or connection code; the message names counts and the cause */
  request(request: UpstreamRequest): Promise<UpstreamReply>
  /**
   * The era of the processes that serve clients of `client`'s era: their own where the server speaks it, else the other.
   * Probes with the first connection (PROTOCOL, section 4); the verdict is cached. `protocol` of the config overrides.
   * @throws AppError ABORTED, DEADLINE_EXCEEDED, CONNECT_TIMEOUT, or why no connection could be opened
   */
  eraFor(client: Era, options?: Wait): Promise<Era>
  /** The cached handshake of a profile (default: legacy, no capabilities); opens a connection when there was none yet. */
  handshake(options?: Wait & { profile?: ProcessProfile | undefined }): Promise<Handshake>
  /** @param initialize the client's own params of `initialize`, forwarded as they are; absent for a modern client */
  openSession(options: {
    initialize?: JsonText | undefined
    signal?: AbortSignal | undefined
  }): Promise<UpstreamSession>
  /**
   * Watches what the server tells outside of requests, through one watcher connection: a resource by its URI, or a kind of
   * list. Counted: the first watch of a key subscribes at the server, the last one to stop unsubscribes; replayed after a
   * respawn. Legacy: resources/subscribe and list_changed notifications; modern: one subscriptions/listen.
   * A resource has a process opened; a list is watched while a process lives, and again when the next one does.
   * @returns stops; idempotent
   * @throws AppError, or the server's own error as `{kind: 'error', text}` reply when it refuses
   */
  watch(
    what: { uri: string } | { list: 'tools' | 'prompts' | 'resources' },
    listener: (notification: ServerNotification) => void,
  ): Promise<{ stop: () => void } | { refused: JsonText }>
  /** Everything but statistics, which telemetry adds. */
  view(): UpstreamView
  /** Stderr of a connection, live or among the last that ended. Undefined when unknown. */
  logs(connectionId: string): { lines: LogLine[]; droppedBytes: number } | undefined
  /** Null where there is nothing to sign in to: stdio, or an Authorization of the config. */
  readonly signIn: SignIn | null
  /**
   * Has the streams of a connection that wait for their next attempt tried now.
   * @returns how many did; undefined when there is no such live connection
   */
  reconnect(connectionId: string): number | undefined
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

export type UpstreamView = Pick<
  UpstreamSnapshot,
  'state' | 'era' | 'serverInfo' | 'lastFailure' | 'auth' | 'advice'
> & {
  pool: PoolSnapshot
  connections: Omit<ConnectionSnapshot, 'cpuPercent' | 'memoryBytes' | 'processes'>[]
}
