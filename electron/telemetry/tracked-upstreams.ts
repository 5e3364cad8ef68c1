import type { UpstreamSnapshot, UpstreamStats } from '../../shared/state.ts'
import type { Clock } from '../kit/clock.ts'
import { composeUpstream, nameOf, viewOf } from './compose.ts'
import type { Metrics } from './metrics/definitions.ts'
import type { UpstreamGauges } from './metrics/gauges.ts'
import { noUsage, TrackedUpstream } from './tracked-upstream.ts'
import type { TelemetrySources, UpstreamSource } from './types.ts'
import { UpstreamMeter } from './upstream-meter.ts'
import type { UsageSampler } from './usage-sampler.ts'

export interface TrackedUpstreamsOptions {
  clock: Clock
  sources: TelemetrySources
  metrics: Metrics
  usage: UsageSampler
  /** An upstream was removed and its last process is gone: its figures and series went. */
  onForgotten: (name: string) => void
}

/** Joins what the sources say of the upstreams with what telemetry has counted of them. */
export class TrackedUpstreams {
  readonly #options: TrackedUpstreamsOptions
  readonly #tracked = new Map<string, TrackedUpstream>()

  constructor(options: TrackedUpstreamsOptions) {
    this.#options = options
  }

  get(name: string): TrackedUpstream | undefined {
    return this.#tracked.get(name)
  }

  /** The one of this name, tracked from now on if it was not before. */
  track(name: string): TrackedUpstream {
    let tracked = this.#tracked.get(name)
    if (!tracked) {
      const { metrics, usage, clock } = this.#options
      tracked = new TrackedUpstream({ name, metrics, usage, now: clock.now() })
      this.#tracked.set(name, tracked)
    }
    return tracked
  }

  *present(): Iterable<[UpstreamSource, TrackedUpstream]> {
    for (const source of this.#options.sources.upstreams()) yield [source, this.track(nameOf(source))]
  }

  names(): string[] {
    return [...this.#options.sources.upstreams()].map(nameOf)
  }

  pids(): number[] {
    return [...this.#options.sources.upstreams()].flatMap(({ upstream }) => [...(upstream?.pids().values() ?? [])])
  }

  stats(name: string): UpstreamStats {
    const now = this.#options.clock.now()
    const tracked = this.#tracked.get(name)
    return tracked ? tracked.stats(this.#source(name), now) : new UpstreamMeter(now).stats(now, noUsage)
  }

  snapshots(): UpstreamSnapshot[] {
    const now = this.#options.clock.now()
    return [...this.present()].map(([source, tracked]) => this.#compose(source, tracked.stats(source, now)))
  }

  /** For a frame: it is remembered that these figures were told. Undefined when the upstream was removed. */
  tell(name: string): UpstreamSnapshot | undefined {
    const source = this.#source(name)
    return source && this.#compose(source, this.track(name).tell(source, this.#options.clock.now()))
  }

  gauges(): UpstreamGauges[] {
    return [...this.present()].map(([source, tracked]) => ({
      name: tracked.name,
      view: viewOf(source),
      usage: tracked.usage(source),
    }))
  }

  /** A removed upstream is heard out until its last process is gone. */
  forgetRemoved(): void {
    const present = new Set(this.names())
    for (const [name, tracked] of this.#tracked) {
      if (tracked.attached > 0 || present.has(name)) continue
      tracked.series.remove()
      this.#tracked.delete(name)
      this.#options.onForgotten(name)
    }
  }

  #source(name: string): UpstreamSource | undefined {
    for (const source of this.#options.sources.upstreams()) if (nameOf(source) === name) return source
    return undefined
  }

  #compose(source: UpstreamSource, stats: UpstreamStats): UpstreamSnapshot {
    return composeUpstream(source, stats, (pid) => this.#options.usage.of(pid))
  }
}
