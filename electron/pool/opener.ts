import type { OpenReason } from '../../shared/state.ts'
import type { Alarm } from './alarm.ts'
import type { PermitBudget, PermitHolder } from './budget.ts'
import { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import { shortage } from './demand.ts'
import { toError } from './pool-error.ts'
import { opensAtATime } from './spawn-gate.ts'
import type { DownCause, OpenResource, Resource } from './types.ts'

/** A connection that is to be opened whether there is demand or not. */
interface Order {
  id: string
  reason: OpenReason
  urgent: boolean
}

interface Need {
  reason: OpenReason
  /** For the probe, and what a person asked for: neither backoff nor rate hold it up. */
  urgent: boolean
  /** Worth standing in line for a permit, and evicting an idle connection of another pool. */
  demand: boolean
  kind: string
  /** Waiters for whom no connection is on its way: an idle one of another kind may be closed for each. */
  lacking: number
  order?: Order
}

/** Up to this share of the maximal lifetime is taken off at random, so that connections don't end together. */
const lifetimeJitter = 0.1

/** Ids are unique over all pools of the process: a command names a connection without its upstream. */
let lastId = 0

/** Who is told how an opened connection fares. */
export interface OpenOutcomes<R extends Resource> {
  ready(connection: PooledConnection<R>): void
  failed(connection: PooledConnection<R>, error: Error): void
  down(connection: PooledConnection<R>, cause: DownCause): void
}

/** Opens connections: as many as are needed, as fast as is allowed, and no faster while they fail. */
export class Opener<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #open: OpenResource<R>
  readonly #budget: PermitBudget | undefined
  readonly #holder: PermitHolder
  readonly #alarm: Alarm
  readonly #outcomes: OpenOutcomes<R>
  readonly #evict: (connection: PooledConnection<R>) => void
  readonly #orders: Order[] = []
  #filling = false
  #offered = 0
  /** The time of the next attempt that was told last, so that each is told once. */
  #scheduledAt = 0
  /** After a person's drain: nothing is kept ready until somebody asks for a connection. */
  refillPaused = false

  constructor(options: {
    core: PoolCore<R>
    open: OpenResource<R>
    budget: PermitBudget | undefined
    holder: PermitHolder
    alarm: Alarm
    outcomes: OpenOutcomes<R>
    /** Closes an idle connection to make room for another kind. */
    evict: (connection: PooledConnection<R>) => void
  }) {
    this.#core = options.core
    this.#open = options.open
    this.#budget = options.budget
    this.#holder = options.holder
    this.#alarm = options.alarm
    this.#outcomes = options.outcomes
    this.#evict = options.evict
  }

  get ordersWaiting(): number {
    return this.#orders.length
  }

  /** Monotonic milliseconds of the next attempt while backing off with something to open, else undefined. */
  get nextAttemptAt(): number | undefined {
    const { core, now } = { core: this.#core, now: this.#core.clock.now() }
    return core.state === 'running' && core.breaker.state === 'closed' && core.gate.allowedAt > now && this.#need()
      ? core.gate.allowedAt
      : undefined
  }

  /**
   * One more connection, whether there is demand or not; `fill` opens it, now or as soon as others are ready.
   * @param urgent neither backoff nor rate hold it up
   * @returns the id that the connection will have
   */
  order(urgent: boolean): string {
    const order: Order = { id: this.#nextId(), reason: 'person', urgent }
    this.#orders.push(order)
    return order.id
  }

  /** Gives up the place in the budget's line. */
  leaveLine(): void {
    this.#budget?.withdraw(this.#holder)
  }

  /** Forgets orders and the place in line. */
  cancel(): void {
    this.#orders.length = 0
    this.leaveLine()
  }

  /** A permit of the budget is reserved for this pool. */
  permitOffered(): void {
    this.#offered++
    this.fill()
  }

  /** Opens what is needed and allowed now; for the rest it will be called again. */
  fill(): void {
    if (this.#filling) return
    const { connections, limits, idle, waiters } = this.#core
    // The common case of a busy pool, asked for each waiter: full, none idle of another kind, and in nobody's line.
    const full = connections.size >= limits.maxConnections && (idle.length === 0 || waiters.length === 0)
    if (full && this.#offered === 0 && !this.#budget?.waiting) return
    this.#filling = true
    try {
      while (this.#openNext()) {}
    } finally {
      this.#filling = false
    }
    while (this.#offered > 0) {
      this.#offered--
      this.#budget?.giveBack()
    }
  }

  /** @returns true when it opened one */
  #openNext(): boolean {
    const core = this.#core
    const need = this.#need()
    if (!need) {
      this.#budget?.withdraw(this.#holder)
      return false
    }
    const full = core.connections.size >= core.limits.maxConnections
    if (core.opening >= opensAtATime || (full && (need.lacking === 0 || core.idle.length === 0))) return false
    if (!need.urgent && !this.#isAllowed()) return false
    if (full) {
      this.#makeRoom(need)
      return false
    }
    if (!this.#takePermit(need)) return false
    if (need.order) this.#orders.splice(this.#orders.indexOf(need.order), 1)
    this.#begin(need.order?.id ?? this.#nextId(), need.reason, need.kind)
    return true
  }

  #need(): Need | undefined {
    const core = this.#core
    if (core.state !== 'running') return undefined
    const [order] = this.#orders
    if (core.breaker.state !== 'closed') {
      const probing = core.breaker.state === 'open' || core.breaker.probeId !== undefined
      const want = probing ? undefined : this.#want()
      if (probing || !(order || want)) return undefined
      const { kind, lacking } = want ?? { kind: core.recentKind, lacking: 0 }
      return { reason: order?.reason ?? 'probe', urgent: true, demand: true, kind, lacking, ...(order && { order }) }
    }
    const want = this.#want()
    if (order) {
      const { reason, urgent } = order
      return { reason, urgent, demand: true, kind: core.recentKind, lacking: want?.lacking ?? 0, order }
    }
    if (!want) return undefined
    const { reason, kind, lacking } = want
    return {
      reason: core.gate.owesReplacement ? 'replace' : reason,
      urgent: false,
      demand: reason === 'demand',
      kind,
      lacking,
    }
  }

  /** What is missing, counting what is about to be idle: an opening connection, or one on its way back. */
  #want(): Pick<Need, 'reason' | 'kind' | 'lacking'> | undefined {
    const core = this.#core
    const short = shortage(core)
    if (short) return { reason: 'demand', kind: short.kind, lacking: short.count }
    const spare = core.coming - (core.waiters.length - core.waiters.bound)
    if (this.refillPaused || spare + core.idle.length >= core.idleTarget) return undefined
    return { reason: core.singleUse ? 'spare' : 'min-idle', kind: core.recentKind, lacking: 0 }
  }

  /** Permits that are free, or come free by connections that are ending. */
  get room(): number {
    const { limits, connections, counts } = this.#core
    const own = limits.maxConnections - connections.size
    const free = this.#budget ? Math.min(own, this.#budget.max - this.#budget.used) : own
    return Math.max(0, free) + counts.draining
  }

  /** Every permit is in use: the coldest idle connection, which is of a kind that nobody waits for, is closed. */
  #makeRoom({ lacking }: Need): void {
    const { idle, counts } = this.#core
    const { coldest } = idle
    if (coldest && counts.draining < lacking) this.#evict(coldest)
  }

  #isAllowed(): boolean {
    const { gate, clock, events } = this.#core
    const at = gate.allowedAt
    const now = clock.now()
    if (at <= now) return true
    this.#alarm.by(at)
    if (at !== this.#scheduledAt) {
      this.#scheduledAt = at
      events.emit('reconnect.scheduled', { attempt: gate.attempts + 1, delayMs: at - now })
      this.#core.changed()
    }
    return false
  }

  #takePermit(need: Need): boolean {
    if (!this.#budget) return true
    if (this.#offered > 0) {
      this.#offered--
      return true
    }
    return need.demand ? this.#budget.take(this.#holder) : this.#budget.tryTake()
  }

  #begin(id: string, reason: OpenReason, kind: string): void {
    const core = this.#core
    const connection = new PooledConnection<R>({
      id,
      reason,
      kind,
      clock: core.clock,
      observer: core,
      epoch: core.epoch,
      lifetimeShare: 1 - core.random() * lifetimeJitter,
    })
    core.enter(connection)
    core.totals.opened++
    if (core.breaker.state === 'half-open') core.breaker.probeId = id
    const attempt = core.gate.opened(connection.openedAt)
    let error: Error | undefined
    try {
      connection.resource = this.#open({
        connectionId: id,
        reason,
        kind,
        handshaking: () => {
          if (connection.state === 'spawning') connection.moveTo('handshaking', core.clock.now())
        },
      })
    } catch (thrown) {
      error = toError(thrown)
    }
    if (attempt > 0) core.events.emit('reconnect.attempt', { attempt })
    core.events.emit('connection.opening', { connectionId: id, reason })
    core.changed()
    const { resource } = connection
    if (connection.open) core.recognize(connection)
    if (!resource) {
      this.#outcomes.failed(connection, error ?? new Error('the factory returned nothing'))
      return
    }
    if (!connection.open) {
      // Ended by a listener or by the factory itself, before there was a resource to close.
      resource.close('kill').catch((thrown: unknown) => core.report(thrown))
      return
    }
    resource.onDown((cause) => this.#outcomes.down(connection, cause))
    resource.ready.then(
      () => this.#outcomes.ready(connection),
      (thrown: unknown) => this.#outcomes.failed(connection, toError(thrown)),
    )
  }

  #nextId(): string {
    return `${this.#core.name}#${++lastId}`
  }
}
