import { maxTimerMs } from '../../shared/config.ts'
import type { Clock, Timer } from '../kit/clock.ts'

/**
 * One timer for everything that a pool waits for. It rings at the soonest time that was asked for; who is rung asks
 * again for what is still to come. Waiters thus cost no timer each.
 */
export class Alarm {
  #at = Number.POSITIVE_INFINITY
  #timer: Timer | undefined
  #cancelled = false
  readonly #clock: Clock
  readonly #ring: () => void

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param at monotonic milliseconds; Infinity asks for nothing */
  by(at: number): void {
    if (at >= this.#at || this.#cancelled) return
    this.#timer?.cancel()
    this.#at = at
    // A timer may fire a fraction of a millisecond early: never ask for less than one.
    const ms = Math.min(maxTimerMs, Math.max(1, Math.ceil(at - this.#clock.now())))
    this.#timer = this.#clock.after(ms, () => {
      this.#at = Number.POSITIVE_INFINITY
      this.#timer = undefined
      this.#ring()
    })
  }

  /** For good. */
  cancel(): void {
    this.#cancelled = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
