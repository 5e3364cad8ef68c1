import type { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { ChildTree, ProcessSpec } from '../process/types.ts'
import type { EraVerdict } from './era-verdicts.ts'
import type { ClientInfo } from './handshake.ts'
import type { Opening } from './negotiation.ts'
import type { Handshake, ServerNotification, ServerRequest } from './types.ts'

export interface StdioConnectionOptions {
  readonly connectionId: string
  readonly tree: ChildTree
  readonly spec: ProcessSpec
  /** How the process is spoken to first; plain JSON-RPC programs get no MCP notifications. */
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
  /** A client's own session, which speaks with its process itself. */
  readonly session?: SessionListener | undefined
  readonly clientInfo: ClientInfo
  readonly connectTimeoutMs: number
  readonly clock: Clock
  /** Started, and now shakes hands. */
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
