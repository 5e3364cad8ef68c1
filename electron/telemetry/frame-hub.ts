import { type Frame, frameIntervalMs, heartbeatMs, hostGoneMs } from '../../shared/frames.ts'
import type { Clock, Timer } from '../kit/clock.ts'
import type { Unsubscribe } from '../kit/emitter.ts'
import type { Logger } from '../kit/logger.ts'

export type FrameContent = Omit<Frame, 'seq' | 'at'>

/** What the hub sends: everything that changed since it was taken or dropped last. */
export interface FrameContents {
  /** Null when nothing changed. */
  take(): FrameContent | null
  drop(): void
}

/**
 * Hears frames. A listener that returns a promise is busy until it settles (a socket that has to drain) and hears
 * nothing meanwhile; the gap in `seq` tells its far side to ask for a snapshot.
 */
export type FrameListener = (frame: Frame) => unknown

interface Subscription {
  readonly listener: FrameListener
  busy: boolean
  failed: boolean
}

export interface FrameHubOptions {
  clock: Clock
  logger: Logger
  contents: FrameContents
  /** Called when the first listener comes and when the last one goes. */
  onListening?: (listening: boolean) => void
}

const emptyContent = (): FrameContent => ({ upstreams: [], removed: [], events: [], points: {} })

/**
 * Sends frames: at most one every `frameIntervalMs`, an empty one when there was nothing to tell for `heartbeatMs`.
 * While nobody listens it has no timer, and what changes is kept for whoever took a snapshot and subscribes next.
 */
export class FrameHub {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #contents: FrameContents
  readonly #onListening: (listening: boolean) => void
  readonly #subscriptions = new Set<Subscription>()
  #seq = 0
  #pending = false
  #flush: Timer | undefined
  #heartbeat: Timer | undefined
  #lastLookAt = Number.NEGATIVE_INFINITY
  #lastHeardAt = Number.NEGATIVE_INFINITY

  constructor({ clock, logger, contents, onListening = () => {} }: FrameHubOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#contents = contents
    this.#onListening = onListening
  }

  /** The number of the last frame. */
  get seq(): number {
    return this.#seq
  }

  get listening(): boolean {
    return this.#subscriptions.size > 0
  }

  /**
   * Subscribe first and ask for a snapshot then (or the other way round within `hostGoneMs`): frames up to the
   * snapshot's `seq` are in it already.
   */
  subscribe(listener: FrameListener): Unsubscribe {
    const subscription: Subscription = { listener, busy: false, failed: false }
    const first = !this.listening
    this.#subscriptions.add(subscription)
    if (first) {
      this.#scheduleHeartbeat()
      this.#onListening(true)
      // What came without an event while nobody listened is noticed now.
      this.touch()
    }
    return () => {
      if (this.#subscriptions.delete(subscription) && !this.listening) this.#idle()
    }
  }

  /** Something changed. Costs next to nothing; called for every event. */
  touch(): void {
    this.#pending = true
    if (!this.#flush && this.listening) this.#scheduleFlush()
  }

  /**
   * To be called about once a second while nobody listens. What nobody will hear is dropped, as a frame that nobody
   * heard: whoever held an older snapshot notices the gap.
   */
  dropUnheard(): void {
    if (this.listening || !this.#pending || this.#clock.now() - this.#lastHeardAt < hostGoneMs) return
    this.#contents.drop()
    this.#pending = false
    this.#seq += 1
  }

  close(): void {
    if (this.listening) {
      this.#subscriptions.clear()
      this.#idle()
    }
  }

  #idle(): void {
    this.#flush?.cancel()
    this.#flush = undefined
    this.#heartbeat?.cancel()
    this.#heartbeat = undefined
    this.#lastHeardAt = this.#clock.now()
    this.#onListening(false)
  }

  #scheduleFlush(): void {
    const waitMs = Math.max(0, this.#lastLookAt + frameIntervalMs - this.#clock.now())
    this.#flush = this.#clock.after(waitMs, () => {
      this.#flush = undefined
      this.#look()
    })
  }

  #scheduleHeartbeat(): void {
    this.#heartbeat?.cancel()
    this.#heartbeat = this.#clock.after(heartbeatMs, () => {
      this.#scheduleHeartbeat()
      // The frame that was about to be sent is this one: two at once would be more than were promised.
      this.#flush?.cancel()
      this.#flush = undefined
      if (this.#anyFree()) this.#send(this.#contents.take() ?? emptyContent())
    })
  }

  #look(): void {
    this.#lastLookAt = this.#clock.now()
    // With every listener busy the changes pile up in one later frame, and nobody has a gap.
    if (!this.#anyFree()) return
    this.#pending = false
    const content = this.#contents.take()
    if (!content) return
    this.#scheduleHeartbeat()
    this.#send(content)
  }

  #send(content: FrameContent): void {
    this.#lastLookAt = this.#clock.now()
    this.#pending = false
    this.#seq += 1
    const frame: Frame = { seq: this.#seq, at: this.#clock.wall(), ...content }
    for (const subscription of this.#subscriptions) if (!subscription.busy) this.#deliver(subscription, frame)
  }

  #deliver(subscription: Subscription, frame: Frame): void {
    try {
      const taken = subscription.listener(frame)
      if (!isThenable(taken)) return
      subscription.busy = true
      taken.then(
        () => this.#free(subscription),
        (error: unknown) => {
          this.#reportOnce(subscription, error)
          this.#free(subscription)
        },
      )
    } catch (error) {
      this.#reportOnce(subscription, error)
    }
  }

  #free(subscription: Subscription): void {
    subscription.busy = false
    if (this.#pending && !this.#flush && this.#subscriptions.has(subscription)) this.#scheduleFlush()
  }

  #anyFree(): boolean {
    for (const subscription of this.#subscriptions) if (!subscription.busy) return true
    return false
  }

  /** Once for each listener: it fails four times a second. */
  #reportOnce(subscription: Subscription, error: unknown): void {
    if (subscription.failed) return
    subscription.failed = true
    this.#logger.log('warn', 'a listener of frames failed', { error: String(error) })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
