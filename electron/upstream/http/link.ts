import type { AppError } from '../../../shared/errors.ts'
import type { StreamSnapshot } from '../../../shared/state.ts'
import type { Channel, ChannelOptions } from '../channel.ts'
import type { Handshake } from '../types.ts'

/** How the messages of one connection travel: by POSTs that are answered each by itself, or over one stream. */
export interface Link {
  readonly channel: Channel
  /** Opens what has to be open before the first message. @throws AppError why it can't be opened */
  open(): Promise<void>
  /** The handshake is done. */
  established(handshake: Handshake): void
  /** The session is lost: what is under way fails with the error, each request with whether the server may have got it. */
  fail(error: AppError): void
  streams(): StreamSnapshot[]
  /** Tries every stream that waits for its next attempt now. @returns how many did */
  reconnect(): number
  /** Tells the server that the session is over; returns when it knows, or the signal aborts. Never rejects. */
  farewell(signal: AbortSignal): Promise<void>
  /** Ends everything. Resolves when all sockets are closed. Idempotent. */
  close(): Promise<void>
}

/** What a link tells its connection. */
export interface LinkHost {
  /** The server has answered something. */
  fine(): void
  /** A request failed for a reason that may be the connection's. */
  troubled(error: AppError): void
  /** The session can't go on. @param expected it ended as sessions end: no failure of the server */
  lost(error: AppError, expected: boolean): void
  /** The server does not let us in any more. */
  refused(error: AppError): void
  /** This request is not allowed; whether others are is worth a look. */
  forbidden(): void
}

/** What the connection says of its channel; how it writes is the link's. */
export type LinkChannelOptions = Omit<ChannelOptions, 'write' | 'separate' | 'cancel' | 'over'>
