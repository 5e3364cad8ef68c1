import type { Clock, Timer } from '../kit/clock.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/** Connections taken from the return queue in one turn, so that a flood of them can't starve the sweep. */
export const returnsPerTurn = 8

const resolved = Promise.resolve()

interface Handlers<R extends Resource> {
  /** One connection came back. */
  returned(connection: PooledConnection<R>, now: number): void
  /** A handler threw over this connection. */
  broken(connection: PooledConnection<R>): void
  /** Called every period. `stalledMs`: time that the event loop was blocked since the last sweep. */
  sweep(now: number, stalledMs: number): void
}

/**
 * The one loop of a pool: it owns the return queue and the sweep. A turn runs in a microtask after a release, or at
 * once when an acquire comes first, so that a connection which is on its way back is never overlooked; what is left
 * over after eight waits for the next turn of the event loop. Handlers that throw are reported, and the loop goes on.
 */
export class Maintenance<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #clock: Clock
  readonly #handlers: Handlers<R>
  readonly #turnSoon: () => void
  #scheduled = false
  #turning = false
  #stopped = false
  #interval: Timer | undefined
  #periodMs = 0
  #lastSweepAt = 0

  constructor(core: PoolCore<R>, handlers: Handlers<R>) {
    this.#core = core
    this.#clock = core.clock
    this.#handlers = handlers
    this.#turnSoon = () => {
      this.#scheduled = false
      this.turn()
    }
    this.setPeriod(core.limits.healthCheckIntervalMs)
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** The first sweep comes one full period from now (review, fix 2: no first-tick bias). */
  setPeriod(periodMs: number): void {
    if (periodMs === this.#periodMs || this.#stopped) return
    this.#interval?.cancel()
    this.#periodMs = periodMs
    this.#lastSweepAt = this.#clock.now()
    this.#interval = this.#clock.every(periodMs, () => this.#sweep())
  }

  /** Puts a connection into the return queue. @returns false when the queue is full or closed */
  offer(connection: PooledConnection<R>): boolean {
    if (!this.#core.returns.offer(connection)) return false
    if (!this.#scheduled) {
      this.#scheduled = true
      void resolved.then(this.#turnSoon)
    }
    return true
  }

  /** Takes up to eight returned connections. @returns the time when there were any: a clock is not read twice */
  turn(): number | undefined {
    const { returns } = this.#core
    if (this.#turning || returns.length === 0) return undefined
    this.#turning = true
    const now = this.#clock.now()
    try {
      for (let taken = 0; taken < returnsPerTurn; taken++) {
        const connection = returns.take()
        if (!connection) break
        this.#take(connection, now)
      }
    } finally {
      this.#turning = false
      if (returns.length > 0 && !this.#scheduled) {
        this.#scheduled = true
        setImmediate(this.#turnSoon)
      }
    }
    return now
  }

  #take(connection: PooledConnection<R>, now: number): void {
    try {
      this.#handlers.returned(connection, now)
    } catch (error) {
      this.#core.report(error)
      this.#handlers.broken(connection)
    }
  }

  /** Takes what is left, closes the queue, and ends. */
  stop(): void {
    while (this.#core.returns.length > 0 && !this.#turning) this.turn()
    this.#core.returns.close()
    this.#stopped = true
    this.#interval?.cancel()
  }

  #sweep(): void {
    const now = this.#clock.now()
    const lateMs = now - this.#lastSweepAt - this.#periodMs
    this.#lastSweepAt = now
    try {
      this.#handlers.sweep(now, lateMs > stallMs ? lateMs : 0)
    } catch (error) {
      this.#core.report(error)
    }
  }
}

/** A sweep that comes this late means that the event loop was blocked, or the machine slept. */
const stallMs = 500
