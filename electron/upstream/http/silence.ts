import type { Clock, Timer } from '../../kit/clock.ts'

/**
 * Notices when nothing comes any more: a connection whose other end is gone without a word stays open for ever. One timer,
 * not one for each chunk: it looks when it fires whether something came since.
 */
export class SilenceWatch {
  readonly #clock: Clock
  readonly #silenceMs: number
  readonly #onSilence: () => void
  #timer: Timer | undefined
  #lastAt = 0

  constructor(clock: Clock, silenceMs: number, onSilence: () => void) {
    this.#clock = clock
    this.#silenceMs = silenceMs
    this.#onSilence = onSilence
  }

  /** From now on. */
  start(): void {
    this.#lastAt = this.#clock.now()
    this.#timer ??= this.#clock.after(this.#silenceMs, () => this.#look())
  }

  heard(): void {
    this.#lastAt = this.#clock.now()
  }

  /** While we ourselves don't read, and in the end. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const left = this.#lastAt + this.#silenceMs - this.#clock.now()
    if (left > 0) this.#timer = this.#clock.after(left, () => this.#look())
    else this.#onSilence()
  }
}
