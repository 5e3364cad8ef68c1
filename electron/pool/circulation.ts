import type { PermitBudget, PermitHolder } from './budget.ts'
import type { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import { mustMakeRoom } from './demand.ts'
import type { Grants } from './grants.ts'
import type { Outcomes } from './outcomes.ts'
import { retirementOf } from './retirement.ts'
import type { RollingRestart } from './rolling-restart.ts'
import type { Resource } from './types.ts'

const evicted = { reason: 'evicted', manner: 'gentle' } as const

interface Parts<R extends Resource> {
  core: PoolCore<R>
  closer: Closer<R>
  grants: Grants<R>
  outcomes: Outcomes<R>
  roll: RollingRestart<R>
  budget: PermitBudget | undefined
  holder: PermitHolder
  /** Permits that are free, or about to be. */
  room: () => number
  /** The need for permits may have changed. */
  fill: () => void
}

/** What becomes of a connection that is free: somebody gets it, it rests in idle, or its time is over. */
export class Circulation<R extends Resource> {
  readonly #parts: Parts<R>

  constructor(parts: Parts<R>) {
    this.#parts = parts
  }

  /** One that came back from its holder. */
  returned(connection: PooledConnection<R>, now: number): void {
    // It went down while it was in the queue.
    if (connection.state !== 'returning') return
    connection.idleSince = now
    connection.verifiedAt = now
    this.readmit(connection, now)
  }

  /** One that is reserved: it is placed, or closed when something says that its time is over. */
  readmit(connection: PooledConnection<R>, now: number): void {
    const { core, closer, grants, outcomes, budget, fill } = this.#parts
    const retirement = retirementOf(core, connection, now) ?? (this.#mustGo(connection) ? evicted : undefined)
    if (retirement) {
      outcomes.retired(connection, retirement.reason)
      closer.end(connection, retirement.reason, retirement.manner)
      return
    }
    grants.place(connection, now)
    // It may have been what this pool stands in line for; or, idle, it is in the way of who waits for another kind.
    if ((budget && budget.waiting > 0) || (core.idle.length > 0 && core.waiters.length > 0)) fill()
  }

  #mustGo(connection: PooledConnection<R>): boolean {
    const { core, roll, budget, holder, room } = this.#parts
    if (roll.takes(connection)) return true
    if (core.waiters.length > 0 && mustMakeRoom(core, connection, room)) return true
    if (!budget || budget.waiting === 0) return false
    const wanted = core.waiters.length > 0
    // One that was opened for somebody is not given up before it was used.
    return (!wanted || connection.uses > 0) && budget.mustYield(holder, wanted)
  }
}
