import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/** What waiters lack. */
export interface Shortage {
  /** Of the oldest waiter for whom no connection is on its way. */
  kind: string
  /** Waiters, of any kind, for whom none is on its way. */
  count: number
}

/**
 * A waiter whose kind has connections waits its turn at those, unless it asked this much earlier than who would be served
 * instead: then a permit moves to its kind. Less would start a process for every small imbalance between two busy kinds.
 */
export const overdueMs = 1_000

/** Whether a connection is about to be idle: it opens, or is on its way back. */
const isComing = <R extends Resource>({ state }: PooledConnection<R>): boolean =>
  state === 'spawning' || state === 'handshaking' || state === 'returning'

function comingByKind<R extends Resource>(core: PoolCore<R>, except?: PooledConnection<R>): Map<string, number> {
  const coming = new Map<string, number>()
  for (const connection of core.connections.values()) {
    if (connection === except || !isComing(connection)) continue
    coming.set(connection.kind, (coming.get(connection.kind) ?? 0) + 1)
  }
  return coming
}

/** Takes one. @returns whether there was one */
function take(coming: Map<string, number>, kind: string): boolean {
  const left = coming.get(kind) ?? 0
  if (left > 0) coming.set(kind, left - 1)
  return left > 0
}

/** @returns undefined when a connection is on its way for everybody who waits */
export function shortage<R extends Resource>(core: PoolCore<R>): Shortage | undefined {
  const { waiters, kinds } = core
  const waiting = waiters.length - waiters.bound
  if (waiting === 0) return undefined
  const { kind } = waiters
  if (kind !== undefined && (kinds.size === 0 || (kinds.size === 1 && kinds.has(kind)))) {
    const count = waiting - core.coming
    return count > 0 ? { kind, count } : undefined
  }
  const coming = comingByKind(core)
  let first: string | undefined
  let count = 0
  for (const waiter of waiters) {
    if (waiter.only !== undefined || take(coming, waiter.kind)) continue
    first ??= waiter.kind
    count++
  }
  return first === undefined ? undefined : { kind: first, count }
}

/**
 * Whether a connection that is free must make room for a waiter of another kind, instead of serving its own. Who asked
 * first gets the next permit that is freed; who waits for a kind that has connections is patient for {@link overdueMs}.
 * @param room permits that are free, or about to be
 */
export function mustMakeRoom<R extends Resource>(
  core: PoolCore<R>,
  connection: PooledConnection<R>,
  room: () => number,
): boolean {
  const { waiters, kinds } = core
  // The plain case: everybody waits for what this is.
  if (waiters.kind === connection.kind || waiters.length === waiters.bound) return false
  const older: { kind: string; since: number }[] = []
  let own: number | undefined
  for (const { only, kind, since } of waiters) {
    if (only === connection.id) return false
    if (only !== undefined || own !== undefined) continue
    if (kind === connection.kind) own = since
    else older.push({ kind, since })
  }
  // Nobody waits for it: it becomes idle, and the coldest of the idle ones makes room.
  if (own === undefined) return false
  const served = own
  // One that was opened for somebody is not given up before it was used.
  if (connection.uses === 0) return false
  const coming = comingByKind(core, connection)
  let free = room()
  for (const { kind, since } of older) {
    if (take(coming, kind) || free-- > 0) continue
    if (!kinds.has(kind) || served - since >= overdueMs) return true
  }
  return false
}
