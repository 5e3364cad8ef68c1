import type { UpstreamConfig } from '../../shared/config.ts'
import type { AppError } from '../../shared/errors.ts'
import type { AuthView } from '../../shared/state.ts'
import type { ConnectionOptions, UpstreamConnection } from './connection-types.ts'
import type { SignIn, UpstreamEvents } from './types.ts'

/**
 * How the connections of one upstream are opened: as processes, or as client sessions over HTTP. Everything else, pool,
 * eras, sessions, watches, retries, is the same for all (pooled-upstream.ts).
 */
export interface Transport {
  /** Null where there is nothing to sign in to. */
  readonly signIn: SignIn | null
  /** Null with processes. */
  readonly auth: AuthView | null
  /**
   * Follows a changed configuration of the same transport.
   * @returns whether connections opened before can't stand in for those opened from now on
   */
  reconfigure(config: UpstreamConfig): boolean
  /**
   * What is run or reached, as a key for what was learnt about it. Hashed: it may hold secrets.
   * @throws AppError CONFIG_INVALID when it can't be opened as configured, a variable that is not set for example
   */
  identity(): string
  /** Why no attempt is worth it, whoever asks: a server that wants a person to sign in. Told by {@link TransportHooks.blocked}. */
  readonly blocked: AppError | undefined
  /** A person wants another attempt all the same. */
  unblock(): void
  /** Starts opening and returns at once. @throws what keeps it from being started */
  open(options: ConnectionOptions): UpstreamConnection
  close(): Promise<void>
}

/** What a transport tells its upstream. */
export interface TransportHooks {
  tell<K extends 'stream.dropped' | 'stream.recovered' | 'stream.stopped' | 'auth.changed'>(
    name: K,
    payload: UpstreamEvents[K],
  ): void
  /** Something that the window shows has changed. */
  changed(): void
  /** The server answers where it did not, or where a stream was lost. */
  answers(): void
  /** Before the connection that found it out goes down: nobody shall wait, and nothing is opened. */
  blocked(error: AppError): void
  /** An attempt is worth it again. */
  unblocked(): void
}

export type CreateTransport = (hooks: TransportHooks) => Transport
