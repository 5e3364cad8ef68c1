import type { PooledConnection, Retirement } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/** Why a free connection is closed instead of being used again, by its own age and use; undefined when it goes on. */
export function retirementOf<R extends Resource>(
  core: PoolCore<R>,
  connection: PooledConnection<R>,
  now: number,
): Retirement | undefined {
  if (connection.retirement) return connection.retirement
  if (!connection.resource?.alive) return { reason: 'exited', manner: 'abrupt' }
  const { limits } = core
  if (connection.uses > 0) {
    if (core.singleUse) return { reason: 'single-use', manner: 'gentle' }
    if (limits.maxUses > 0 && connection.uses >= limits.maxUses) return { reason: 'max-uses', manner: 'gentle' }
  }
  if (outlived(core, connection, now)) return { reason: 'max-lifetime', manner: 'gentle' }
  if (core.connections.size - core.counts.draining > limits.maxConnections)
    return { reason: 'evicted', manner: 'gentle' }
  return undefined
}

/** Older than the maximal lifetime, minus this connection's jitter. */
export const outlived = <R extends Resource>(
  { limits }: PoolCore<R>,
  { openedAt, lifetimeShare }: PooledConnection<R>,
  now: number,
): boolean => limits.maxLifetimeMs > 0 && now - openedAt >= limits.maxLifetimeMs * lifetimeShare
