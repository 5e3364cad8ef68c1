import type { Clock, Timer } from '../kit/clock.ts'
import type { Unsubscribe } from '../kit/emitter.ts'
import type { Upstream } from '../upstream/types.ts'

/** What keeps a connection of an upstream between requests: a question that waits for its answer, a client's own process. */
export interface Holder {
  readonly upstream: Upstream
  /** Since when nobody has used it, monotonic milliseconds; undefined while it is in use. */
  idleSince(): number | undefined
  giveWay(): void
}

/** Shorter than a waiting request's patience (30 s), longer than most programs need between two requests. */
const graceMs = 10_000
const checkMs = 500

/**
 * Connections that are held for somebody who may never come back. They are kept while nobody else wants them; when a
 * request waits for a connection of the same upstream, the one that was idle for the longest gives way.
 */
export class Holders {
  readonly #clock: Clock
  readonly #holders = new Set<Holder>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(holder: Holder): Unsubscribe {
    this.#holders.add(holder)
    this.#timer ??= this.#clock.every(checkMs, () => this.#check())
    return () => this.#remove(holder)
  }

  /** One at a time for each upstream: its connection may be all that was wanted. */
  #check(): void {
    const before = this.#clock.now() - graceMs
    const longest = new Map<Upstream, { holder: Holder; since: number }>()
    for (const holder of this.#holders) {
      const since = holder.idleSince()
      const known = longest.get(holder.upstream)
      if (since !== undefined && since <= before && (!known || since < known.since))
        longest.set(holder.upstream, { holder, since })
    }
    for (const [upstream, { holder }] of longest) {
      if (upstream.view().pool.waiting === 0) continue
      this.#remove(holder)
      holder.giveWay()
    }
  }

  #remove(holder: Holder): void {
    this.#holders.delete(holder)
    if (this.#holders.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
