import type { Clock, Timer } from '../kit/clock.ts'

/** A wall clock that is set back by more than this starts a new series; less is waited out. */
const longestWaitSeconds = 5

export interface Tick {
  /** The epoch second that has just ended. */
  second: number
  /** How late the timer fired: what the event loop was busy with. */
  latenessMs: number
  /** The wall clock was set back: what was told for this second and later ones belongs to another time. */
  setBack: boolean
}

/** Calls back once for each second of the wall clock, right after it ended. Seconds that were slept through are left out. */
export class SecondTicker {
  readonly #clock: Clock
  readonly #onTick: (tick: Tick) => void
  #timer: Timer | undefined
  #last = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, onTick: (tick: Tick) => void) {
    this.#clock = clock
    this.#onTick = onTick
  }

  start(): void {
    if (!this.#timer) this.#arm()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const delayMs = 1_000 - (this.#clock.wall() % 1_000)
    const due = this.#clock.now() + delayMs
    this.#timer = this.#clock.after(delayMs, () => {
      const latenessMs = Math.max(0, this.#clock.now() - due)
      this.#arm()
      this.#fire(latenessMs)
    })
  }

  #fire(latenessMs: number): void {
    const second = Math.floor(this.#clock.wall() / 1_000) - 1
    const setBack = this.#last - second > longestWaitSeconds
    // Timers may fire a millisecond before the wall clock gets there; the next one is then due at once.
    if (second <= this.#last && !setBack) return
    this.#last = second
    this.#onTick({ second, latenessMs, setBack })
  }
}
