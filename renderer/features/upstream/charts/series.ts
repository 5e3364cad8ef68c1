import type { Point } from '../../../../shared/state.ts'
import { pointsKept } from '../../../../shared/state.ts'

/** The window of every chart, in seconds: from five minutes ago to now. */
export const windowSeconds = pointsKept

/** One second of a chart. `x` is seconds before the newest point (0 = now), so that axis and ticks never move. */
export type SecondRow = { x: number } & { [K in Exclude<keyof Point, 't'>]: Point[K] | null }

/** A run of missing seconds up to this long was a busy host, not an absent one: what holds (a count) is drawn through it. */
const bridgedSeconds = 2

const gapAt = (x: number): SecondRow => ({
  x,
  idle: null,
  leased: null,
  spawning: null,
  draining: null,
  max: null,
  waiting: null,
  oldestWaitMs: null,
  ok: null,
  toolErrors: null,
  protocolErrors: null,
  timeouts: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  memoryBytes: null,
  cpuPercent: null,
})

/**
 * Points as rows of the last {@link windowSeconds}, oldest first, at most one for each second. Where seconds are missing
 * a row of nulls breaks the line: a gap is a gap, not a zero and not a straight line over it.
 */
export function secondRows(points: readonly Point[]): SecondRow[] {
  const newest = points.at(-1)
  if (!newest) return []
  const rows: SecondRow[] = []
  let before: number | null = null
  for (const { t, ...values } of points) {
    const x = t - newest.t
    if (x <= -windowSeconds || (before !== null && x <= before)) continue
    if (before !== null && x - before > 1 + bridgedSeconds) rows.push(gapAt(before + 1))
    rows.push({ x, ...values })
    before = x
  }
  return rows
}

/** Seconds in one bar of the rate chart: 60 bars are readable at any width, and cheap. */
export const barSeconds = 5

/** Calls of one bar. The counts are what happened; the rates are per second of the seconds that were seen. */
export interface RateRow {
  /** Middle of the bar, seconds before the newest point. */
  x: number
  /** Seconds that the bar stands for; the newest bar is still growing. */
  seconds: number
  counts: { ok: number; toolErrors: number; protocolErrors: number; timeouts: number }
  /** Per second; null where there was none, so that nothing is drawn for it. */
  ok: number | null
  toolErrors: number | null
  protocolErrors: number | null
  timeouts: number | null
}

/** Bars of {@link barSeconds}, cut at whole multiples of the clock so that a bar keeps its calls while it moves left. */
export function rateRows(points: readonly Point[]): RateRow[] {
  const newest = points.at(-1)
  if (!newest) return []
  const bars = new Map<number, RateRow>()
  for (const point of points) {
    const start = Math.floor(point.t / barSeconds) * barSeconds
    if (start - newest.t <= -windowSeconds) continue
    const bar = bars.get(start) ?? emptyBar(start + barSeconds / 2 - newest.t)
    bars.set(start, bar)
    bar.seconds++
    for (const key of rateKeys) bar.counts[key] += point[key]
  }
  for (const bar of bars.values()) {
    for (const key of rateKeys) bar[key] = bar.counts[key] === 0 ? null : bar.counts[key] / bar.seconds
  }
  return [...bars.values()]
}

export const rateKeys = ['ok', 'toolErrors', 'protocolErrors', 'timeouts'] as const

const emptyBar = (x: number): RateRow => ({
  x,
  seconds: 0,
  counts: { ok: 0, toolErrors: 0, protocolErrors: 0, timeouts: 0 },
  ok: null,
  toolErrors: null,
  protocolErrors: null,
  timeouts: null,
})

/** The largest value that a chart has to hold; 0 for none. */
export function largest<T>(rows: readonly T[], read: (row: T) => number | null): number {
  let max = 0
  for (const row of rows) max = Math.max(max, read(row) ?? 0)
  return max
}
