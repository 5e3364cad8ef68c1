import type { ErrorShape } from '../../shared/errors.ts'
import type { Failure } from '../../shared/state.ts'
import type { Clock } from '../kit/clock.ts'
import type { Emitter } from '../kit/emitter.ts'
import type { PoolEvents } from '../pool/events.ts'
import type { ConnectionLogSnapshot, UpstreamConnection } from './connection-types.ts'
import { EndedLogs } from './ended-logs.ts'
import { failureOf } from './view.ts'

/** The connections of one upstream whose process trees may still live, and what went wrong with them last. */
export class Connections {
  readonly #clock: Clock
  readonly #live = new Map<string, UpstreamConnection>()
  readonly #ended = new EndedLogs()
  lastFailure: Failure | null = null
  lastAttemptFailed = false

  /**
   * @param pool tells what becomes of them; heard before others that listen later
   * @param dead called with each that has ended
   */
  constructor(clock: Clock, pool: Emitter<PoolEvents>, dead: (connection: UpstreamConnection) => void) {
    this.#clock = clock
    pool.on('connection.ready', () => {
      this.lastAttemptFailed = false
    })
    pool.on('connection.failed', ({ error }) => {
      this.lastAttemptFailed = true
      this.lastFailure = failureOf(error, clock.wall())
    })
    pool.on('connection.closing', ({ connectionId, error, reason }) => {
      this.#live.get(connectionId)?.closingFor(reason)
      if (error && reason !== 'single-use') this.lastFailure = failureOf(error, this.#clock.wall())
    })
    pool.on('connection.dead', ({ connectionId }) => {
      const connection = this.#live.get(connectionId)
      if (!connection) return
      this.#live.delete(connectionId)
      this.#ended.add(connection)
      dead(connection)
    })
  }

  /** The server wants to know who we are; no attempt is worth it. */
  refused(error: ErrorShape): void {
    this.lastAttemptFailed = true
    this.lastFailure = failureOf(error, this.#clock.wall())
  }

  /** The server hangs, or is away: no connection has ended of it. */
  unanswered(error: ErrorShape): void {
    this.lastFailure = failureOf(error, this.#clock.wall())
  }

  /** Every one that might serve waits for its server to come back. */
  get away(): boolean {
    const alive = [...this.#live.values()].filter((connection) => connection.alive)
    return alive.length > 0 && alive.every((connection) => connection.away === true)
  }

  get size(): number {
    return this.#live.size
  }

  add(connection: UpstreamConnection): void {
    this.#live.set(connection.connectionId, connection)
  }

  get(connectionId: string): UpstreamConnection | undefined {
    return this.#live.get(connectionId)
  }

  /** The newest of these that passes. */
  filter(passes: (connection: UpstreamConnection) => boolean): UpstreamConnection[] {
    return [...this.#live.values()].filter(passes)
  }

  findLast(passes: (connection: UpstreamConnection) => boolean): UpstreamConnection | undefined {
    return [...this.#live.values()].findLast(passes)
  }

  /** Stderr of a connection, live or among the last that ended. */
  log(connectionId: string): ConnectionLogSnapshot | undefined {
    return this.#live.get(connectionId)?.log() ?? this.#ended.get(connectionId)
  }

  pids(): Map<string, number> {
    const pids = new Map<string, number>()
    for (const [id, { pid }] of this.#live) if (pid !== null) pids.set(id, pid)
    return pids
  }

  /** Another program: nothing that was learnt about the old one holds. */
  forgetFailures(): void {
    this.lastFailure = null
    this.lastAttemptFailed = false
  }
}
