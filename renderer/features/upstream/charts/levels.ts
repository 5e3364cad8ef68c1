import type { Point } from '../../../../shared/state.ts'

/** How a panel stands, and why, in words. */
export interface Level {
  level: 'ok' | 'amber' | 'red'
  why: string
}

const fine: Level = { level: 'ok', why: '' }

/** 80 % in use for 30 s is amber; everything in use while someone waits is red. */
export function occupancyLevel(points: readonly Point[]): Level {
  const newest = points.at(-1)
  if (!newest) return fine
  if (used(newest) >= newest.max && newest.waiting > 0)
    return { level: 'red', why: `all ${newest.max} connections in use and ${newest.waiting} waiting` }
  const long = since(points, 30)
  if (long?.every((point) => point.leased >= 0.8 * point.max))
    return { level: 'amber', why: 'over 80 % in use for 30 s' }
  return fine
}

const used = (point: Point) => point.leased + point.spawning + point.draining

/** Anyone waiting for 5 s on end is amber; a wait over half of the acquire timeout is red. */
export function queueLevel(points: readonly Point[], acquireTimeoutMs: number): Level {
  const newest = points.at(-1)
  if (!newest) return fine
  if (newest.oldestWaitMs > acquireTimeoutMs / 2)
    return { level: 'red', why: 'the oldest has waited for over half of the acquire timeout' }
  if (since(points, 5)?.every((point) => point.waiting > 0))
    return { level: 'amber', why: 'requests wait for over 5 s' }
  return fine
}

/** p95 of the last 10 s against the median of what came before: over 2 x is amber, over 4 x is red. */
export function latencyLevel(points: readonly Point[]): Level {
  const newest = points.at(-1)
  if (!newest) return fine
  const recent = p95s(points.filter((point) => point.t > newest.t - 10))
  const baseline = p95s(points.filter((point) => point.t <= newest.t - 10))
  // Fewer seconds than that are no baseline: the first calls of a cold process would be one.
  if (recent.length < 3 || baseline.length < 30) return fine
  const factor = median(recent) / Math.max(1, median(baseline))
  if (factor <= 2) return fine
  return { level: factor > 4 ? 'red' : 'amber', why: `p95 is ${factor.toFixed(1)} x its usual` }
}

/** Failed calls of the last minute: 1 % is amber, 5 % is red, from 20 calls on. */
export function errorLevel(points: readonly Point[]): Level {
  const newest = points.at(-1)
  if (!newest) return fine
  let calls = 0
  let failed = 0
  for (const point of points) {
    if (point.t <= newest.t - 60) continue
    const wrong = point.toolErrors + point.protocolErrors + point.timeouts
    failed += wrong
    calls += wrong + point.ok
  }
  const share = failed / calls
  if (calls < 20 || share < 0.01) return fine
  const percent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
  return { level: share >= 0.05 ? 'red' : 'amber', why: `${percent} of the calls failed in the last minute` }
}

/** The points of the last `seconds`, or undefined when they do not reach back so far. */
function since(points: readonly Point[], seconds: number): Point[] | undefined {
  const newest = points.at(-1)
  const oldest = points[0]
  if (!newest || !oldest || newest.t - oldest.t < seconds) return undefined
  return points.filter((point) => point.t >= newest.t - seconds)
}

const p95s = (points: readonly Point[]) => points.flatMap((point) => (point.p95Ms === null ? [] : [point.p95Ms]))

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
