/** Counts over the last `slots x slotMs`, in constant memory. A moment counts with the whole slot that it lies in. */
export class SlidingCounter {
  readonly #counts: Float64Array
  readonly #slotMs: number
  #slot = -1

  constructor(slots: number, slotMs: number) {
    this.#counts = new Float64Array(slots)
    this.#slotMs = slotMs
  }

  /** @param now monotonic milliseconds */
  add(now: number): void {
    this.#advance(now)
    const i = this.#slot % this.#counts.length
    this.#counts[i] = (this.#counts[i] ?? 0) + 1
  }

  total(now: number): number {
    this.#advance(now)
    return this.#counts.reduce((sum, n) => sum + n, 0)
  }

  /** How far back {@link total} reaches: up to one slot less than the whole window. */
  coveredMs(now: number): number {
    return (this.#counts.length - 1) * this.#slotMs + (now % this.#slotMs)
  }

  #advance(now: number): void {
    const slot = Math.floor(now / this.#slotMs)
    if (slot <= this.#slot) return
    const steps = this.#slot < 0 ? this.#counts.length : Math.min(slot - this.#slot, this.#counts.length)
    for (let i = 0; i < steps; i++) this.#counts[(slot - i) % this.#counts.length] = 0
    this.#slot = slot
  }
}
