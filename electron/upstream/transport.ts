import type { UpstreamConfig } from '../../shared/config.ts'
import type { ConnectionOptions, UpstreamConnection } from './connection-types.ts'

/**
 * How the connections of one upstream are opened: as processes, or as client sessions over HTTP. Everything else, pool,
 * eras, sessions, watches, retries, is the same for all (pooled-upstream.ts).
 */
export interface Transport {
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
  /**
   * Why opening one is not worth an attempt, whoever asks: a server that wants a person to sign in.
   * Callers get it at once, and the pool opens none by itself.
   */
  blocked(): Error | undefined
  /** Starts opening and returns at once; may throw. */
  open(options: ConnectionOptions): UpstreamConnection
  close(): Promise<void>
}
