import type { Clock } from '../kit/clock.ts'

/** Retries in proportion to requests, so that they can't multiply the load on a server that is failing. */
const share = 0.2
const atLeast = 3
const windowMs = 10_000

/** Counts over windows of ten seconds: retries are allowed up to 20 % of the requests, and always 3. */
export class RetryBudget {
  readonly #clock: Clock
  #windowStart: number
  #requests = 0
  #retries = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#windowStart = clock.now()
  }

  request(): void {
    const now = this.#clock.now()
    if (now - this.#windowStart >= windowMs) {
      this.#windowStart = now
      this.#requests = 0
      this.#retries = 0
    }
    this.#requests++
  }

  /** Takes one retry. @returns false when the budget is used up */
  take(): boolean {
    if (this.#retries >= Math.max(atLeast, Math.floor(this.#requests * share))) return false
    this.#retries++
    return true
  }
}
