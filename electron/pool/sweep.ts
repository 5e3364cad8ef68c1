import type { Closer } from './closer.ts'
import type { PoolCore } from './core.ts'
import type { Outcomes } from './outcomes.ts'
import { outlived } from './retirement.ts'
import type { Resource } from './types.ts'
import type { Validator } from './validator.ts'

/** Pings begun in one sweep: a pool that woke up does not ask all its servers at once. */
const pingsPerSweep = 4

/** What the sweep does to idle connections. Never awaits: checks are begun here and come back by themselves. */
export class Sweep<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #closer: Closer<R>
  readonly #validator: Validator<R>
  readonly #outcomes: Outcomes<R>

  constructor(core: PoolCore<R>, closer: Closer<R>, validator: Validator<R>, outcomes: Outcomes<R>) {
    this.#core = core
    this.#closer = closer
    this.#validator = validator
    this.#outcomes = outcomes
  }

  /** Time that the event loop was blocked: nobody could use a connection, release it or answer meanwhile. */
  forgive(stalledMs: number, now: number): void {
    for (const connection of this.#core.connections.values()) {
      if (connection.state === 'leased') connection.forgivenMs += stalledMs
      connection.idleSince = Math.min(now, connection.idleSince + stalledMs)
      connection.verifiedAt = Math.min(now, connection.verifiedAt + stalledMs)
    }
  }

  evict(now: number): void {
    const { idle, limits } = this.#core
    if (idle.length === 0) return
    for (const connection of [...idle]) {
      if (connection.state !== 'idle') continue
      if (!connection.resource?.alive) {
        this.#outcomes.unwell(connection, new Error(`connection ${connection.id} is not alive`))
      } else if (outlived(this.#core, connection, now)) {
        this.#closer.end(connection, 'max-lifetime', 'gentle')
      } else if (
        limits.idleTimeoutMs > 0 &&
        !connection.kept &&
        idle.length > this.#core.idleTarget &&
        now - connection.idleSince >= limits.idleTimeoutMs
      ) {
        this.#closer.end(connection, 'idle-timeout', 'gentle')
      }
    }
  }

  validate(now: number): void {
    let begun = 0
    for (const connection of [...this.#core.idle]) {
      if (begun === pingsPerSweep) return
      if (connection.state !== 'idle' || !this.#validator.isDue(connection, now)) continue
      this.#validator.begin(connection, now)
      begun++
    }
  }
}
