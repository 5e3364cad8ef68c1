export type BreakerState = 'closed' | 'open' | 'half-open'

/** Failures in a row that open it, and how long it stays open: 30 s x n, at most 300 s (POOL semantics). */
export const breakerThreshold = 5
export const breakerOpenMs = 30_000
export const breakerOpenMaxMs = 300_000

/**
 * Stops opening connections to an upstream that fails again and again, and lets one probe through after a while.
 * Pure: told of time and outcomes, it answers with its state.
 */
export class Breaker {
  #state: BreakerState = 'closed'
  #trips = 0
  #retryAt = 0
  /** The connection that is the one probe of the half-open state. */
  probeId: string | undefined

  get state(): BreakerState {
    return this.#state
  }

  /** Monotonic milliseconds; meaningful while open. */
  get retryAt(): number {
    return this.#retryAt
  }

  /** @returns true when this failure opened it */
  failed(failuresInRow: number, connectionId: string, now: number): boolean {
    const trips =
      this.#state === 'half-open'
        ? connectionId === this.probeId
        : this.#state === 'closed' && failuresInRow >= breakerThreshold
    if (!trips) return false
    this.#trips++
    this.#state = 'open'
    this.#retryAt = now + Math.min(breakerOpenMaxMs, breakerOpenMs * this.#trips)
    this.probeId = undefined
    return true
  }

  /** @returns true when the time has come and it is half-open from now on */
  tick(now: number): boolean {
    return this.#state === 'open' && now >= this.#retryAt && this.halfOpen()
  }

  /** @returns false when it was not open */
  halfOpen(): boolean {
    if (this.#state !== 'open') return false
    this.#state = 'half-open'
    this.probeId = undefined
    return true
  }

  /** A probe can serve. @returns true when that closed it */
  ready(connectionId: string): boolean {
    if (this.#state !== 'half-open' || connectionId !== this.probeId) return false
    this.#state = 'closed'
    this.probeId = undefined
    return true
  }

  /** A connection ended before it told anything: if it was the probe, another one may be sent. */
  ended(connectionId: string): void {
    if (this.probeId === connectionId) this.probeId = undefined
  }

  /** The upstream has been stable: the next trip is the first again. */
  forget(): void {
    this.#trips = 0
  }

  /** @returns true when it was not closed */
  reset(): boolean {
    const was = this.#state
    this.#state = 'closed'
    this.#trips = 0
    this.probeId = undefined
    return was !== 'closed'
  }
}
