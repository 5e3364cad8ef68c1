import type { PoolLimits } from '../../shared/config.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { Clock, Random } from '../kit/clock.ts'
import { Emitter } from '../kit/emitter.ts'
import { Breaker } from './breaker.ts'
import type { PooledConnection, StateObserver } from './connection.ts'
import type { PoolEvents } from './events.ts'
import { IdleStack } from './idle-stack.ts'
import { ReturnQueue } from './return-queue.ts'
import { SpawnGate } from './spawn-gate.ts'
import { StateCounts } from './state.ts'
import type { Resource } from './types.ts'
import { WaiterQueue } from './waiters.ts'

export interface Totals {
  acquires: number
  granted: number
  timedOut: number
  aborted: number
  rejected: number
  opened: number
  dead: number
  leaked: number
  revoked: number
}

/** What the parts of one pool share: its limits, its connections, who waits, and what has been counted. */
export class PoolCore<R extends Resource> implements StateObserver {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly events = new Emitter<PoolEvents>()
  /** Connections that hold a permit: from spawning until dead or in quarantine. */
  readonly connections = new Map<string, PooledConnection<R>>()
  readonly quarantined = new Map<string, PooledConnection<R>>()
  /** How many connections of each kind hold a permit. */
  readonly kinds = new Map<string, number>()
  /** The kind that was asked for last, which is what is kept ready. */
  recentKind = ''
  /** Of the connections that hold a permit. */
  readonly counts = new StateCounts()
  readonly idle = new IdleStack<R>()
  readonly waiters = new WaiterQueue<R>()
  readonly returns: ReturnQueue<PooledConnection<R>>
  readonly breaker = new Breaker()
  readonly gate: SpawnGate
  readonly totals: Totals = {
    acquires: 0,
    granted: 0,
    timedOut: 0,
    aborted: 0,
    rejected: 0,
    opened: 0,
    dead: 0,
    leaked: 0,
    revoked: 0,
  }
  limits: PoolLimits
  singleShot = false
  state: 'running' | 'suspended' | 'draining' | 'closed' = 'running'
  /** Why the pool closes, once it does. */
  closeReason: CloseReason = 'shutdown'
  /** Increases with each rolling restart. */
  epoch = 0
  /** What went wrong last: the cause that waiters are told. */
  lastFailure: Error | undefined
  /** Connections over a limit that was lowered; they go as they become free. Invariant 1 holds against this. */
  permitCeiling: number
  #stale = true

  constructor(name: string, limits: PoolLimits, clock: Clock, random: Random) {
    this.name = name
    this.limits = limits
    this.clock = clock
    this.random = random
    this.gate = new SpawnGate(random)
    this.permitCeiling = limits.maxConnections
    this.returns = new ReturnQueue(this.returnCapacity)
  }

  get returnCapacity(): number {
    const most = Math.max(this.limits.maxConnections, this.connections.size)
    return Math.ceil(most * this.limits.returnQueueMultiplier)
  }

  /** Each connection is leased once. */
  get singleUse(): boolean {
    return this.singleShot || this.limits.mode === 'prespawn'
  }

  /** Idle connections to keep ready: spares for single use, `minIdle` otherwise, never more than there are permits. */
  get idleTarget(): number {
    // Without a spare each request would wait for a start; one is the default (POOL semantics, "Defaults").
    const spares = this.singleUse ? Math.max(1, this.limits.spares) : 0
    return Math.min(this.limits.maxConnections, Math.max(this.limits.minIdle, spares))
  }

  /** Connections that are about to be idle: opening, or on their way back. */
  get coming(): number {
    return this.counts.spawning + this.counts.handshaking + this.counts.returning
  }

  get opening(): number {
    return this.counts.spawning + this.counts.handshaking
  }

  /** A permit was taken. */
  enter(connection: PooledConnection<R>): void {
    this.connections.set(connection.id, connection)
    this.counts.enter(connection.state)
    this.#countKind(connection.kind, 1)
  }

  /** It holds no permit any more. */
  leave(connection: PooledConnection<R>): void {
    this.connections.delete(connection.id)
    this.#countKind(connection.kind, -1)
  }

  /** It is of another kind from now on. Not while it is idle. */
  assign(connection: PooledConnection<R>, kind: string): void {
    this.#countKind(connection.kind, -1)
    connection.kind = kind
    this.#countKind(kind, 1)
  }

  /** It may have turned out to be of another kind; but somebody who waits for what it was opened as gets it first. */
  recognize(connection: PooledConnection<R>): void {
    const kind = connection.resource?.kind
    if (kind !== undefined && kind !== connection.kind && !this.waiters.has(connection.kind)) {
      this.assign(connection, kind)
    }
  }

  stateChanged(from: number, to: number): void {
    this.counts.move(from, to)
    this.changed()
  }

  illegalChange(error: Error): void {
    this.report(error)
  }

  /** The snapshot is stale. Told once until somebody reads it. */
  changed(): void {
    if (this.#stale) return
    this.#stale = true
    this.events.emit('changed', undefined)
  }

  /** Somebody reads the snapshot: the next change is told again. */
  read(): void {
    this.#stale = false
  }

  #countKind(kind: string, change: 1 | -1): void {
    const count = (this.kinds.get(kind) ?? 0) + change
    if (count > 0) this.kinds.set(kind, count)
    else this.kinds.delete(kind)
  }

  /** What must not stop the pool and must not be swallowed either. */
  report(error: unknown): void {
    this.events.emit('maintenance.error', { error })
  }
}
