import type { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { Opener } from './opener.ts'
import type { Resource } from './types.ts'

/**
 * Replaces every connection, one after the other, while requests go on: where a permit is free the new one is opened
 * first, otherwise an old one makes room. A new one that fails is tried again after the backoff; the old ones serve on.
 */
export class RollingRestart<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #closer: Closer<R>
  readonly #opener: Opener<R>
  /** The connection that is being opened. */
  #replacement: string | undefined
  /** The old one of the replacement has left already. */
  #paid = false
  /** The old one that is leaving. */
  #leaving: string | undefined
  /** No old one was idle: the next one that comes back leaves. */
  #takesNext = false
  /** The replacement is opened once the old one is gone, there being no permit before. */
  #openAfter = false

  constructor(core: PoolCore<R>, closer: Closer<R>, opener: Opener<R>) {
    this.#core = core
    this.#closer = closer
    this.#opener = opener
  }

  start(): void {
    this.#core.epoch++
    this.step()
  }

  /** Asked for each connection that comes back. @returns true when it must go */
  takes(connection: PooledConnection<R>): boolean {
    if (!this.#takesNext || connection.epoch >= this.#core.epoch) return false
    this.#takesNext = false
    this.#leaving = connection.id
    return true
  }

  ready(connection: PooledConnection<R>): void {
    if (connection.id === this.#replacement) {
      this.#replacement = undefined
      if (!this.#paid) this.#retireOne(false)
      this.#paid = false
    }
    this.step()
  }

  freed(connection: PooledConnection<R>): void {
    if (connection.id === this.#replacement) this.#replacement = undefined
    if (connection.id === this.#leaving) {
      this.#leaving = undefined
      this.#paid = this.#openAfter
    }
    this.step()
  }

  step(): void {
    const core = this.#core
    if (core.state !== 'running' || this.#replacement || this.#leaving) return
    const [first] = this.#stale()
    if (this.#takesNext) {
      const busy = first !== undefined && ![...this.#stale()].some(isFree)
      if (busy) return
      this.#takesNext = false
    }
    if (!this.#paid && !first) return
    if (this.#paid || core.connections.size + this.#opener.ordersWaiting < core.limits.maxConnections) {
      this.#replacement = this.#opener.order(false)
      this.#opener.fill()
    } else this.#retireOne(true)
  }

  /** One that nobody uses if there is one, else the next that comes back. */
  #retireOne(openAfter: boolean): void {
    this.#openAfter = openAfter
    for (const connection of this.#stale()) {
      if (!isFree(connection)) continue
      this.#leaving = connection.id
      this.#closer.end(connection, 'evicted', 'gentle')
      return
    }
    this.#takesNext = !this.#stale().next().done
  }

  *#stale(): Generator<PooledConnection<R>, undefined> {
    for (const connection of this.#core.connections.values()) {
      if (connection.open && connection.epoch < this.#core.epoch && !connection.retirement) yield connection
    }
  }
}

/** Idle, or still opening: one that hangs in its handshake must not hold up its successor until it times out. */
const isFree = <R extends Resource>({ state }: PooledConnection<R>): boolean =>
  state === 'idle' || state === 'spawning' || state === 'handshaking'
