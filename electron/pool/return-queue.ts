/**
 * The bounded queue through which connections come back. Many offer, one takes: the maintenance loop, which owns it
 * (review "Stdio Connection Pool Reuse Failure", fix 1). A ring: neither end moves the others.
 */
export class ReturnQueue<T> {
  #slots: (T | undefined)[]
  #head = 0
  #length = 0
  #closed = false

  constructor(capacity: number) {
    this.#slots = new Array<T | undefined>(capacity).fill(undefined)
  }

  get length(): number {
    return this.#length
  }

  get capacity(): number {
    return this.#slots.length
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Never waits. @returns false when full or closed: the caller closes what it could not return */
  offer(item: T): boolean {
    if (this.#closed || this.#length === this.#slots.length) return false
    let tail = this.#head + this.#length
    if (tail >= this.#slots.length) tail -= this.#slots.length
    this.#slots[tail] = item
    this.#length++
    return true
  }

  take(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head++
    if (this.#head === this.#slots.length) this.#head = 0
    this.#length--
    return item
  }

  /** Never below what it holds. */
  resize(capacity: number): void {
    const items: (T | undefined)[] = []
    while (this.#length > 0) items.push(this.take())
    this.#slots = new Array<T | undefined>(Math.max(capacity, items.length)).fill(undefined)
    this.#head = 0
    for (const item of items) this.#slots[this.#length++] = item
  }

  close(): void {
    this.#closed = true
  }
}
