import type { ErrorShape } from '../../shared/errors.ts'
import type { Failure, PoolSnapshot, UpstreamState } from '../../shared/state.ts'
import type { PooledConnection } from '../pool/connection.ts'
import type { UpstreamConnection } from './connection-types.ts'
import type { UpstreamView } from './types.ts'

/**
 * One word for an upstream, from its pool. `starting`: the first process comes up. `ready`: one is free. `busy`: all that
 * live are in use. `idle`: none lives, the next request starts one. `failing`: none lives and the last attempt failed, or
 * all that live wait for their server to come back (`away`).
 */
export function upstreamState(
  pool: PoolSnapshot,
  { away, lastAttemptFailed }: { away: boolean; lastAttemptFailed: boolean },
): UpstreamState {
  if (pool.state === 'closed') return 'stopped'
  if (pool.state === 'suspended' || pool.state === 'draining') return pool.state
  if (away) return 'failing'
  if (pool.idle + pool.returning > 0 && pool.waiting === 0) return 'ready'
  if (pool.leased + pool.idle + pool.returning > 0) return 'busy'
  if (lastAttemptFailed || pool.breaker.state !== 'closed') return 'failing'
  return pool.spawning > 0 || pool.waiting > 0 ? 'starting' : 'idle'
}

/** An error as the window shows it, with what is known of the process lifted out of its data. */
export function failureOf(error: ErrorShape, at: number): Failure {
  const { code: exitCode, signal, stderrTail } = error.data ?? {}
  return {
    ...error,
    at,
    ...(typeof exitCode === 'number' ? { exitCode } : {}),
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(Array.isArray(stderrTail) ? { stderrTail: stderrTail.map(String) } : {}),
  }
}

/** One connection as the window shows it; what the operating system knows of its processes is added by telemetry. */
export function connectionView(
  upstream: string,
  pooled: PooledConnection<UpstreamConnection>,
): UpstreamView['connections'][number] {
  const connection = pooled.resource
  return {
    id: pooled.id,
    upstream,
    pid: connection?.pid ?? null,
    state: pooled.state,
    openReason: pooled.openReason,
    closeReason: pooled.closeReason,
    spare: pooled.spare,
    openedAt: pooled.openedAtWall,
    stateSince: pooled.stateSinceWall,
    served: connection?.served ?? 0,
    inFlight: connection?.inFlight ?? 0,
    errors: connection?.errors ?? 0,
    leasedSince: pooled.leasedSinceWall,
    leakWarned: pooled.leakWarned,
    stderrBytes: connection?.logBytes ?? 0,
    streams: connection?.streams() ?? [],
    lastError: connection?.lastError ?? null,
  }
}
