import { toErrorShape } from '../../shared/errors.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { Timer } from '../kit/clock.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import { expired } from './lease.ts'
import type { CloseManner, Resource } from './types.ts'

/** A close that takes longer is hastened with `kill`: twice the whole gentle ladder of a process. */
export const closeTimeoutMs = 10_000
/** What survives `kill` for this long is put into quarantine (POOL semantics: 30 s). */
export const quarantineAfterMs = 30_000
/** What has survived `kill` is killed again this often: a process that was stuck in the kernel goes when it is let go. */
const killAgainMs = 1_000
const killQuarantinedAgainMs = 30_000

/** Closed for its age and use, not for what it did. */
const inGoodOrder: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'idle-timeout',
  'max-lifetime',
  'max-uses',
  'evicted',
])

const harshness: Record<CloseManner, number> = { gentle: 0, abrupt: 1, kill: 2 }

interface Closing {
  /** The harshest that was asked for. */
  manner: CloseManner
  begun: boolean
  timer: Timer | undefined
  /** Kills a survivor again. */
  again: Timer | undefined
  settled: boolean
}

/** Ends connections: with a reason, within a time, once; and frees their permits. */
export class Closer<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #ending: (connection: PooledConnection<R>) => void
  readonly #freed: (connection: PooledConnection<R>) => void
  readonly #closings = new Map<PooledConnection<R>, Closing>()
  readonly #quarantined = new Set<Closing>()
  #givenUp = false

  /**
   * @param ending called when a connection has begun to end: another one may be needed
   * @param freed called when a permit is free again: the connection is dead, or in quarantine
   */
  constructor(
    core: PoolCore<R>,
    ending: (connection: PooledConnection<R>) => void,
    freed: (connection: PooledConnection<R>) => void,
  ) {
    this.#core = core
    this.#ending = ending
    this.#freed = freed
  }

  /**
   * Begins to end a connection; one that is ending already is hastened at most.
   * A lease that is out stays the holder's to release, unless it is revoked.
   */
  end(connection: PooledConnection<R>, reason: CloseReason, manner: CloseManner, error?: Error): void {
    const core = this.#core
    if (!connection.open) {
      this.#hasten(connection, manner)
      return
    }
    if (connection.state === 'idle') core.idle.remove(connection)
    if (manner === 'gentle' && connection.uses > 0 && inGoodOrder.has(reason)) core.gate.served()
    connection.closeReason = reason
    connection.spare = false
    connection.moveTo('draining', core.clock.now())
    core.breaker.ended(connection.id)
    const closing: Closing = { manner, begun: false, timer: undefined, again: undefined, settled: false }
    this.#closings.set(connection, closing)
    core.events.emit('connection.closing', {
      connectionId: connection.id,
      reason,
      error: error ? toErrorShape(error) : null,
    })
    closing.begun = true
    this.#call(connection, closing, closing.manner)
    if (!closing.settled) this.#limit(connection, closing)
    this.#ending(connection)
  }

  /** Takes a lease away from its holder, then ends the connection. */
  revoke(connection: PooledConnection<R>, reason: CloseReason, manner: CloseManner): void {
    if (connection.leasedSince !== null) {
      connection.revokedGeneration = connection.generation++
      connection.leasedSince = null
      connection.lease = undefined
      const { revocation } = connection
      connection.revocation = undefined
      this.end(connection, reason, manner)
      // Last: the holder's listener finds a pool that has finished with the connection.
      revocation?.abort(expired(connection.id, true))
      return
    }
    this.end(connection, reason, manner)
  }

  /** Puts everything that is still ending into quarantine: the pool waits no longer. */
  giveUp(): void {
    this.#givenUp = true
    for (const { again } of this.#quarantined) again?.cancel()
    for (const [connection, closing] of this.#closings) this.#done(connection, closing, 'survived')
  }

  #hasten(connection: PooledConnection<R>, manner: CloseManner): void {
    const closing = this.#closings.get(connection)
    if (!closing || harshness[manner] <= harshness[closing.manner]) return
    closing.manner = manner
    if (!closing.begun) return
    this.#call(connection, closing, manner)
    if (!closing.settled) this.#limit(connection, closing)
  }

  #call(connection: PooledConnection<R>, closing: Closing, manner: CloseManner): void {
    const { resource } = connection
    if (!resource) {
      this.#done(connection, closing, 'gone')
      return
    }
    try {
      resource.close(manner).then(
        (outcome) => {
          if (outcome === 'gone') this.#done(connection, closing, 'gone')
          else this.#survived(connection, closing)
        },
        (error: unknown) => this.#failed(connection, closing, manner, error),
      )
    } catch (error) {
      this.#failed(connection, closing, manner, error)
    }
  }

  /** Not for long perhaps: its permit is kept as long as it may live, up to a limit. */
  #survived(connection: PooledConnection<R>, closing: Closing): void {
    if (closing.again || this.#givenUp) return
    if (!closing.settled && closing.manner !== 'kill') {
      closing.manner = 'kill'
      this.#limit(connection, closing)
    }
    const ms = closing.settled ? killQuarantinedAgainMs : killAgainMs
    closing.again = this.#core.clock.after(ms, () => {
      closing.again = undefined
      this.#call(connection, closing, 'kill')
    })
  }

  #failed(connection: PooledConnection<R>, closing: Closing, manner: CloseManner, error: unknown): void {
    this.#core.report(error)
    if (closing.settled || harshness[manner] < harshness[closing.manner]) return
    if (manner === 'kill') this.#done(connection, closing, 'survived')
    else this.#hasten(connection, 'kill')
  }

  #limit(connection: PooledConnection<R>, closing: Closing): void {
    closing.timer?.cancel()
    closing.timer =
      closing.manner === 'kill'
        ? this.#core.clock.after(quarantineAfterMs, () => this.#done(connection, closing, 'survived'))
        : this.#core.clock.after(closeTimeoutMs, () => this.#hasten(connection, 'kill'))
  }

  #done(connection: PooledConnection<R>, closing: Closing, outcome: 'gone' | 'survived'): void {
    const core = this.#core
    if (closing.settled) {
      // It went after all: counted as dead, its permit has been freed before.
      if (outcome === 'gone' && core.quarantined.delete(connection.id)) {
        this.#quarantined.delete(closing)
        closing.again?.cancel()
        core.counts.enter('draining')
        this.#dead(connection)
      }
      return
    }
    closing.settled = true
    closing.timer?.cancel()
    if (outcome === 'gone' || this.#givenUp) closing.again?.cancel()
    else this.#quarantined.add(closing)
    this.#closings.delete(connection)
    core.leave(connection)
    if (outcome === 'gone') this.#dead(connection)
    else {
      core.counts.leave('draining')
      core.quarantined.set(connection.id, connection)
      core.events.emit('connection.quarantined', { connectionId: connection.id })
      core.changed()
    }
    core.permitCeiling = Math.max(core.limits.maxConnections, Math.min(core.permitCeiling, core.connections.size))
    this.#freed(connection)
  }

  #dead(connection: PooledConnection<R>): void {
    const core = this.#core
    const now = core.clock.now()
    connection.moveTo('dead', now)
    core.totals.dead++
    core.events.emit('connection.dead', {
      connectionId: connection.id,
      reason: connection.closeReason ?? 'shutdown',
      lifeMs: now - connection.openedAt,
      served: connection.uses,
    })
  }
}
