import { monitorEventLoopDelay } from 'node:perf_hooks'

/** 50 wake-ups a second, 0.3 % of a core: so it runs only while someone looks at the figure. */
const resolutionMs = 20
/** The metric tells the worst of this many seconds, so that a scrape every minute misses no stall. */
const secondsKept = 60

/** What the loop's delay is read from; Node's, unless a test owns time. */
export interface DelayMonitor {
  enable(): void
  disable(): void
  reset(): void
  /** Nanoseconds between two wake-ups, the longest since the last reset; its period included. */
  readonly max: number
}

/**
 * How late the event loop runs. The second ticker's own lateness comes for free but sees one moment in a second; while
 * it is watched, Node's monitor sees every stall.
 */
export class EventLoopLag {
  readonly #monitor: DelayMonitor
  readonly #seconds = new Float64Array(secondsKept)
  #next = 0
  #watched = false
  #lastMs = 0

  constructor(monitor: DelayMonitor = monitorEventLoopDelay({ resolution: resolutionMs })) {
    this.#monitor = monitor
  }

  watch(watched: boolean): void {
    if (watched === this.#watched) return
    this.#watched = watched
    if (watched) {
      this.#monitor.reset()
      this.#monitor.enable()
    } else this.#monitor.disable()
  }

  tick(latenessMs: number): void {
    let lagMs = latenessMs
    if (this.#watched) {
      lagMs = Math.max(lagMs, this.#monitor.max / 1e6 - resolutionMs)
      this.#monitor.reset()
    }
    this.#lastMs = lagMs
    this.#seconds[this.#next] = lagMs
    this.#next = (this.#next + 1) % secondsKept
  }

  /** The worst of the last second, in milliseconds. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** The worst of the last minute, in milliseconds. */
  get worstMs(): number {
    return Math.max(...this.#seconds)
  }

  close(): void {
    this.watch(false)
  }
}
