import type { PoolCore } from './core.ts'
import type { Resource } from './types.ts'

/**
 * Invariants 1, 2, 4, 5, 6 and 7 of the POOL semantics, from the counts alone: a handful of comparisons. (3 and 8 are
 * properties of a history; the model test asserts them.)
 * @param settled nothing is in flight: no turn of the maintenance loop is running or due
 * @returns what is broken, in words; empty when all is well
 */
export function brokenInvariants<R extends Resource>(core: PoolCore<R>, settled: boolean): string[] {
  const { counts, totals, connections, idle, waiters, returns, quarantined } = core
  const broken: string[] = []
  const expect = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what)
  }
  const live = counts.spawning + counts.handshaking + counts.idle + counts.leased + counts.returning + counts.draining
  expect(live === connections.size, `1: ${live} connections by state, ${connections.size} permits in use`)
  expect(live <= core.permitCeiling, `1: ${live} permits in use, at most ${core.permitCeiling} allowed`)
  const byKind = [...core.kinds.values()].reduce((sum, count) => sum + count, 0)
  expect(byKind === connections.size, `1: ${byKind} connections by kind, ${connections.size} permits in use`)
  expect(counts.idle === idle.length, `1: ${counts.idle} idle by state, ${idle.length} in idle`)
  if (settled && core.state === 'running' && core.breaker.state === 'closed') {
    if (idle.length > 0 && waiters.length > 0) {
      for (const { id, kind } of idle) {
        const wanted = waiters.has(kind) || [...waiters].some(({ only }) => only === id)
        expect(!wanted, `2: ${id} of kind '${kind}' is idle while somebody waits for it`)
      }
    }
  }
  const settledAcquires = totals.granted + totals.timedOut + totals.aborted + totals.rejected
  expect(
    totals.acquires === settledAcquires + waiters.length,
    `4: ${totals.acquires} acquires, ${settledAcquires} settled, ${waiters.length} waiting`,
  )
  expect(
    totals.opened - totals.dead === live + quarantined.size,
    `5: ${totals.opened} opened, ${totals.dead} dead, ${live} live, ${quarantined.size} in quarantine`,
  )
  expect(returns.length <= returns.capacity, `6: ${returns.length} in a return queue of ${returns.capacity}`)
  if (core.state === 'closed') {
    expect(live === 0 && waiters.length === 0, `7: closed with ${live} connections and ${waiters.length} waiters`)
    expect(returns.closed && returns.length === 0, '7: closed with an open return queue')
  }
  return broken
}
