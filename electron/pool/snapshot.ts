import type { PoolSnapshot } from '../../shared/state.ts'
import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/** Plain data about a pool at this moment. @param nextAttemptAt monotonic milliseconds, while backing off */
export function poolSnapshot<R extends Resource>(core: PoolCore<R>, nextAttemptAt: number | undefined): PoolSnapshot {
  const { counts, limits, waiters, returns, breaker, gate, clock } = core
  const now = clock.now()
  const wall = (at: number): number => Math.round(clock.wall() + at - now)
  let spares = 0
  if (core.singleUse) {
    const warm = counts.idle + core.opening
    spares = Math.max(0, Math.min(core.idleTarget, warm - waiters.length))
  }
  return {
    state: core.state,
    max: limits.maxConnections,
    minIdle: limits.minIdle,
    idle: counts.idle,
    leased: counts.leased,
    spawning: core.opening,
    returning: counts.returning,
    draining: counts.draining,
    quarantined: core.quarantined.size,
    spares,
    waiting: waiters.length,
    oldestWaitMs: waiters.first ? now - waiters.first.since : 0,
    returnQueueDepth: returns.length,
    returnQueueCapacity: returns.capacity,
    ...core.totals,
    breaker: {
      state: breaker.state,
      failures: gate.failures,
      retryAt: breaker.state === 'open' ? wall(breaker.retryAt) : null,
    },
    reconnect: {
      attempts: gate.attempts,
      nextAt: nextAttemptAt === undefined ? null : wall(nextAttemptAt),
      total: gate.totalAttempts,
    },
    singleShot: core.singleShot,
  }
}
