import type { PoolLimits } from '../../shared/config.ts'
import type { Acquires } from './acquires.ts'
import type { Closer } from './closer.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { Maintenance } from './maintenance.ts'
import type { Opener } from './opener.ts'
import { poolError } from './pool-error.ts'
import type { RollingRestart } from './rolling-restart.ts'
import type { Resource } from './types.ts'

interface Parts<R extends Resource> {
  core: PoolCore<R>
  closer: Closer<R>
  opener: Opener<R>
  acquires: Acquires<R>
  maintenance: Maintenance<R>
  roll: RollingRestart<R>
}

/** What a person or a changed configuration does to a running pool. Documented at {@link Pool}. */
export class Control<R extends Resource> {
  readonly #parts: Parts<R>

  constructor(parts: Parts<R>) {
    this.#parts = parts
  }

  setLimits(limits: PoolLimits): void {
    const core = this.#parts.core
    core.limits = limits
    core.permitCeiling = Math.max(limits.maxConnections, core.connections.size)
    core.returns.resize(core.returnCapacity)
    this.#parts.maintenance.setPeriod(limits.healthCheckIntervalMs)
    while (core.connections.size - core.counts.draining > limits.maxConnections && core.idle.coldest) {
      this.#parts.closer.end(core.idle.coldest, 'evicted', 'gentle')
    }
    this.#dropUsed()
    core.changed()
    this.#parts.opener.fill()
  }

  setSingleShot(on: boolean): void {
    this.#parts.core.singleShot = on
    this.#dropUsed()
    this.#parts.core.changed()
    this.#parts.opener.fill()
  }

  spawn(): string {
    const core = this.#parts.core
    if (core.state !== 'running') throw this.#parts.acquires.stateError()
    if (core.connections.size + this.#parts.opener.ordersWaiting >= core.limits.maxConnections) {
      throw poolError(core, 'QUEUE_FULL', 'every connection is in use: raise maxConnections')
    }
    if (core.breaker.probeId !== undefined) throw this.#parts.acquires.circuitOpen()
    if (core.breaker.halfOpen()) core.events.emit('breaker.half-open', undefined)
    this.#parts.opener.refillPaused = false
    const id = this.#parts.opener.order(true)
    this.#parts.opener.fill()
    return id
  }

  drain(): void {
    this.#parts.opener.refillPaused = true
    for (const connection of [...this.#parts.core.connections.values()]) this.#retire(connection)
  }

  standDown(error: () => Error): void {
    this.#parts.opener.refillPaused = true
    this.#parts.opener.cancel()
    this.#parts.acquires.rejectAll(error)
  }

  suspend(): void {
    if (this.#parts.core.state !== 'running') return
    this.#parts.core.state = 'suspended'
    this.#parts.core.changed()
    this.#parts.opener.leaveLine()
    this.#parts.acquires.rejectAll(() => this.#parts.acquires.stateError())
  }

  resume(): void {
    if (this.#parts.core.state !== 'suspended') return
    this.#parts.core.state = 'running'
    this.#parts.core.changed()
    this.#parts.roll.step()
    this.#parts.opener.fill()
  }

  retry(): void {
    const core = this.#parts.core
    this.#parts.opener.refillPaused = false
    core.gate.hurry()
    if (core.breaker.halfOpen()) core.events.emit('breaker.half-open', undefined)
    core.changed()
    // Nobody waits and nothing is kept ready, but a person wants to know whether it connects.
    if (core.state === 'running' && core.connections.size === 0 && this.#parts.opener.ordersWaiting === 0) {
      this.#parts.opener.order(true)
    }
    this.#parts.opener.fill()
  }

  resetBreaker(): void {
    const core = this.#parts.core
    core.gate.forget()
    core.gate.hurry()
    if (core.breaker.reset()) core.events.emit('breaker.closed', undefined)
    core.changed()
    this.#parts.opener.fill()
  }

  evict(id: string, how: 'kill' | 'drain' | 'restart'): boolean {
    const connection = this.#parts.core.connections.get(id)
    if (!connection) return false
    if (how === 'kill') this.#parts.closer.revoke(connection, 'killed', 'kill')
    else {
      connection.reopen ||= how === 'restart'
      this.#retire(connection)
    }
    return true
  }

  #retire(connection: PooledConnection<R>): void {
    if (connection.state === 'leased' || connection.state === 'returning') connection.retire('evicted')
    else if (connection.open) this.#parts.closer.end(connection, 'evicted', 'gentle')
  }

  /** What has been used must not be used again when single use begins. */
  #dropUsed(): void {
    if (!this.#parts.core.singleUse) return
    for (const connection of [...this.#parts.core.idle]) {
      if (connection.uses > 0) this.#parts.closer.end(connection, 'single-use', 'gentle')
    }
  }
}
