import type { Clock } from '../kit/clock.ts'
import type { JsonText, ServerNotification, ServerRequest } from './types.ts'

/** One request on one connection. */
export interface Call {
  method: string
  params?: JsonText | undefined
  /** From the written request to its response; progress starts it anew. Milliseconds. */
  responseTimeoutMs: number
  /** Monotonic milliseconds; no progress moves it. */
  deadline?: number | undefined
  signal?: AbortSignal | undefined
  onNotification?: ((notification: ServerNotification) => void) | undefined
  /** Without it a request of the server is for whoever listens to the connection. */
  onServerRequest?: ((request: ServerRequest) => void) | undefined
  /** It holds nothing: what the server says meanwhile does not belong to it, and nobody waits for its late answer. */
  background?: boolean
  /** Text of the caller's own id, put back as the subscription id into what a `subscriptions/listen` is told. */
  subscriptionId?: JsonText | undefined
  /** False: a time-out is not told to the server (`initialize` must not be cancelled, MCP basic/utilities/cancellation). */
  cancellable?: boolean
}

/** What a message that is written is, for whoever carries it. An answer to the server has none of these. */
export interface Outgoing {
  /** Of a request: under which it is answered. */
  readonly id?: number
  readonly method?: string
  readonly params?: JsonText | undefined
}

/** The server's answer, byte for byte. */
export interface Answer {
  kind: 'result' | 'error'
  text: JsonText
}

export interface ChannelOptions {
  clock: Clock
  /** Writes one line (line breaks within are its business), or throws with nothing written. */
  write(line: string, message: Outgoing): void
  /** Whether the peer knows `notifications/cancelled` (plain JSON-RPC programs do not). */
  mcp: boolean
  /**
   * Whether what the server says of its own accord belongs to the one request that is under way. Not where several share
   * the connection: nothing tells them apart.
   */
  exclusive?: boolean
  /**
   * What each request is answered on is its own (the response to its POST): a late answer is in nobody's way, and what is
   * received names the request that it came for. Default false: one stream for all.
   */
  separate?: boolean
  /** How the server is told that nobody waits for an answer any more. Default: `notifications/cancelled`, where `mcp`. */
  cancel?(id: number, reason: string): void
  /** A request is over: answered, failed or abandoned. */
  over?(id: number): void
  /** What a time-out should tell: process, stderr. */
  describe(): Record<string, unknown>
  /** A list or a resource has changed. It is told to the holder as well, `notifications/resources/updated` apart. */
  onChange?(notification: ServerNotification): void
  /** A request of the server's own that no request holds. Without it the answer is -32601. */
  onServerRequest?: ((request: ServerRequest) => void) | undefined
  /** A notification that no request holds. */
  onNotification(notification: ServerNotification): void
  /** A line that is not JSON-RPC, or answers nothing that was asked. */
  onInvalid(line: string): void
  /** A listener of ours threw. */
  onListenerError(error: unknown): void
}
