import { AppError } from '../../shared/errors.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { Timer } from '../kit/clock.ts'
import { type Deferred, deferred } from '../kit/deferred.ts'
import type { Closer } from './closer.ts'
import type { PoolCore } from './core.ts'
import type { Maintenance } from './maintenance.ts'
import type { Resource } from './types.ts'

/** POOL semantics, "Defaults": shutdown 10 s in all. */
export const shutdownMs = 10_000
/** The last part of that time is for ending what is still leased. */
const endingMs = 2_000
/** SIGKILL takes effect within this, or the process is beyond us. */
const killMs = 1_000

/** Closes a pool: stops waiting, drains, ends everything within a time. Ten concurrent closes have one outcome. */
export class Shutdown<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #closer: Closer<R>
  readonly #maintenance: Maintenance<R>
  readonly #stopWaiting: (error: () => Error) => void
  readonly #finish: () => void
  readonly #emptied: Deferred<void> = deferred()
  #closing: Promise<void> | undefined
  /** What is done to those that are left, and when; empty before and after. */
  #steps: Timer[] = []
  /** Monotonic milliseconds. */
  #endsAt = 0

  constructor(
    core: PoolCore<R>,
    closer: Closer<R>,
    maintenance: Maintenance<R>,
    /** Refuses waiters, forgets what was to be opened. */
    stopWaiting: (error: () => Error) => void,
    /** Stops timers and listeners. */
    finish: () => void,
  ) {
    this.#core = core
    this.#closer = closer
    this.#maintenance = maintenance
    this.#stopWaiting = stopWaiting
    this.#finish = finish
  }

  /** A later call joins the first; a shorter time hastens it. */
  close(reason: CloseReason, timeoutMs: number): Promise<void> {
    if (this.#closing) this.#hasten(timeoutMs)
    else this.#closing = this.#run(reason, timeoutMs, undefined)
    return this.#closing
  }

  destroy(error: Error): void {
    if (this.#closing) this.#endAll('kill')
    else this.#closing = this.#run('shutdown', 0, error)
  }

  /** A permit was freed. */
  freed(): void {
    if (this.#core.state === 'draining' && this.#core.connections.size === 0) this.#emptied.resolve()
  }

  async #run(reason: CloseReason, timeoutMs: number, error: Error | undefined): Promise<void> {
    const core = this.#core
    core.state = 'draining'
    core.closeReason = reason
    core.changed()
    this.#stopWaiting(() => error ?? new AppError('POOL_CLOSED', `${core.name}: the pool is closing`))
    this.#maintenance.turn()
    for (const connection of [...core.connections.values()]) {
      if (connection.state === 'idle') this.#closer.end(connection, reason, 'gentle')
      else if (connection.state === 'leased' || connection.state === 'returning') connection.retire(reason)
      else if (connection.open) this.#closer.end(connection, reason, 'abrupt')
    }
    // One that is being validated is nobody's: no need to await the answer.
    for (const connection of [...core.connections.values()]) {
      if (connection.state === 'returning') this.#closer.end(connection, reason, 'gentle')
    }
    if (timeoutMs <= 0) this.#endAll('kill')
    await this.#within(timeoutMs)
    this.#maintenance.stop()
    this.#closer.giveUp()
    core.state = 'closed'
    core.changed()
    this.#finish()
  }

  /** Waits until every connection is dead: gently, then harshly, then no longer. */
  async #within(timeoutMs: number): Promise<void> {
    if (this.#core.connections.size === 0) return
    this.#schedule(timeoutMs)
    await this.#emptied.promise
    this.#unschedule()
  }

  #hasten(timeoutMs: number): void {
    if (this.#steps.length === 0 || this.#core.clock.now() + timeoutMs >= this.#endsAt) return
    if (timeoutMs <= 0) this.#endAll('kill')
    this.#schedule(timeoutMs)
  }

  #schedule(timeoutMs: number): void {
    const { clock } = this.#core
    const drainMs = timeoutMs - Math.min(endingMs, timeoutMs / 4)
    this.#unschedule()
    this.#endsAt = clock.now() + timeoutMs
    this.#steps = [
      clock.after(drainMs, () => this.#endAll('abrupt'), { ref: true }),
      clock.after(timeoutMs, () => this.#endAll('kill'), { ref: true }),
      clock.after(timeoutMs + killMs, () => this.#emptied.resolve(), { ref: true }),
    ]
  }

  #unschedule(): void {
    for (const step of this.#steps.splice(0)) step.cancel()
  }

  #endAll(manner: 'abrupt' | 'kill'): void {
    for (const connection of [...this.#core.connections.values()]) {
      this.#closer.revoke(connection, this.#core.closeReason, manner)
    }
  }
}
