import { AppError, type ErrorCode, type ErrorShape, toErrorShape } from '../../shared/errors.ts'
import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/** The counts that a refused caller needs to understand why. */
export function poolCounts<R extends Resource>(core: PoolCore<R>): Record<string, number | string> {
  return {
    name: core.name,
    state: core.state,
    total: core.connections.size,
    active: core.counts.leased,
    idle: core.counts.idle,
    opening: core.opening,
    draining: core.counts.draining,
    waiting: core.waiters.length,
    max: core.limits.maxConnections,
  }
}

/**
 * An AppError whose message ends with the counts and the last failure, and whose data has both:
 * `{pool, lastFailure?, …data}`. The last failure is the cause.
 */
export function poolError<R extends Resource>(
  core: PoolCore<R>,
  code: ErrorCode,
  what: string,
  data: Record<string, unknown> = {},
): AppError {
  const { counts, connections, waiters, limits } = core
  const numbers = `total ${connections.size}, active ${counts.leased}, idle ${counts.idle}, waiting ${waiters.length}, max ${limits.maxConnections}`
  const cause = core.lastFailure
  const lastFailure: ErrorShape | undefined = cause && toErrorShape(cause)
  const message = `${core.name}: ${what} (${numbers})${lastFailure ? `; last failure: ${lastFailure.message}` : ''}`
  return new AppError(
    code,
    message,
    { pool: poolCounts(core), ...(lastFailure && { lastFailure }), ...data },
    cause && { cause },
  )
}

export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
