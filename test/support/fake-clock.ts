import type { Clock, Timer } from '../../electron/kit/clock.ts'

interface Entry {
  at: number
  order: number
  everyMs: number | undefined
  callback: () => void
}

/** Lets every promise that can settle by itself settle: one turn of the event loop. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * Time that a test owns. Timers fire in the order of their time; after each the event loop turns once, so that what
 * a timer started has gone on before the next one fires.
 */
export class FakeClock implements Clock {
  #now: number
  #wallOffset: number
  #order = 0
  readonly #timers = new Set<Entry>()

  constructor(now = 1_000, wall = 1_700_000_000_000) {
    this.#now = now
    this.#wallOffset = wall - now
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now + this.#wallOffset
  }

  after(ms: number, callback: () => void): Timer {
    return this.#add({ at: this.#now + Math.max(0, ms), order: this.#order++, everyMs: undefined, callback })
  }

  every(ms: number, callback: () => void): Timer {
    const everyMs = Math.max(1, ms)
    return this.#add({ at: this.#now + everyMs, order: this.#order++, everyMs, callback })
  }

  /** Timers that are armed: 0 when nothing was left behind. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves time on, firing what falls due at its own time, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#now = Math.max(this.#now, next.at)
      this.#fire(next, next.at)
      await settle()
    }
    this.#now = end
    await settle()
  }

  /** As `advance`, within one turn of the event loop: nothing asynchronous happens in between. */
  advanceSync(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#now = Math.max(this.#now, next.at)
      this.#fire(next, next.at)
    }
    this.#now = end
  }

  /** The event loop was blocked for `ms`: every timer that fell due fires once, late, and intervals go on from now. */
  async stall(ms: number): Promise<void> {
    this.#now += ms
    const due = [...this.#timers].filter((entry) => entry.at <= this.#now).sort(byTime)
    for (const entry of due) {
      if (!this.#timers.has(entry)) continue
      this.#fire(entry, this.#now)
      await settle()
    }
  }

  /** Someone set the wall clock. Monotonic time does not notice. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }

  #add(entry: Entry): Timer {
    this.#timers.add(entry)
    return { cancel: () => void this.#timers.delete(entry) }
  }

  #due(end: number): Entry | undefined {
    let first: Entry | undefined
    for (const entry of this.#timers) {
      if (entry.at <= end && (!first || byTime(entry, first) < 0)) first = entry
    }
    return first
  }

  #fire(entry: Entry, from: number): void {
    if (entry.everyMs === undefined) this.#timers.delete(entry)
    else {
      entry.at = from + entry.everyMs
      entry.order = this.#order++
    }
    entry.callback()
  }
}

const byTime = (a: Entry, b: Entry): number => a.at - b.at || a.order - b.order
