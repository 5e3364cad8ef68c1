import type { Lease, Resource } from './types.ts'

/** One acquire that waits. Settled exactly once, by whoever takes it out of the queue. */
export class Waiter<R extends Resource> {
  previous: Waiter<R> | undefined
  next: Waiter<R> | undefined
  queued = false
  /** Set when it listens to an AbortSignal: stops listening. */
  unlisten: (() => void) | undefined
  readonly resolve: (lease: Lease<R>) => void
  readonly reject: (error: Error) => void
  readonly since: number
  /** Monotonic milliseconds. */
  readonly deadline: number
  /** The deadline is the caller's own, sooner than acquireTimeoutMs. */
  readonly ownDeadline: boolean
  /** Where the acquire was called, if sampled. */
  readonly trace: Error | undefined

  constructor(
    resolve: (lease: Lease<R>) => void,
    reject: (error: Error) => void,
    since: number,
    deadline: number,
    ownDeadline: boolean,
    trace: Error | undefined,
  ) {
    this.resolve = resolve
    this.reject = reject
    this.since = since
    this.deadline = deadline
    this.ownDeadline = ownDeadline
    this.trace = trace
  }
}

/** First in, first out; a waiter that gives up leaves from the middle in constant time. */
export class WaiterQueue<R extends Resource> {
  #first: Waiter<R> | undefined
  #last: Waiter<R> | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  get first(): Waiter<R> | undefined {
    return this.#first
  }

  push(waiter: Waiter<R>): void {
    waiter.previous = this.#last
    if (this.#last) this.#last.next = waiter
    else this.#first = waiter
    this.#last = waiter
    waiter.queued = true
    this.#length++
  }

  shift(): Waiter<R> | undefined {
    const first = this.#first
    if (first) this.remove(first)
    return first
  }

  /** @returns false when it is not waiting any more */
  remove(waiter: Waiter<R>): boolean {
    if (!waiter.queued) return false
    if (waiter.previous) waiter.previous.next = waiter.next
    else this.#first = waiter.next
    if (waiter.next) waiter.next.previous = waiter.previous
    else this.#last = waiter.previous
    waiter.previous = undefined
    waiter.next = undefined
    waiter.queued = false
    this.#length--
    waiter.unlisten?.()
    return true
  }

  /** Takes out all whose deadline has passed, oldest first. */
  expire(now: number): Waiter<R>[] {
    const expired: Waiter<R>[] = []
    for (let waiter = this.#first; waiter; ) {
      const next: Waiter<R> | undefined = waiter.next
      if (waiter.deadline <= now) {
        this.remove(waiter)
        expired.push(waiter)
      }
      waiter = next
    }
    return expired
  }

  /** Infinity when nobody waits. */
  get earliestDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (let waiter = this.#first; waiter; waiter = waiter.next) earliest = Math.min(earliest, waiter.deadline)
    return earliest
  }
}
