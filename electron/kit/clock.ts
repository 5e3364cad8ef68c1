/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void
}

/**
 * Time, as everything whose behaviour depends on it sees it. Tests own it.
 * `now` is monotonic milliseconds (a wall clock that jumps expires nothing); `wall` is epoch milliseconds, for display.
 */
export interface Clock {
  now(): number
  wall(): number
  /** Runs `callback` once after `ms`. Timers don't keep the process alive unless `ref` is set. */
  after(ms: number, callback: () => void, options?: { ref?: boolean }): Timer
  /** Runs `callback` every `ms`, the first time after one full period. Never keeps the process alive. */
  every(ms: number, callback: () => void): Timer
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, callback, options) {
    const timer = setTimeout(callback, ms)
    if (!options?.ref) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, callback) {
    const timer = setInterval(callback, ms)
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
}

/** A source of numbers in [0, 1). */
export type Random = () => number
