import type { LogLine } from '../../shared/commands.ts'
import type { AppError } from '../../shared/errors.ts'
import type { CloseReason, StreamSnapshot } from '../../shared/state.ts'
import type { Resource } from '../pool/types.ts'
import type { Answer, Call } from './channel-types.ts'
import type { EraVerdict } from './era-verdicts.ts'
import type { Opening } from './negotiation.ts'
import type { Handshake, JsonText, ServerNotification, ServerRequest } from './types.ts'

/** What a connection said on the side, oldest first. */
export interface ConnectionLogSnapshot {
  lines: LogLine[]
  droppedBytes: number
}

/** How a connection ended, as far as that is told. */
export interface ConnectionEnd {
  exitCode: number | null
  signal: string | null
  /** It had to be killed. */
  forced: boolean
}

/** One live link to an MCP server, whatever carries it: a process, or a client session over HTTP. */
export interface UpstreamConnection extends Resource {
  readonly connectionId: string
  /** Null where it is no process of ours. */
  readonly pid: number | null
  /** Once it is done; never with plain JSON-RPC. */
  readonly handshake: Handshake | undefined
  /** Whether it speaks MCP with whoever asks: not one of a client's own session. */
  readonly isShared: boolean
  /** Requests answered, by either kind of answer. */
  readonly served: number
  /** Requests under way, the handshake and pings apart. */
  readonly inFlight: number
  /** Requests that got no answer, or an error as answer. */
  readonly errors: number
  readonly lastError: string | undefined
  /** Nothing listens where the server was; the connection waits for it. Never with a process. */
  readonly away?: boolean
  /** Whether it still owes the answer to an abandoned request: not to be given to anyone. */
  readonly owesAnswer: boolean
  /** Whether it ended by itself, and well, right after its one and only answer: a single-shot program. */
  readonly endedAfterOneAnswer: boolean
  /** Milliseconds that opening it held up the main thread. */
  readonly spawnBlockedMs: number
  /** Bytes that it said on the side (stderr), kept or not. */
  readonly logBytes: number
  /** Settles when it is gone, by itself or by us. */
  readonly gone: Promise<void>
  readonly end: ConnectionEnd
  /**
   * Sends one request. Not `async`, because when it throws is what it tells.
   * @returns the server's answer; rejects with RESPONSE_TIMEOUT, DEADLINE_EXCEEDED, ABORTED, CONNECTION_LOST, LINE_TOO_LONG
   * and, over HTTP, CONNECT_FAILED, HTTP_STATUS, …; `data.written === false` says that the server can't have got it
   * @throws AppError synchronously when nothing was written
   */
  call(call: Call): Promise<Answer>
  /** Sends a request that holds nothing: see {@link Call.background}. @throws AppError when nothing was written */
  background(call: Omit<Call, 'background' | 'responseTimeoutMs'>): Promise<Answer>
  /** Sends a notification. @throws AppError when nothing was written */
  notify(method: string, params?: JsonText): void
  /** Waits a moment for the answers of abandoned requests. @returns whether it may be used again */
  cleared(graceMs: number): Promise<boolean>
  /** Told by the pool's event right before it closes this: a request under way fails with the reason. */
  closingFor(reason: CloseReason): void
  /** What it said on the side: stderr of a process; the history of a remote session. */
  log(): ConnectionLogSnapshot
  /** Streams that are opened again when they are lost; none with a process. */
  streams(): StreamSnapshot[]
  /** Tries every stream that waits for its next attempt now. @returns how many did */
  reconnect(): number
}

/** What every connection is opened with. */
export interface ConnectionOptions {
  readonly connectionId: string
  /** How the server is spoken to first; plain JSON-RPC programs get no MCP notifications. */
  readonly opening: Opening
  /** What it is; undefined while that is to be found out, and where what it was opened as says it. */
  readonly kind?: string | undefined
  /** What a connection is that was to find out what its server speaks. */
  kindAfter(handshake: Handshake): string
  /** What is known of the server's eras, and what becomes known. */
  readonly verdict: EraVerdict
  learn(found: EraVerdict): void
  /** Whether requests have the connection one at a time; see {@link ChannelOptions.exclusive}. */
  readonly exclusive: boolean
  /** A client's own session, which speaks with its server itself. */
  readonly session?: SessionListener | undefined
  readonly connectTimeoutMs: number
  /** Opened, and now shakes hands. */
  handshaking(): void
  onHandshake(handshake: Handshake, kind: string | undefined): void
  /** See {@link ChannelOptions.onChange}; not told of a client's own session. */
  onChange(notification: ServerNotification): void
  onNotification(notification: ServerNotification): void
  onInvalidLine(head: string): void
  onListenerError(error: unknown): void
}

/** Who listens to a connection of a client's own, whatever request is under way. */
export interface SessionListener {
  onNotification(notification: ServerNotification): void
  onServerRequest(request: ServerRequest): void
  onEnded(error: AppError): void
}
