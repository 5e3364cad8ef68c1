import type { CloseReason, ConnectionState, OpenReason } from '../../shared/state.ts'
import type { Clock } from '../kit/clock.ts'
import { development, isLegal, stateCodes } from './state.ts'
import type { CloseManner, DownCause, Lease, Resource } from './types.ts'

/** Why a connection is closed as soon as it is free, and how. */
export interface Retirement {
  reason: CloseReason
  manner: CloseManner
}

/** Keeps counts by state; told of every change. */
export interface StateObserver {
  /** Arguments are codes of states. */
  stateChanged(from: number, to: number): void
  illegalChange(error: Error): void
}

interface Origin {
  id: string
  reason: OpenReason
  kind: string
  clock: Clock
  observer: StateObserver
  /** Connections of an earlier epoch are replaced by a rolling restart. */
  epoch: number
  /** In [0.9, 1]: the share of the maximal lifetime that this one gets, so that those opened together don't end together. */
  lifetimeShare: number
}

/** One connection of a pool: a resource, its state and its counters. Times are monotonic unless named `…Wall`. */
export class PooledConnection<R extends Resource> {
  readonly id: string
  readonly openReason: OpenReason
  readonly epoch: number
  readonly lifetimeShare: number
  readonly openedAt: number
  readonly openedAtWall: number
  /** Whom it may serve; changed by the core alone, which counts by it. */
  kind: string
  /** Undefined only while the factory runs, and when it threw. */
  resource: R | undefined
  /** Warm and not leased yet, opened as a spare for single use. */
  spare: boolean
  /** When it first could serve. */
  readyAt: number | undefined
  /** Leases granted. */
  uses = 0
  /** Increases when a lease ends: the lease of an earlier generation is void. */
  generation = 0
  /** The generation whose lease was taken away instead of released. */
  revokedGeneration = -1
  /** Since when nobody has used it; validation does not count as use. */
  idleSince = 0
  /** When it last proved to be well. */
  verifiedAt = 0
  /** Time that the event loop was blocked in the present state: it counts neither as idle nor as held. */
  forgivenMs = 0
  /** When the present lease was granted; null when not leased. */
  leasedSince: number | null = null
  leakWarned = false
  /** The present holder may keep it for as long as it lives. */
  held = false
  /** Not closed for being idle: somebody listens to it. */
  kept = false
  /** Where the present lease was acquired, if sampled. */
  leaseTrace: Error | undefined
  /** Held strongly until the next sweep only, so that a forgotten lease can be collected and reclaimed. */
  lease: Lease<R> | undefined
  /** Made when a holder first asks for the signal of its lease. */
  revocation: AbortController | undefined
  /** Set when it is to be closed as soon as it is free. The first cause wins. */
  retirement: Retirement | undefined
  /** Another one is opened in its place once this has begun to end (a person's restart). */
  reopen = false
  /** Set once it is draining. */
  closeReason: CloseReason | null = null
  /** Set when it went down by itself. */
  downCause: DownCause | undefined

  #state: ConnectionState = 'spawning'
  #code = stateCodes.spawning
  #stateSince: number
  readonly #clock: Clock
  readonly #observer: StateObserver

  constructor({ id, reason, kind, clock, observer, epoch, lifetimeShare }: Origin) {
    this.id = id
    this.openReason = reason
    this.kind = kind
    this.spare = reason === 'spare'
    this.epoch = epoch
    this.lifetimeShare = lifetimeShare
    this.openedAt = clock.now()
    this.openedAtWall = clock.wall()
    this.#stateSince = this.openedAt
    this.#clock = clock
    this.#observer = observer
  }

  get state(): ConnectionState {
    return this.#state
  }

  get stateSince(): number {
    return this.#stateSince
  }

  get stateSinceWall(): number {
    return this.#toWall(this.#stateSince)
  }

  get leasedSinceWall(): number | null {
    return this.leasedSince === null ? null : this.#toWall(this.leasedSince)
  }

  /** True while it can be leased, is leased, or comes back from a lease. */
  get usable(): boolean {
    return this.#state === 'idle' || this.#state === 'leased' || this.#state === 'returning'
  }

  /** True until it begins to end. */
  get open(): boolean {
    return this.#state !== 'draining' && this.#state !== 'dead'
  }

  /**
   * The one function that changes the state.
   * @param now monotonic milliseconds of the change
   * @throws Error in development when the change is not allowed; in production it is reported and does not happen
   */
  moveTo(next: ConnectionState, now: number): void {
    const from = this.#code
    const to = stateCodes[next]
    if (!isLegal(from, to)) {
      const error = new Error(`connection ${this.id}: ${this.#state} -> ${next} is not allowed`)
      if (development) throw error
      this.#observer.illegalChange(error)
      return
    }
    this.#state = next
    this.#code = to
    this.#stateSince = now
    this.forgivenMs = 0
    this.#observer.stateChanged(from, to)
  }

  /** Closes it once it is free. The first cause wins. */
  retire(reason: CloseReason, manner: CloseManner = 'gentle'): void {
    this.retirement ??= { reason, manner }
  }

  #toWall(at: number): number {
    return this.#clock.wall() - (this.#clock.now() - at)
  }
}
