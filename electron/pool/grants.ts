import type { CloseReason } from '../../shared/state.ts'
import type { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import { type LeaseHost, PoolLease } from './lease.ts'
import type { LeaseWatch } from './lease-watch.ts'
import type { Maintenance } from './maintenance.ts'
import type { AcquireOptions, CloseManner, Lease, Resource } from './types.ts'
import type { Validator } from './validator.ts'
import type { Waiter } from './waiters.ts'

const grantedAtOnce = { result: 'granted', waitMs: 0 } as const

/** Hands connections out and takes them back. */
export class Grants<R extends Resource> implements LeaseHost<R> {
  readonly #core: PoolCore<R>
  readonly #closer: Closer<R>
  readonly #watch: LeaseWatch<R>
  readonly #validator: Validator<R>
  readonly #maintenance: Maintenance<R>

  constructor(
    core: PoolCore<R>,
    closer: Closer<R>,
    watch: LeaseWatch<R>,
    validator: Validator<R>,
    maintenance: Maintenance<R>,
  ) {
    this.#core = core
    this.#closer = closer
    this.#watch = watch
    this.#validator = validator
    this.#maintenance = maintenance
  }

  /**
   * The most recently used idle connection of this kind, or the preferred one, or the only one that may serve; undefined
   * when none is idle and known to be well.
   */
  takeIdle(kind: string, options: AcquireOptions | undefined, now: number): Lease<R> | undefined {
    const { idle } = this.#core
    // Almost always: nothing but a kind is asked for, and it is the one that was used last.
    const plain = options === undefined || (options.only === undefined && options.prefer === undefined)
    for (;;) {
      const { newest } = idle
      const connection = plain && newest?.kind === kind ? newest : this.#pick(kind, options)
      if (!connection) return undefined
      if (this.#validator.isDue(connection, now)) {
        this.#validator.begin(connection, now)
        continue
      }
      if (!connection.resource?.alive) {
        this.#closer.end(connection, 'unhealthy', 'abrupt')
        continue
      }
      idle.remove(connection)
      const lease = this.#grant(connection, now, 0, false, this.#watch.trace(), options?.hold === true)
      this.#core.events.emit('acquire.settled', grantedAtOnce)
      return lease
    }
  }

  /** A connection that is well and free goes to the oldest waiter that it may serve, or into idle. */
  place(connection: PooledConnection<R>, now: number): void {
    const { waiters, idle, events } = this.#core
    connection.moveTo('idle', now)
    const waiter = waiters.length === 0 ? undefined : waiters.takeFor(connection.id, connection.kind)
    if (!waiter) {
      idle.push(connection)
      return
    }
    const waitedMs = now - waiter.since
    waiter.resolve(this.#grant(connection, now, waitedMs, openedFor(connection, waiter), waiter.trace, waiter.hold))
    events.emit('acquire.settled', { result: 'granted', waitMs: waitedMs })
  }

  /** The lease has ended its generation already; what is left is the connection's way back. */
  released(connection: PooledConnection<R>, discard: { reason: CloseReason; manner?: CloseManner } | undefined): void {
    this.#watch.ended(connection)
    connection.leasedSince = null
    connection.revocation = undefined
    // It went down under its holder: nothing comes back.
    if (connection.state !== 'leased') return
    // No clock is read here: the maintenance loop, a microtask away, stamps the next state.
    connection.moveTo('returning', connection.stateSince)
    if (discard) {
      // The first cause wins, but what the holder found unfit is not ended gently.
      const reason = connection.retirement?.reason ?? discard.reason
      connection.retirement = { reason, manner: discard.manner ?? 'abrupt' }
    }
    if (this.#maintenance.offer(connection)) return
    // Cannot happen while invariant 1 holds. It is closed with a timeout and counted, never dropped.
    this.#core.report(new Error(`${this.#core.name}: the return queue is full or closed`))
    this.#closer.end(connection, discard?.reason ?? 'evicted', discard?.manner ?? 'gentle')
  }

  #pick(kind: string, options: AcquireOptions | undefined): PooledConnection<R> | undefined {
    const { idle } = this.#core
    if (options?.only !== undefined) return idle.find(options.only)
    if (options?.prefer !== undefined) {
      const preferred = idle.find(options.prefer)
      if (preferred?.kind === kind) return preferred
    }
    return idle.newestOf(kind)
  }

  #grant(
    connection: PooledConnection<R>,
    now: number,
    waitedMs: number,
    opened: boolean,
    trace: Error | undefined,
    hold: boolean,
  ): Lease<R> {
    connection.moveTo('leased', now)
    connection.uses++
    connection.spare = false
    connection.leasedSince = now
    connection.leakWarned = false
    connection.held = hold
    connection.leaseTrace = trace
    this.#core.totals.granted++
    const lease = new PoolLease(connection, this, waitedMs, opened)
    connection.lease = lease
    return lease
  }
}

/** Whether this waiter's connection was opened while it waited. */
const openedFor = <R extends Resource>(connection: PooledConnection<R>, waiter: Waiter<R>): boolean =>
  connection.uses === 0 && connection.readyAt !== undefined && connection.readyAt >= waiter.since
