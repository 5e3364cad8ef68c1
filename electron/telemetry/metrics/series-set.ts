import type { Labels } from './series-metric.ts'

interface SeriesSource<S> {
  series(labels: Labels): S
  remove(series: S): void
}

/**
 * The series of one metric that belong to one upstream. They are made once and used again (the hot path allocates
 * none), they are bounded, and they go when the upstream goes.
 */
export class SeriesSet<S> {
  readonly #metric: SeriesSource<S>
  readonly #overflow: Labels
  readonly #max: number
  readonly #byKey = new Map<string, S>()
  #overflowed: S | undefined

  /** @param overflow stands for every label set beyond `max` */
  constructor(metric: SeriesSource<S>, overflow: Labels, max: number) {
    this.#metric = metric
    this.#overflow = overflow
    this.#max = max
  }

  get(key: string): S | undefined {
    return this.#byKey.get(key)
  }

  add(key: string, labels: Labels): S {
    if (this.#byKey.size >= this.#max) {
      this.#overflowed ??= this.#metric.series(this.#overflow)
      return this.#overflowed
    }
    const series = this.#metric.series(labels)
    this.#byKey.set(key, series)
    return series
  }

  remove(): void {
    for (const series of this.#byKey.values()) this.#metric.remove(series)
    if (this.#overflowed !== undefined) this.#metric.remove(this.#overflowed)
    this.#overflowed = undefined
    this.#byKey.clear()
  }
}
