import type { PoolLimits } from './config.ts'
import type { PoolSnapshot } from './state.ts'

type Limits = Pick<PoolLimits, 'maxConnections' | 'minIdle' | 'returnQueueMultiplier'>

/** A pool in which nothing ever was: of an upstream that does not run. */
export const emptyPool = (limits: Limits, state: PoolSnapshot['state']): PoolSnapshot => ({
  state,
  max: limits.maxConnections,
  minIdle: limits.minIdle,
  idle: 0,
  leased: 0,
  spawning: 0,
  returning: 0,
  draining: 0,
  quarantined: 0,
  spares: 0,
  waiting: 0,
  oldestWaitMs: 0,
  returnQueueDepth: 0,
  returnQueueCapacity: Math.ceil(limits.maxConnections * limits.returnQueueMultiplier),
  acquires: 0,
  granted: 0,
  timedOut: 0,
  aborted: 0,
  rejected: 0,
  opened: 0,
  dead: 0,
  leaked: 0,
  revoked: 0,
  breaker: { state: 'closed', failures: 0, retryAt: null },
  reconnect: { attempts: 0, nextAt: null, total: 0 },
  singleShot: false,
})
