import type { Logger } from '../kit/logger.ts'
import type { SampleTrees, TreeUsage } from './types.ts'

/** Sampling reads the process table: often enough for a person who looks, seldom enough to cost nothing otherwise. */
const watchedEveryMs = 2_000
const unwatchedEveryMs = 15_000
const newcomerEveryMs = 1_000

export interface UsageSamplerOptions {
  sample: SampleTrees | undefined
  logger: Logger
  pids: () => number[]
  onSampled: () => void
}

/** The latest CPU and memory of each process tree. One sample at a time; it has no timer of its own. */
export class UsageSampler {
  readonly #options: UsageSamplerOptions
  #usage: ReadonlyMap<number, TreeUsage> = new Map()
  #lastAt = Number.NEGATIVE_INFINITY
  #sampling = false
  #failed = false

  constructor(options: UsageSamplerOptions) {
    this.#options = options
  }

  of(pid: number | null): TreeUsage | undefined {
    return pid === null ? undefined : this.#usage.get(pid)
  }

  sum(pids: Iterable<number>): { memoryBytes: number; cpuPercent: number } {
    const total = { memoryBytes: 0, cpuPercent: 0 }
    for (const pid of pids) {
      const usage = this.#usage.get(pid)
      if (!usage) continue
      total.memoryBytes += usage.memoryBytes
      total.cpuPercent += usage.cpuPercent
    }
    return total
  }

  /** Starts a sample when one is due; never waits for it. */
  tick(now: number, watched: boolean): void {
    const { sample } = this.#options
    if (!sample || this.#sampling) return
    const pids = this.#options.pids()
    // Someone who looks should not see a new process without figures for long.
    const overdue = watched && pids.some((pid) => !this.#usage.has(pid))
    const everyMs = overdue ? newcomerEveryMs : watched ? watchedEveryMs : unwatchedEveryMs
    // Ticks come once a second: half a second of tolerance keeps the period from becoming a second longer.
    if (now - this.#lastAt < everyMs - 500) return
    this.#lastAt = now
    if (pids.length === 0) {
      this.#take(new Map())
      return
    }
    this.#sampling = true
    void this.#run(sample, pids)
  }

  async #run(sample: SampleTrees, pids: number[]): Promise<void> {
    try {
      this.#take(await sample(pids))
      this.#failed = false
    } catch (error) {
      // The last figures stay; said once, because it would be said every two seconds.
      if (!this.#failed)
        this.#options.logger.log('warn', 'CPU and memory could not be sampled', { error: String(error) })
      this.#failed = true
    } finally {
      this.#sampling = false
    }
  }

  #take(usage: ReadonlyMap<number, TreeUsage>): void {
    if (usage.size === 0 && this.#usage.size === 0) return
    this.#usage = usage
    this.#options.onSampled()
  }
}
