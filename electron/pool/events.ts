import type { ErrorShape } from '../../shared/errors.ts'
import type { CloseReason, OpenReason } from '../../shared/state.ts'

/** What a pool tells. Times are monotonic durations in milliseconds. */
export interface PoolEvents {
  'connection.opening': { connectionId: string; reason: OpenReason }
  'connection.ready': { connectionId: string; connectMs: number }
  'connection.failed': { connectionId: string; error: ErrorShape }
  'connection.closing': { connectionId: string; reason: CloseReason; error: ErrorShape | null }
  /** `served`: the leases that it was given to. */
  'connection.dead': { connectionId: string; reason: CloseReason; lifeMs: number; served: number }
  /** It could not be ended: its permit is free again, it is counted. */
  'connection.quarantined': { connectionId: string }
  /**
   * The snapshot is stale. Fires once between two reads of the snapshot or the connections, not once for each change:
   * who wants to know more reads, and is told again after the next change.
   */
  changed: undefined
  'acquire.settled': { result: 'granted' | 'timed-out' | 'aborted' | 'rejected'; waitMs: number }
  'lease.leak': { connectionId: string; heldMs: number; stack: string | null }
  'lease.revoked': { connectionId: string; heldMs: number }
  'lease.reclaimed': { connectionId: string }
  'reconnect.scheduled': { attempt: number; delayMs: number }
  'reconnect.attempt': { attempt: number }
  'breaker.opened': { failures: number; retryAfterMs: number }
  'breaker.half-open': undefined
  'breaker.closed': undefined
  'maintenance.error': { error: unknown }
}
