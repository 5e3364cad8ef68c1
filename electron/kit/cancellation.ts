/** What is listened to of an AbortSignal, which is one: whoever only listens takes this. */
export interface Cancellation {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * An AbortController, and its signal, for what is made for each request. Node's own survive the collection of young
 * objects in chains: a request with one cost 5 us more and doubled the host's memory (measured, Node 24).
 */
export class Canceller implements Cancellation {
  #aborted = false
  /** Nearly always there is one at a time. */
  #listener: (() => void) | undefined
  #more: Set<() => void> | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#aborted ? new DOMException('This operation was aborted', 'AbortError') : undefined
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.#listener) this.#listener = listener
    else {
      this.#more ??= new Set()
      this.#more.add(listener)
    }
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined
    else this.#more?.delete(listener)
  }

  /** Each listener is called once. */
  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    const first = this.#listener
    const more = this.#more
    this.#listener = undefined
    this.#more = undefined
    first?.()
    for (const listener of more ?? []) listener()
  }
}
