/** Beyond so many entries a search costs more than hashing. */
const fewEntries = 32

/**
 * A map of few entries that come and go with each request, in no certain order.
 *
 * A `Map` makes itself a new table after every few deletions, and the old table points to the new one. A table that has
 * become old without being alive keeps all that come after it, with the requests in them, until the next major
 * collection: 300 bytes for each call under load (measured). Two arrays whose slots are kept make no garbage.
 */
export class BriefMap<K extends string | number, V> {
  readonly #keys: (K | undefined)[] = []
  readonly #values: (V | undefined)[] = []
  #size = 0
  /** Holds everything from the time that there are many until there are none. */
  #many: Map<K, V> | undefined

  get size(): number {
    return this.#many ? this.#many.size : this.#size
  }

  get(key: K): V | undefined {
    if (this.#many) return this.#many.get(key)
    const at = this.#indexOf(key)
    return at === -1 ? undefined : this.#values[at]
  }

  has(key: K): boolean {
    return this.#many ? this.#many.has(key) : this.#indexOf(key) !== -1
  }

  set(key: K, value: V): void {
    if (!this.#many) {
      const at = this.#indexOf(key)
      if (at !== -1) this.#values[at] = value
      else if (this.#size < fewEntries) this.#append(key, value)
      else this.#many = this.#toMap()
    }
    this.#many?.set(key, value)
  }

  delete(key: K): boolean {
    const many = this.#many
    if (many) {
      const deleted = many.delete(key)
      if (many.size === 0) this.#many = undefined
      return deleted
    }
    const at = this.#indexOf(key)
    if (at === -1) return false
    const last = --this.#size
    this.#keys[at] = this.#keys[last]
    this.#values[at] = this.#values[last]
    this.#keys[last] = undefined
    this.#values[last] = undefined
    return true
  }

  /** Of any entry; undefined when there is none. */
  get any(): V | undefined {
    return this.#many ? this.#many.values().next().value : this.#values[0]
  }

  /** Those of this moment. */
  values(): V[] {
    return this.#many ? [...this.#many.values()] : (this.#values.slice(0, this.#size) as V[])
  }

  #indexOf(key: K): number {
    const keys = this.#keys
    for (let at = 0; at < this.#size; at++) if (keys[at] === key) return at
    return -1
  }

  #append(key: K, value: V): void {
    const at = this.#size++
    this.#keys[at] = key
    this.#values[at] = value
  }

  #toMap(): Map<K, V> {
    const many = new Map<K, V>()
    for (; this.#size > 0; this.#size--) {
      const at = this.#size - 1
      many.set(this.#keys[at] as K, this.#values[at] as V)
      this.#keys[at] = undefined
      this.#values[at] = undefined
    }
    return many
  }
}
