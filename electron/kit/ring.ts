/** The newest `capacity` items, oldest first when iterated. */
export class Ring<T> implements Iterable<T> {
  readonly capacity: number
  #items: T[] = []
  #head = 0

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`capacity must be a positive integer, got ${capacity}`)
    this.capacity = capacity
  }

  push(item: T): void {
    if (this.#items.length < this.capacity) this.#items.push(item)
    else {
      this.#items[this.#head] = item
      this.#head = (this.#head + 1) % this.capacity
    }
  }

  get length(): number {
    return this.#items.length
  }

  get last(): T | undefined {
    return this.#items.at(this.#items.length < this.capacity ? -1 : this.#head - 1)
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.#items.length; i++) yield this.#items[(this.#head + i) % this.#items.length] as T
  }

  toArray(): T[] {
    return [...this.#items.slice(this.#head), ...this.#items.slice(0, this.#head)]
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }
}
