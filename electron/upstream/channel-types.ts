import type { Clock } from '../kit/clock.ts'
import type { JsonText, ServerNotification } from './types.ts'

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
  /** False: a time-out is not told to the server (`initialize` must not be cancelled, MCP basic/utilities/cancellation). */
  cancellable?: boolean
}

/** The server's answer, byte for byte. */
export interface Answer {
  kind: 'result' | 'error'
  text: JsonText
}

export interface ChannelOptions {
  clock: Clock
  /** Writes one line (line breaks within are its business), or throws with nothing written. */
  write(line: string): void
  /** Whether the peer knows `notifications/cancelled` (plain JSON-RPC programs do not). */
  mcp: boolean
  /** What a time-out should tell: process, stderr. */
  describe(): Record<string, unknown>
  /** A notification that no request holds. */
  onNotification(notification: ServerNotification): void
  /** A line that is not JSON-RPC, or answers nothing that was asked. */
  onInvalid(line: string): void
  /** A listener of ours threw. */
  onListenerError(error: unknown): void
}
