import type { Lease, Resource } from './types.ts'

/** One acquire that waits. Settled exactly once, by whoever takes it out of the queue. */
export class Waiter<R extends Resource> {
  previous: Waiter<R> | undefined
  next: Waiter<R> | undefined
  queued = false
  /** Counted apart by the queue: it waits for something else than most. */
  apart = false
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
  readonly kind: string
  /** The one connection that may serve. */
  readonly only: string | undefined
  readonly hold: boolean

  constructor(
    resolve: (lease: Lease<R>) => void,
    reject: (error: Error) => void,
    since: number,
    deadline: number,
    ownDeadline: boolean,
    trace: Error | undefined,
    kind = '',
    only: string | undefined = undefined,
    hold = false,
  ) {
    this.resolve = resolve
    this.reject = reject
    this.since = since
    this.deadline = deadline
    this.ownDeadline = ownDeadline
    this.trace = trace
    this.kind = kind
    this.only = only
    this.hold = hold
  }
}

/**
 * First in, first out among those that wait for the same; a waiter that gives up leaves from the middle in constant time.
 * As long as all wait for connections of one kind, nothing is searched.
 */
export class WaiterQueue<R extends Resource> implements Iterable<Waiter<R>> {
  #first: Waiter<R> | undefined
  #last: Waiter<R> | undefined
  #length = 0
  /** What all wait for, unless they are counted apart. */
  #kind = ''
  #apart = 0
  #bound = 0

  get length(): number {
    return this.#length
  }

  get first(): Waiter<R> | undefined {
    return this.#first
  }

  /** Those that wait for one certain connection: no other can be opened for them. */
  get bound(): number {
    return this.#bound
  }

  /** The kind that all wait for; undefined when they wait for several, or for certain connections. */
  get kind(): string | undefined {
    return this.#apart === 0 ? this.#kind : undefined
  }

  /** Whether anybody waits for any connection of this kind. */
  has(kind: string): boolean {
    if (this.#apart === 0) return this.#length > 0 && this.#kind === kind
    for (const waiter of this) if (waiter.only === undefined && waiter.kind === kind) return true
    return false
  }

  push(waiter: Waiter<R>): void {
    if (waiter.only !== undefined) {
      waiter.apart = true
      this.#apart++
      this.#bound++
    } else if (waiter.kind !== this.#kind) {
      if (this.#length === this.#apart) this.#kind = waiter.kind
      else {
        waiter.apart = true
        this.#apart++
      }
    }
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

  /** Takes out who gets this connection: who waits for no other, then the oldest of those that wait for its kind. */
  takeFor(id: string, kind: string): Waiter<R> | undefined {
    if (this.#apart === 0) return this.#kind === kind ? this.shift() : undefined
    let found: Waiter<R> | undefined
    for (const waiter of this) {
      if (waiter.only === id) {
        found = waiter
        break
      }
      if (waiter.only === undefined && waiter.kind === kind) found ??= waiter
    }
    if (found) this.remove(found)
    return found
  }

  /** Takes out all that wait for this connection alone. */
  takeBound(id: string): Waiter<R>[] {
    if (this.#bound === 0) return []
    const taken = [...this].filter(({ only }) => only === id)
    for (const waiter of taken) this.remove(waiter)
    return taken
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
    if (waiter.apart) {
      this.#apart--
      if (waiter.only !== undefined) this.#bound--
    }
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

  /** Oldest first. Don't change the queue meanwhile. */
  *[Symbol.iterator](): Generator<Waiter<R>, undefined> {
    for (let waiter = this.#first; waiter; waiter = waiter.next) yield waiter
  }
}
