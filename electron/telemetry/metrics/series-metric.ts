import type { Metric, Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string>>

interface Description {
  name: string
  help: string
}

interface Value {
  labels: Record<string, string | number>
  value: number
  metricName?: string
}

/**
 * A metric whose label sets are held by those who count: a record is an addition. (prom-client makes a text of all
 * labels for each record and looks it up: five of those were a tenth of a request's JavaScript.)
 */
abstract class SeriesMetric<S> {
  readonly name: string
  readonly help: string
  readonly aggregator = 'sum'
  abstract readonly type: 'counter' | 'histogram'
  readonly #series = new Map<S, Labels>()

  constructor(registry: Registry, { name, help }: Description) {
    this.name = name
    this.help = help
    // What a registry asks of a metric is here; its type names prom-client's own classes alone.
    registry.registerMetric(this as unknown as Metric)
  }

  /** One for each label set: who asks twice counts apart. It is told, at zero, from now until it is removed. */
  series(labels: Labels): S {
    const series = this.create()
    this.#series.set(series, labels)
    return series
  }

  remove(series: S): void {
    this.#series.delete(series)
  }

  /** As the registry asks for it. */
  get(): Promise<Description & { type: string; aggregator: string; values: Value[] }> {
    const { name, help, type, aggregator } = this
    const values = [...this.#series].flatMap(([series, labels]) => this.values(series, labels))
    return Promise.resolve({ name, help, type, aggregator, values })
  }

  /** Those of a registry that is emptied. */
  reset(): void {
    this.#series.clear()
  }

  protected abstract create(): S
  protected abstract values(series: S, labels: Labels): Value[]
}

export class CounterSeries {
  count = 0
}

export class SeriesCounter extends SeriesMetric<CounterSeries> {
  readonly type = 'counter'

  protected create(): CounterSeries {
    return new CounterSeries()
  }

  protected values({ count }: CounterSeries, labels: Labels): Value[] {
    return [{ labels, value: count }]
  }
}

export class HistogramSeries {
  sum = 0
  count = 0
  /** By bucket, not cumulated; what is beyond the last bound is in `count` alone. */
  readonly buckets: Float64Array
  readonly #bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.buckets = new Float64Array(bounds.length)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    this.sum += value
    this.count++
    for (let at = 0; at < bounds.length; at++) {
      if (value > (bounds[at] as number)) continue
      this.buckets[at] = (this.buckets[at] as number) + 1
      return
    }
  }
}

export class SeriesHistogram extends SeriesMetric<HistogramSeries> {
  readonly type = 'histogram'
  readonly #bounds: readonly number[]

  /** @param bounds upper ones, ascending, in seconds */
  constructor(registry: Registry, description: Description, bounds: readonly number[]) {
    super(registry, description)
    this.#bounds = bounds
  }

  protected create(): HistogramSeries {
    return new HistogramSeries(this.#bounds)
  }

  protected values({ sum, count, buckets }: HistogramSeries, labels: Labels): Value[] {
    const metricName = `${this.name}_bucket`
    let cumulated = 0
    const values: Value[] = this.#bounds.map((le, at) => {
      cumulated += buckets[at] ?? 0
      return { metricName, labels: { le, ...labels }, value: cumulated }
    })
    values.push(
      { metricName, labels: { le: '+Inf', ...labels }, value: count },
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    )
    return values
  }
}
