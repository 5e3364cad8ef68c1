import { AppError } from '../../shared/errors.ts'
import type { Alarm } from './alarm.ts'
import type { PoolCore } from './core.ts'
import type { Grants } from './grants.ts'
import type { LeaseWatch } from './lease-watch.ts'
import { poolError } from './pool-error.ts'
import type { AcquireOptions, Lease, Resource } from './types.ts'
import { Waiter } from './waiters.ts'

/** Every acquire: granted at once, waiting, or refused. Each settles exactly once and is counted where it settles. */
export class Acquires<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #grants: Grants<R>
  readonly #watch: LeaseWatch<R>
  readonly #alarm: Alarm
  readonly #fill: () => void

  constructor(core: PoolCore<R>, grants: Grants<R>, watch: LeaseWatch<R>, alarm: Alarm, fill: () => void) {
    this.#core = core
    this.#grants = grants
    this.#watch = watch
    this.#alarm = alarm
    this.#fill = fill
  }

  /** @param now undefined when the clock has not been read yet */
  acquire(options: AcquireOptions | undefined, now: number | undefined): Promise<Lease<R>> {
    const core = this.#core
    core.totals.acquires++
    if (core.state !== 'running') return this.#refuse(options)
    if (options && (options.signal?.aborted || options.deadline !== undefined)) {
      if (options.signal?.aborted) return this.#refuse(options)
      if (options.deadline !== undefined && options.deadline <= core.clock.now()) return this.#refuse(options)
    }
    const kind = options?.kind ?? ''
    // A client session's own kind is of no use to anybody else.
    if (options?.hold !== true) core.recentKind = kind
    // Who waits comes first: an arrival never overtakes.
    if (core.idle.length > 0 && (core.waiters.length === 0 || options?.only !== undefined || !core.waiters.has(kind))) {
      const lease = this.#grants.takeIdle(kind, options, now ?? core.clock.now())
      if (lease) return Promise.resolve(lease)
    }
    if (options?.only !== undefined) {
      if (!core.connections.get(options.only)?.open) return this.#refuse(options)
    } else if (core.breaker.state === 'open') return this.#refuse(options)
    if (core.waiters.length >= core.limits.maxWaiting) return this.#refuse(options)
    return this.#wait(options, now ?? core.clock.now())
  }

  /** Those whose time is over. */
  expire(now: number): void {
    for (const waiter of this.#core.waiters.expire(now)) {
      const waitMs = now - waiter.since
      waiter.reject(this.#timeout(waiter.ownDeadline, waitMs))
      this.#settled('timed-out', waitMs)
    }
    this.#alarm.by(this.#core.waiters.earliestDeadline)
  }

  /** A connection ends: nobody else can serve those that wait for it alone. */
  lost(connectionId: string): void {
    const { waiters, clock } = this.#core
    if (waiters.bound === 0) return
    const now = clock.now()
    for (const waiter of waiters.takeBound(connectionId)) {
      waiter.reject(this.#lost(connectionId))
      this.#settled('rejected', now - waiter.since)
    }
  }

  /** Everybody who waits is refused. */
  rejectAll(error: () => Error): void {
    const { waiters, clock } = this.#core
    if (waiters.length === 0) return
    const now = clock.now()
    // Only those who wait now: a listener that acquires again must not keep this going.
    for (let left = waiters.length; left > 0; left--) {
      const reason = error()
      const waiter = waiters.shift()
      if (!waiter) return
      waiter.reject(reason)
      this.#settled('rejected', now - waiter.since)
    }
  }

  circuitOpen(): AppError {
    const { breaker, clock, gate } = this.#core
    const retryAfterMs = Math.max(0, Math.ceil(breaker.retryAt - clock.now()))
    return poolError(
      this.#core,
      'CIRCUIT_OPEN',
      `${gate.failures} failures in a row, next attempt in ${Math.ceil(retryAfterMs / 1000)} s`,
      { retryAfterMs, failures: gate.failures },
    )
  }

  stateError(): AppError {
    return this.#core.state === 'suspended'
      ? poolError(this.#core, 'POOL_SUSPENDED', 'suspended by a person: resume it first')
      : poolError(this.#core, 'POOL_CLOSED', 'the pool is closed')
  }

  #wait(options: AcquireOptions | undefined, now: number): Promise<Lease<R>> {
    const { waiters, limits } = this.#core
    const timeoutAt = now + limits.acquireTimeoutMs
    const own = options?.deadline !== undefined && options.deadline < timeoutAt
    const deadline = own ? (options.deadline ?? timeoutAt) : timeoutAt
    const signal = options?.signal
    return new Promise((resolve, reject) => {
      const waiter = new Waiter<R>(
        resolve,
        reject,
        now,
        deadline,
        own,
        this.#watch.trace(),
        options?.kind,
        options?.only,
        options?.hold,
      )
      if (signal) {
        const abort = (): void => this.#abort(waiter, signal)
        signal.addEventListener('abort', abort, { once: true })
        // Not assigned as it is made: V8 would put the closure among the old objects, and all that it reaches after it.
        const unlisten = () => signal.removeEventListener('abort', abort)
        waiter.unlisten = unlisten
      }
      waiters.push(waiter)
      this.#core.changed()
      this.#alarm.by(deadline)
      this.#fill()
    })
  }

  #abort(waiter: Waiter<R>, signal: AbortSignal): void {
    if (!this.#core.waiters.remove(waiter)) return
    waiter.reject(this.#aborted(signal))
    this.#settled('aborted', this.#core.clock.now() - waiter.since)
    // One opening less may be needed, and a place in the budget's line less.
    this.#fill()
  }

  #refuse(options: AcquireOptions | undefined): Promise<Lease<R>> {
    const core = this.#core
    const { signal } = options ?? {}
    if (signal?.aborted) {
      this.#settled('aborted', 0)
      return Promise.reject(this.#aborted(signal))
    }
    if (core.state !== 'running') {
      this.#settled('rejected', 0)
      return Promise.reject(this.stateError())
    }
    if (options?.deadline !== undefined && options.deadline <= core.clock.now()) {
      this.#settled('timed-out', 0)
      return Promise.reject(this.#timeout(true, 0))
    }
    this.#settled('rejected', 0)
    const { only } = options ?? {}
    if (only !== undefined && !core.connections.get(only)?.open) return Promise.reject(this.#lost(only))
    return Promise.reject(
      core.breaker.state === 'open' && only === undefined
        ? this.circuitOpen()
        : poolError(core, 'QUEUE_FULL', `${core.waiters.length} requests wait already, more are refused`),
    )
  }

  #timeout(ownDeadline: boolean, waitMs: number): AppError {
    const ms = Math.round(waitMs)
    return ownDeadline
      ? poolError(this.#core, 'DEADLINE_EXCEEDED', `the deadline passed while waiting ${ms} ms for a connection`)
      : poolError(this.#core, 'ACQUIRE_TIMEOUT', `no connection within ${ms} ms`)
  }

  #lost(connectionId: string): AppError {
    return poolError(
      this.#core,
      'CONNECTION_LOST',
      `connection ${connectionId}, the only one that could serve, has ended`,
    )
  }

  #aborted(signal: AbortSignal): AppError {
    return new AppError('ABORTED', `${this.#core.name}: the acquire was aborted`, undefined, { cause: signal.reason })
  }

  #settled(result: 'timed-out' | 'aborted' | 'rejected', waitMs: number): void {
    const { totals, events } = this.#core
    if (result === 'timed-out') totals.timedOut++
    else if (result === 'aborted') totals.aborted++
    else totals.rejected++
    this.#core.changed()
    events.emit('acquire.settled', { result, waitMs })
  }
}
