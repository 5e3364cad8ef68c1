import type { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/** An Error costs 1.4 us (measured): one acquire in so many remembers where it was called. */
const traceEvery = 512
/** After a leak whose place is not known, so many acquires are traced without exception. */
const tracesAfterLeak = 1_024

interface Watched<R extends Resource> {
  connection: PooledConnection<R>
  generation: number
}

/**
 * Looks after leases that are held too long: warned about once, then revoked; and reclaims those that were
 * garbage-collected unreleased, a backstop. A lease that is released before the next sweep costs nothing here.
 */
export class LeaseWatch<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #closer: Closer<R>
  readonly #registry: FinalizationRegistry<Watched<R>>
  #sinceTrace = traceEvery - 1
  #tracesOwed = 0

  constructor(core: PoolCore<R>, closer: Closer<R>) {
    this.#core = core
    this.#closer = closer
    this.#registry = new FinalizationRegistry((watched) => this.#collected(watched))
  }

  /** Call it in the stack of the acquire. */
  trace(): Error | undefined {
    if (this.#tracesOwed > 0) this.#tracesOwed--
    else if (++this.#sinceTrace < traceEvery) return undefined
    this.#sinceTrace = 0
    return new Error('acquired here')
  }

  /** The lease ended in an orderly way. */
  ended(connection: PooledConnection<R>): void {
    if (connection.lease) connection.lease = undefined
    else this.#registry.unregister(connection)
  }

  sweep(now: number): void {
    const { leakWarnMs, maxLeaseMs } = this.#core.limits
    for (const connection of this.#core.connections.values()) {
      if (connection.state !== 'leased' || connection.leasedSince === null) continue
      this.#watch(connection)
      if (connection.held) continue
      const heldMs = now - connection.leasedSince - connection.forgivenMs
      if (leakWarnMs > 0 && heldMs >= leakWarnMs && !connection.leakWarned) this.#warn(connection, heldMs)
      if (maxLeaseMs > 0 && heldMs >= maxLeaseMs) this.#revoke(connection, heldMs)
    }
  }

  /** From the second sweep on, only the holder keeps its lease alive. */
  #watch(connection: PooledConnection<R>): void {
    const { lease, generation } = connection
    if (!lease) return
    this.#registry.register(lease, { connection, generation }, connection)
    connection.lease = undefined
  }

  #warn(connection: PooledConnection<R>, heldMs: number): void {
    connection.leakWarned = true
    if (!connection.leaseTrace) this.#tracesOwed = tracesAfterLeak
    this.#core.events.emit('lease.leak', {
      connectionId: connection.id,
      heldMs,
      stack: connection.leaseTrace?.stack ?? null,
    })
    this.#core.changed()
  }

  #revoke(connection: PooledConnection<R>, heldMs: number): void {
    this.#core.totals.revoked++
    this.#registry.unregister(connection)
    this.#core.events.emit('lease.revoked', { connectionId: connection.id, heldMs })
    this.#closer.revoke(connection, 'lease-revoked', 'abrupt')
  }

  /** It may still owe an answer to whoever forgot it: it is closed, not reused. */
  #collected({ connection, generation }: Watched<R>): void {
    if (connection.generation !== generation || connection.state !== 'leased') return
    this.#core.totals.leaked++
    this.#core.events.emit('lease.reclaimed', { connectionId: connection.id })
    this.#closer.revoke(connection, 'lease-revoked', 'abrupt')
  }
}
