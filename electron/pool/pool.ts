import type { PoolLimits } from '../../shared/config.ts'
import type { CloseReason, PoolSnapshot } from '../../shared/state.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { Emitter } from '../kit/emitter.ts'
import { Acquires } from './acquires.ts'
import { Alarm } from './alarm.ts'
import type { PermitBudget, PermitHolder } from './budget.ts'
import { Circulation } from './circulation.ts'
import { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import { Control } from './control.ts'
import { PoolCore } from './core.ts'
import type { PoolEvents } from './events.ts'
import { Grants } from './grants.ts'
import { brokenInvariants } from './invariants.ts'
import { LeaseWatch } from './lease-watch.ts'
import { Maintenance } from './maintenance.ts'
import { Opener } from './opener.ts'
import { Outcomes } from './outcomes.ts'
import { RollingRestart } from './rolling-restart.ts'
import { Shutdown, shutdownMs } from './shutdown.ts'
import { poolSnapshot } from './snapshot.ts'
import { development } from './state.ts'
import { Sweep } from './sweep.ts'
import type { AcquireOptions, Lease, OpenResource, Resource } from './types.ts'
import { Validator } from './validator.ts'

export interface PoolOptions<R extends Resource> {
  /** For messages and connection ids. */
  name: string
  limits: PoolLimits
  open: OpenResource<R>
  clock: Clock
  random: Random
  /** Permits over all pools; without one only `limits.maxConnections` counts. */
  budget?: PermitBudget | undefined
}

/**
 * A bounded pool of resources (POOL semantics). In one sentence:
 * at most `maxConnections` are alive at any time, each has at most one holder, who asked first is served first, and
 * whatever fails is closed, counted and replaced no faster than the policy allows.
 */
export class Pool<R extends Resource> {
  readonly events: Emitter<PoolEvents>
  readonly #core: PoolCore<R>
  readonly #alarm: Alarm
  readonly #closer: Closer<R>
  readonly #outcomes: Outcomes<R>
  readonly #opener: Opener<R>
  readonly #maintenance: Maintenance<R>
  readonly #circulation: Circulation<R>
  readonly #control: Control<R>
  readonly #acquires: Acquires<R>
  readonly #roll: RollingRestart<R>
  readonly #shutdown: Shutdown<R>
  readonly #sweepSteps: readonly ((now: number) => void)[]
  readonly #sweeper: Sweep<R>
  readonly #budget: PermitBudget | undefined
  readonly #holder: PermitHolder

  constructor({ name, limits, open, clock, random, budget }: PoolOptions<R>) {
    const core = new PoolCore<R>(name, limits, clock, random)
    this.#core = core
    this.events = core.events
    this.#budget = budget
    this.#holder = this.#permitHolder()
    budget?.join(this.#holder)
    const fill = (): void => this.#opener.fill()
    this.#alarm = new Alarm(clock, () => this.#rung())
    this.#closer = new Closer(
      core,
      (connection) => {
        this.#acquires.lost(connection.id)
        this.#ending(connection)
      },
      (connection) => this.#freed(connection),
    )
    this.#outcomes = new Outcomes(core, this.#closer, {
      place: (connection) => {
        this.#circulation.readmit(connection, clock.now())
        this.#roll.ready(connection)
      },
      refuseWaiters: (error) => this.#acquires.rejectAll(error),
      circuitOpen: () => this.#acquires.circuitOpen(),
      wakeAt: (at) => this.#alarm.by(at),
      fill,
    })
    this.#opener = new Opener({
      core,
      open,
      budget,
      holder: this.#holder,
      alarm: this.#alarm,
      outcomes: this.#outcomes,
      evict: (connection) => this.#closer.end(connection, 'evicted', 'gentle'),
    })
    const watch = new LeaseWatch(core, this.#closer)
    const validator = new Validator(
      core,
      (connection) => {
        const now = clock.now()
        connection.verifiedAt = now
        this.#circulation.readmit(connection, now)
        fill()
      },
      (connection, error) => this.#outcomes.unwell(connection, error),
    )
    this.#sweeper = new Sweep(core, this.#closer, validator, this.#outcomes)
    this.#maintenance = new Maintenance(core, {
      returned: (connection, now) => {
        this.#circulation.returned(connection, now)
        if (development) this.#assertCheaply()
      },
      broken: (connection) => this.#closer.end(connection, 'unhealthy', 'abrupt'),
      sweep: (now, stalledMs) => this.#sweep(now, stalledMs),
    })
    const grants = new Grants(core, this.#closer, watch, validator, this.#maintenance)
    this.#acquires = new Acquires(core, grants, watch, this.#alarm, fill)
    this.#roll = new RollingRestart(core, this.#closer, this.#opener)
    this.#circulation = new Circulation({
      core,
      closer: this.#closer,
      grants,
      outcomes: this.#outcomes,
      roll: this.#roll,
      budget,
      holder: this.#holder,
      room: () => this.#opener.room,
      fill,
    })
    this.#control = new Control({
      core,
      closer: this.#closer,
      opener: this.#opener,
      acquires: this.#acquires,
      maintenance: this.#maintenance,
      roll: this.#roll,
    })
    this.#shutdown = new Shutdown(
      core,
      this.#closer,
      this.#maintenance,
      (error) => {
        this.#opener.cancel()
        this.#acquires.rejectAll(error)
      },
      () => this.#finish(),
    )
    this.#sweepSteps = [
      (now) => this.#tickBreaker(now),
      (now) => watch.sweep(now),
      (now) => this.#sweeper.evict(now),
      (now) => this.#sweeper.validate(now),
      (now) => this.#outcomes.checkStability(now),
      () => this.#roll.step(),
      fill,
    ]
    // Not at once: who makes a pool has yet to listen to it.
    queueMicrotask(fill)
  }

  /**
   * Grants a connection: an idle one (the most recently used), one that is opened for it, or one that comes back.
   * @throws AppError CONNECTION_LOST when the only one that may serve ends or is not there
   * @throws AppError ABORTED, ACQUIRE_TIMEOUT, DEADLINE_EXCEEDED, QUEUE_FULL, CIRCUIT_OPEN, POOL_SUSPENDED, POOL_CLOSED;
   * all but ABORTED with `data.pool` (counts) and `data.lastFailure`
   */
  acquire(options?: AcquireOptions): Promise<Lease<R>> {
    this.#opener.refillPaused = false
    // One that was released in this very tick is not overlooked: the loop takes it in first.
    const now = this.#maintenance.turn()
    if (this.#core.breaker.state === 'open') this.#tickBreaker(this.#core.clock.now())
    return this.#acquires.acquire(options, now)
  }

  snapshot(): PoolSnapshot {
    this.#core.read()
    return poolSnapshot(this.#core, this.#opener.nextAttemptAt)
  }

  /** Those that hold a permit, oldest first. */
  connections(): PooledConnection<R>[] {
    this.#core.read()
    return [...this.#core.connections.values()]
  }

  /** Takes effect at once: what is over a lowered limit is closed as soon as it is free. */
  setLimits(limits: PoolLimits): void {
    this.#control.setLimits(limits)
  }

  /** No attempt is worth it: refuses everybody who waits, and keeps nothing ready until somebody asks for a connection. */
  standDown(error: () => Error): void {
    this.#control.standDown(error)
  }

  /** A program that answers once and exits: each connection is leased once, and spares are kept warm. */
  setSingleShot(on: boolean): void {
    this.#control.setSingleShot(on)
  }

  /**
   * Opens one more connection for a person: at once, or as soon as the two that are opening are done.
   * @returns its id
   * @throws AppError QUEUE_FULL when every permit is in use; CIRCUIT_OPEN while a probe is out; POOL_SUSPENDED, POOL_CLOSED
   */
  spawn(): string {
    return this.#control.spawn()
  }

  /** Closes every connection once it is free; the next demand opens new ones. */
  drain(): void {
    this.#control.drain()
  }

  /** Replaces every connection, one after the other, while requests go on. */
  restart(): void {
    this.#roll.start()
  }

  /** Grants nothing until resumed; who waits is refused. Leases that are out go on. */
  suspend(): void {
    this.#control.suspend()
  }

  resume(): void {
    this.#control.resume()
  }

  /** Tries to connect now instead of waiting for the backoff or the breaker. */
  retry(): void {
    this.#control.retry()
  }

  /** Closes the breaker and forgets the failures. */
  resetBreaker(): void {
    this.#control.resetBreaker()
  }

  /**
   * `kill`: at once, its lease is revoked. `drain`: once it is free. `restart`: once it is free, and another is opened.
   * @returns false when there is no such live connection
   */
  evict(id: string, how: 'kill' | 'drain' | 'restart'): boolean {
    return this.#control.evict(id, how)
  }

  /** A kept connection is not closed for being idle: somebody listens to it. No effect on one that has ended. */
  keep(id: string, on: boolean): void {
    const connection = this.#core.connections.get(id)
    if (connection) connection.kept = on
  }

  /** Its holder has found out what a connection is: from now on it serves those that ask for this kind. */
  assign(id: string, kind: string): void {
    const connection = this.#core.connections.get(id)
    if (connection && connection.state !== 'idle') this.#core.assign(connection, kind)
  }

  /**
   * Drains within `timeoutMs`, then kills. Concurrent closes have one outcome, a shorter time hastens it; nothing is left.
   * Never rejects.
   */
  close(reason: Extract<CloseReason, 'shutdown' | 'upstream-removed'>, timeoutMs = shutdownMs): Promise<void> {
    return this.#shutdown.close(reason, timeoutMs)
  }

  /** Refuses every waiter with `error`, revokes every lease, kills every connection. */
  destroy(error: Error): void {
    this.#shutdown.destroy(error)
  }

  /** @throws Error that names each broken invariant. For tests: call it when nothing is due. */
  assertInvariants(): void {
    const broken = brokenInvariants(this.#core, this.#core.returns.length === 0)
    if (broken.length > 0) throw new Error(`${this.#core.name}: ${broken.join('; ')}`)
  }

  /** The successor is ordered now and not once this is dead: else the refill to minIdle would open one besides. */
  #ending(connection: PooledConnection<R>): void {
    if (connection.reopen && this.#core.state === 'running') this.#opener.order(true)
    this.#opener.fill()
  }

  #freed(connection: PooledConnection<R>): void {
    this.#budget?.giveBack()
    this.#roll.freed(connection)
    this.#shutdown.freed()
    this.#opener.fill()
  }

  #rung(): void {
    const now = this.#core.clock.now()
    // A release in the same tick comes before the timeouts.
    this.#maintenance.turn()
    this.#acquires.expire(now)
    this.#tickBreaker(now)
    this.#opener.fill()
  }

  #tickBreaker(now: number): void {
    const { breaker, events } = this.#core
    if (breaker.tick(now)) {
      this.#core.changed()
      events.emit('breaker.half-open', undefined)
    } else if (breaker.state === 'open') this.#alarm.by(breaker.retryAt)
  }

  #sweep(now: number, stalledMs: number): void {
    if (stalledMs > 0) this.#sweeper.forgive(stalledMs, now)
    for (const step of this.#sweepSteps) {
      try {
        step(now)
      } catch (error) {
        this.#core.report(error)
      }
    }
    if (development) this.#assertCheaply()
  }

  #permitHolder(): PermitHolder {
    const core = this.#core
    const offered = (): void => this.#opener.permitOffered()
    const evict = (): void => {
      if (core.idle.coldest) this.#closer.end(core.idle.coldest, 'evicted', 'gentle')
    }
    return {
      get permitsInUse() {
        return core.connections.size
      },
      get oldestIdleSince() {
        return core.idle.coldest?.idleSince
      },
      evictOldestIdle: evict,
      permitOffered: offered,
    }
  }

  #finish(): void {
    this.#alarm.cancel()
    this.#budget?.leave(this.#holder)
    this.events.clear()
  }

  /** In development and tests: comparisons of counts, reported like any fault of maintenance. */
  #assertCheaply(): void {
    for (const what of brokenInvariants(this.#core, false)) this.#core.report(new Error(`invariant ${what}`))
  }
}
