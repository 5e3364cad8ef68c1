import type { Point, PoolSnapshot, UpstreamStats } from '../../shared/state.ts'
import { viewOf } from './compose.ts'
import type { Metrics } from './metrics/definitions.ts'
import { UpstreamSeries } from './metrics/upstream-series.ts'
import { PointSeries } from './point-series.ts'
import type { PoolChange } from './records.ts'
import type { UpstreamSource } from './types.ts'
import { UpstreamMeter } from './upstream-meter.ts'
import type { UsageSampler } from './usage-sampler.ts'

export const noUsage = { memoryBytes: 0, cpuPercent: 0 }

export interface TickFindings {
  stale: boolean
  poolChange: PoolChange | null
}

/** What telemetry keeps for one upstream name: over stops and starts, until it is removed. */
export class TrackedUpstream {
  readonly name: string
  readonly meter: UpstreamMeter
  readonly series: UpstreamSeries
  readonly points = new PointSeries()
  protocolVersion: string | null = null
  /** Upstream objects whose events are heard: one, or two while the one before closes. */
  attached = 0
  readonly #usage: UsageSampler
  #told: UpstreamStats | undefined
  #poolState: PoolSnapshot['state'] | undefined

  constructor(options: {
    name: string
    metrics: Metrics
    usage: UsageSampler
    now: number
  }) {
    this.name = options.name
    this.meter = new UpstreamMeter(options.now)
    this.series = new UpstreamSeries(options.metrics, options.name)
    this.#usage = options.usage
  }

  usage(source: UpstreamSource): { memoryBytes: number; cpuPercent: number } {
    return this.#usage.sum(source.upstream?.pids().values() ?? [])
  }

  stats(source: UpstreamSource | undefined, now: number): UpstreamStats {
    return this.meter.stats(now, source ? this.usage(source) : noUsage)
  }

  /** As {@link stats}, for a frame: it remembers what was told. */
  tell(source: UpstreamSource, now: number): UpstreamStats {
    this.#told = this.stats(source, now)
    return this.#told
  }

  /**
   * Ends a second.
   * @returns whether what was told before is no longer true, and what a person or a script did to the pool
   */
  tick(source: UpstreamSource, second: number, now: number, watched: boolean): TickFindings {
    const { pool } = viewOf(source)
    const point: Point = {
      t: second,
      idle: pool.idle,
      leased: pool.leased,
      spawning: pool.spawning,
      draining: pool.draining,
      max: pool.max,
      waiting: pool.waiting,
      oldestWaitMs: pool.oldestWaitMs,
      ...this.meter.takeSecond(),
      ...this.usage(source),
    }
    this.points.push(point)
    // Windows slide and waits grow without an event.
    const stale = watched && (pool.waiting > 0 || !sameFigures(this.#told, this.stats(source, now)))
    return { stale, poolChange: this.#poolChange(pool.state) }
  }

  /** An upstream tells no event of it. */
  #poolChange(state: PoolSnapshot['state']): PoolChange | null {
    const before = this.#poolState
    this.#poolState = state
    if (before === state) return null
    if (state === 'suspended') return 'suspended'
    return before === 'suspended' && state === 'running' ? 'resumed' : null
  }
}

function sameFigures(a: UpstreamStats | undefined, b: UpstreamStats): boolean {
  return a !== undefined && (Object.keys(b) as (keyof UpstreamStats)[]).every((key) => a[key] === b[key])
}
