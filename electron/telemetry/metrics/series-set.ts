type Labels = Record<string, string>

interface Removable {
  remove(labels: Labels): void
}

/**
 * The label sets of one metric that belong to one upstream. They are made once and used again (the hot path allocates
 * none), they are bounded, and they go when the upstream goes.
 */
export class SeriesSet {
  readonly #metric: Removable
  readonly #overflow: Labels
  readonly #max: number
  readonly #byKey = new Map<string, Labels>()
  #overflowed = false

  /** @param overflow stands for every label set beyond `max` */
  constructor(metric: Removable, overflow: Labels, max: number) {
    this.#metric = metric
    this.#overflow = overflow
    this.#max = max
  }

  get(key: string): Labels | undefined {
    return this.#byKey.get(key)
  }

  add(key: string, labels: Labels): Labels {
    if (this.#byKey.size >= this.#max) {
      this.#overflowed = true
      return this.#overflow
    }
    this.#byKey.set(key, labels)
    return labels
  }

  remove(): void {
    for (const labels of this.#byKey.values()) this.#metric.remove(labels)
    if (this.#overflowed) this.#metric.remove(this.#overflow)
    this.#byKey.clear()
  }
}
