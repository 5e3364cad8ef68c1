import type { CloseReason, OpenReason } from '../../shared/state.ts'

/** Why a resource can no longer serve. The first cause wins. */
export interface DownCause {
  reason: Extract<CloseReason, 'exited' | 'write-failed' | 'protocol-error' | 'unhealthy' | 'single-use'>
  /**
   * An expected end (a single-shot program that has answered) is no crash: no backoff, no rate limit, no breaker. Before it
   * was ready: the next one will be opened in another way.
   */
  expected: boolean
  /** No way of opening it would fare better for now (a server that wants a person to sign in): what it was opened for waits. */
  final?: boolean | undefined
  error: Error
}

/** How to end a resource: everything gentle first, without the gentle part, or at once. */
export type CloseManner = 'gentle' | 'abrupt' | 'kill'

/**
 * What a pool holds: something that is opened, used by one holder at a time, and closed. A pool knows neither MCP nor
 * processes; a stdio connection and an HTTP session are resources to it.
 */
export interface Resource {
  /** Settles once: resolves when it can serve, rejects with the cause. A rejected resource must still be closed. */
  readonly ready: Promise<void>
  /** False from the moment that it can no longer serve; never true again. */
  readonly alive: boolean
  /**
   * What it is, when that is not what it was opened as: read once it was opened and once it is ready. One that somebody
   * still waits for under the kind that it was opened as goes to them; the holder may {@link Pool.assign} it.
   */
  readonly kind?: string | undefined
  /** Called at most once, when `alive` turns false by itself, before or after `ready` settled. */
  onDown(listener: (cause: DownCause) => void): void
  /** Rejects, or does not settle before the signal aborts, when it is not well. */
  ping?(signal: AbortSignal): Promise<void>
  /**
   * Ends it. Idempotent; a harsher manner hastens a close that is under way. Never rejects.
   * `survived`: it could not be ended yet (a process tree that outlives SIGKILL); the pool asks again, for a while.
   */
  close(manner: CloseManner): Promise<'gone' | 'survived'>
}

export interface OpenContext {
  readonly connectionId: string
  readonly reason: OpenReason
  /** What the acquire asked for; '' unless it did. */
  readonly kind: string
  /** The resource tells that it is started and now shakes hands. */
  handshaking(): void
}

/** Starts opening and returns at once. May throw (counts as a failed open). */
export type OpenResource<R extends Resource> = (context: OpenContext) => R

export interface AcquireOptions {
  signal?: AbortSignal | undefined
  /** Monotonic milliseconds of the pool's clock; the sooner of this and acquireTimeoutMs counts. */
  deadline?: number | undefined
  /** Take this connection if it is idle (soft affinity); otherwise any. */
  prefer?: string | undefined
  /**
   * Only connections of this kind may serve, and a new one is opened as such. Default ''. Kinds share the pool's permits:
   * at the limit an idle connection of another kind is closed to make room.
   */
  kind?: string | undefined
  /** Only this connection may serve: waits until it is free, before other waiters; CONNECTION_LOST when it ends first or is not there. */
  only?: string | undefined
  /** The holder may keep it for as long as it lives: no leak warning, no revocation by time. */
  hold?: boolean | undefined
}

/** The exclusive right to use a connection. Released exactly once; a second release returns false and changes nothing. */
export interface Lease<R extends Resource> extends Disposable, AsyncDisposable {
  readonly connectionId: string
  readonly generation: number
  /** How this lease was got: from idle at once, after waiting, or by opening. Milliseconds from acquire to grant. */
  readonly waitedMs: number
  readonly opened: boolean
  /** @throws AppError LEASE_EXPIRED once released or revoked */
  readonly resource: R
  /** Aborts when the lease is revoked (too long held, connection killed, pool destroyed). */
  readonly revoked: AbortSignal
  /**
   * Synchronous and idempotent. `discard` says that the connection must not be used again, and why.
   * @returns false when it had been released or revoked before
   */
  release(discard?: { reason: CloseReason; manner?: CloseManner }): boolean
}
