import { useShallow } from 'zustand/react/shallow'
import { useStore } from './store.ts'

/** All pools added up, for the top bar and the tiles. */
export interface Totals {
  upstreams: number
  failing: number
  max: number
  active: number
  idle: number
  starting: number
  waiting: number
  oldestWaitMs: number
  ratePerSecond: number
  errorsLastHour: number
  restartsLastHour: number
  reconnectsLastHour: number
  /** The slowest upstream; percentiles of several upstreams can't be added up. */
  slowestP95Ms: number | null
  slowestName: string | null
}

const zero: Totals = {
  upstreams: 0,
  failing: 0,
  max: 0,
  active: 0,
  idle: 0,
  starting: 0,
  waiting: 0,
  oldestWaitMs: 0,
  ratePerSecond: 0,
  errorsLastHour: 0,
  restartsLastHour: 0,
  reconnectsLastHour: 0,
  slowestP95Ms: null,
  slowestName: null,
}

/** A part of the totals; re-renders only when that part changed. */
export const useTotals = <T extends keyof Totals>(...keys: T[]): Pick<Totals, T> =>
  useStore(
    useShallow((s) => {
      const totals = s.model ? addUp(Object.values(s.model.upstreams)) : zero
      return Object.fromEntries(keys.map((key) => [key, totals[key]])) as Pick<Totals, T>
    }),
  )

type Upstreams = NonNullable<ReturnType<typeof useStore.getState>['model']>['upstreams'][string][]

function addUp(upstreams: Upstreams): Totals {
  const totals = { ...zero, upstreams: upstreams.length }
  for (const { name, state, enabled, pool, stats } of upstreams) {
    if (state === 'failing') totals.failing++
    if (enabled && state !== 'stopped') totals.max += pool.max
    totals.active += pool.leased + pool.returning
    totals.idle += pool.idle
    totals.starting += pool.spawning
    totals.waiting += pool.waiting
    totals.oldestWaitMs = Math.max(totals.oldestWaitMs, pool.oldestWaitMs)
    totals.ratePerSecond += stats.ratePerSecond
    totals.errorsLastHour += stats.errorsLastHour
    totals.restartsLastHour += stats.restartsLastHour
    totals.reconnectsLastHour += stats.reconnectsLastHour
    if (stats.p95Ms !== null && stats.p95Ms > (totals.slowestP95Ms ?? -1)) {
      totals.slowestP95Ms = stats.p95Ms
      totals.slowestName = name
    }
  }
  return totals
}
