import { AppError, toErrorShape } from '../../shared/errors.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { OpenOutcomes } from './opener.ts'
import type { DownCause, Resource } from './types.ts'

/**
 * A holder that discards for one of these tells of a failing server. `unhealthy` is not among them: a holder discards
 * so after a cancelled or timed-out call too, and callers that give up must not open the breaker for everybody.
 */
const failing: ReadonlySet<CloseReason> = new Set<CloseReason>(['exited', 'write-failed', 'protocol-error'])

interface Reactions<R extends Resource> {
  /** It is well and reserved: give it away. */
  place(connection: PooledConnection<R>): void
  /** The breaker has opened: nobody shall wait. */
  refuseWaiters(error: () => AppError): void
  circuitOpen(): AppError
  /** A timer for the breaker. */
  wakeAt(at: number): void
  /** Something may be opened now. */
  fill(): void
}

/** How connections fare, and what follows: backoff, breaker, and the cause that waiters are told. */
export class Outcomes<R extends Resource> implements OpenOutcomes<R> {
  readonly #core: PoolCore<R>
  readonly #closer: Closer<R>
  readonly #react: Reactions<R>

  constructor(core: PoolCore<R>, closer: Closer<R>, react: Reactions<R>) {
    this.#core = core
    this.#closer = closer
    this.#react = react
  }

  ready(connection: PooledConnection<R>): void {
    const core = this.#core
    // It was ended while it was opening: the resource's answer comes too late.
    if (connection.state !== 'spawning' && connection.state !== 'handshaking') return
    if (!connection.resource?.alive) {
      this.failed(connection, new Error('it ended right after it was ready'))
      return
    }
    const now = core.clock.now()
    if (connection.state === 'spawning') connection.moveTo('handshaking', now)
    connection.readyAt = now
    connection.idleSince = now
    connection.verifiedAt = now
    core.gate.ready()
    core.events.emit('connection.ready', { connectionId: connection.id, connectMs: now - connection.openedAt })
    if (core.breaker.ready(connection.id)) core.events.emit('breaker.closed', undefined)
    // A listener may have ended it.
    if (!connection.open) return
    core.recognize(connection)
    this.#react.place(connection)
    this.#react.fill()
  }

  failed(connection: PooledConnection<R>, error: Error): void {
    if (connection.state !== 'spawning' && connection.state !== 'handshaking') return
    this.#core.events.emit('connection.failed', { connectionId: connection.id, error: toErrorShape(error) })
    this.#count(connection, error)
    this.#closer.end(connection, 'connect-failed', 'abrupt', error)
  }

  /** It went down by itself: from this moment it is not connected, whatever it was doing. */
  down(connection: PooledConnection<R>, cause: DownCause): void {
    if (!connection.open) return
    const wasReady = connection.readyAt !== undefined
    if (!wasReady && !cause.expected) {
      this.failed(connection, cause.error)
      return
    }
    connection.downCause = cause
    if (!wasReady) {
      // It could not be opened in this way, and will be opened in another: what it was opened for is still wanted.
      connection.reopen ||= connection.openReason === 'person' && !cause.final
      this.#closer.end(connection, cause.reason, 'abrupt', cause.final ? cause.error : undefined)
    } else if (cause.expected) {
      this.#served(connection)
      this.#closer.end(connection, cause.reason, 'gentle', cause.final ? cause.error : undefined)
    } else {
      this.#count(connection, cause.error)
      this.#closer.end(connection, cause.reason, 'abrupt', cause.error)
    }
  }

  /** The pool's own check failed. */
  unwell(connection: PooledConnection<R>, error: Error): void {
    this.#count(connection, error)
    this.#closer.end(connection, 'unhealthy', 'abrupt', error)
  }

  /** It came back and is closed for this reason. */
  retired(connection: PooledConnection<R>, reason: CloseReason): void {
    if (failing.has(reason)) this.#count(connection, new Error(`connection ${connection.id} was discarded: ${reason}`))
    else if (reason === 'single-use') this.#served(connection)
  }

  /** Told by the sweep: 30 s of stable uptime and nothing failed meanwhile. */
  checkStability(now: number): void {
    const { gate, connections } = this.#core
    if (gate.failures === 0) return
    if (gate.servedStably(now)) {
      this.#forget()
      return
    }
    for (const { readyAt, usable } of connections.values()) {
      if (!usable || readyAt === undefined || !gate.provesStable(readyAt, now)) continue
      this.#forget()
      return
    }
  }

  /** For a program that lives for one request, having served it is the proof of health: none lives for 30 s. */
  #served(connection: PooledConnection<R>): void {
    if (this.#core.singleUse && connection.uses > 0 && this.#core.gate.failures > 0) this.#forget()
  }

  #forget(): void {
    this.#core.gate.forget()
    this.#core.breaker.forget()
    this.#core.changed()
  }

  #count(connection: PooledConnection<R>, error: Error): void {
    const core = this.#core
    core.lastFailure = error
    if (core.state === 'draining' || core.state === 'closed') return
    const now = core.clock.now()
    const wishMs = wishOf(error)
    let counts = true
    if (connection.readyAt === undefined) core.gate.failed(now, wishMs)
    else counts = core.gate.lost(now, wishMs)
    core.changed()
    if (!counts || !core.breaker.failed(core.gate.failures, connection.id, now)) return
    this.#react.wakeAt(core.breaker.retryAt)
    core.events.emit('breaker.opened', {
      failures: core.gate.failures,
      retryAfterMs: core.breaker.retryAt - now,
    })
    this.#react.refuseWaiters(() => this.#react.circuitOpen())
  }
}

/** What the server asked for with its refusal. */
function wishOf(error: Error): number {
  const wish = error instanceof AppError ? error.data?.retryAfterMs : undefined
  return typeof wish === 'number' ? wish : 0
}
