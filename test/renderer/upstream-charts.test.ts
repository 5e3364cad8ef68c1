import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { agoLabel, countTicks, msLabel, timeDomain, timeTicks } from '../../renderer/features/upstream/charts/axis.ts'
import {
  type Ceiling,
  lowerAfterSeconds,
  nextCeiling,
  niceTop,
} from '../../renderer/features/upstream/charts/ceiling.ts'
import { errorLevel, latencyLevel, occupancyLevel, queueLevel } from '../../renderer/features/upstream/charts/levels.ts'
import { barSeconds, largest, rateRows, secondRows } from '../../renderer/features/upstream/charts/series.ts'
import type { Point } from '../../shared/state.ts'

const t0 = 1_700_000_000
const point = (t: number, values: Partial<Point> = {}): Point => ({
  t: t0 + t,
  idle: 0,
  leased: 0,
  spawning: 0,
  draining: 0,
  max: 4,
  waiting: 0,
  oldestWaitMs: 0,
  ok: 0,
  toolErrors: 0,
  protocolErrors: 0,
  timeouts: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  memoryBytes: 0,
  cpuPercent: 0,
  ...values,
})
const seconds = (count: number, values: (t: number) => Partial<Point> = () => ({})) =>
  Array.from({ length: count }, (_, t) => point(t, values(t)))

describe('rows of the second-by-second charts', () => {
  test('x is seconds before the newest point, so that the axis stands still', () => {
    expect(secondRows(seconds(3)).map((row) => row.x)).toEqual([-2, -1, 0])
  })

  test('missing seconds break the line with a row of nulls; one or two late ones do not', () => {
    const rows = secondRows([point(0), point(3), point(10)])
    expect(rows.map((row) => [row.x, row.leased])).toEqual([
      [-10, 0],
      [-7, 0],
      [-6, null],
      [0, 0],
    ])
  })

  test('a second without a call has no latency: null, not zero', () => {
    expect(secondRows([point(0, { p50Ms: 5 }), point(1)]).map((row) => row.p50Ms)).toEqual([5, null])
  })

  test('whatever points come, there are at most 300 rows, in order, within the five minutes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 900 })), (times) => {
        const rows = secondRows(times.toSorted((a, b) => a - b).map((t) => point(t)))
        expect(rows.length).toBeLessThanOrEqual(300)
        rows.forEach((row, i) => {
          expect(row.x).toBeGreaterThan(-300)
          expect(row.x).toBeLessThanOrEqual(0)
          if (i > 0) expect(row.x).toBeGreaterThan(rows[i - 1]?.x ?? 0)
        })
      }),
    )
  })

  test('no points give no rows', () => {
    expect(secondRows([])).toEqual([])
    expect(rateRows([])).toEqual([])
    expect(largest([], () => 1)).toBe(0)
  })
})

describe('bars of the rate chart', () => {
  test('calls are neither lost nor invented', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 290 }), (calls) => {
        const rows = rateRows(calls.map((ok, t) => point(t, { ok })))
        expect(rows.reduce((sum, row) => sum + row.counts.ok, 0)).toBe(calls.reduce((sum, ok) => sum + ok, 0))
      }),
    )
  })

  test('a full bar keeps its calls while time goes on, and moves left', () => {
    const points = seconds(40, (t) => ({ ok: t % 7 }))
    const before = rateRows(points.slice(0, 31))
    const after = rateRows(points.slice(0, 32))
    expect(after[2]?.counts).toEqual(before[2]?.counts)
    expect(after[2]?.x).toBe((before[2]?.x ?? 0) - 1)
  })

  test('the rate is per second of the seconds that were seen, and nothing is drawn for nothing', () => {
    const [bar] = rateRows([point(0, { ok: 6 }), point(1, { ok: 2, timeouts: 1 })])
    expect(bar).toMatchObject({ seconds: 2, ok: 4, timeouts: 0.5, toolErrors: null })
  })

  test('bars lie on whole multiples of the clock and cover five minutes at most', () => {
    const rows = rateRows(seconds(600))
    expect(rows.length).toBeLessThanOrEqual(300 / barSeconds + 1)
    expect(new Set(rows.map((row) => (row.x + 1_000) % barSeconds)).size).toBe(1)
  })
})

describe('ceilings', () => {
  const run = (values: number[], start: Ceiling | null = null, from = 0) =>
    values.reduce<Ceiling | null>((ceiling, value, i) => nextCeiling(ceiling, value, from + i, 1), start)

  test('a top is the next 1, 2 or 5 of a power of ten', () => {
    expect([0, 1, 1.1, 2, 3, 5, 7, 10, 11, 480, 501].map((value) => niceTop(value, 1))).toEqual([
      1, 1, 2, 2, 5, 5, 10, 10, 20, 500, 1000,
    ])
  })

  test('every value fits under its top, and the top is at most 2.5 times too high', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (value) => {
        const top = niceTop(value, 1e-3)
        expect(top).toBeGreaterThanOrEqual(value * (1 - 1e-9))
        expect(top).toBeLessThanOrEqual(Math.max(value * 2.5 * (1 + 1e-9), 1e-3))
      }),
    )
  })

  test('it rises at once', () => expect(run([1, 90])?.top).toBe(100))

  test('it comes down only when a lower one has been enough for a while', () => {
    const high = run([90])
    expect(run(Array(lowerAfterSeconds).fill(3), high, 1)?.top).toBe(100)
    expect(run(Array(lowerAfterSeconds + 1).fill(3), high, 1)?.top).toBe(5)
  })

  test('a spike in between starts the waiting again', () => {
    const low = Array(lowerAfterSeconds - 2).fill(3)
    expect(run([...low, 80, ...low], run([90]), 1)?.top).toBe(100)
  })

  test('a value that moves around a border does not move the axis', () => {
    expect(
      run(
        Array.from({ length: 200 }, (_, i) => (i % 2 ? 51 : 49)),
        run([60]),
        1,
      )?.top,
    ).toBe(100)
  })

  test('nothing changed means the same object', () => {
    const ceiling = run([90])
    expect(ceiling && nextCeiling(ceiling, 80, 5, 1)).toBe(ceiling)
  })
})

describe('axes', () => {
  test('labels read as time before now', () => {
    expect(timeTicks.map(agoLabel)).toEqual(['-5m', '-4m', '-3m', '-2m', '-1m', 'now'])
    expect(agoLabel(-150)).toBe('-2m 30s')
    expect(agoLabel(-7)).toBe('-7s')
    expect(timeDomain[0]).toBe(-300)
  })

  test('count ticks are whole, begin at 0, end at the top and are at most five', () => {
    for (let top = 1; top <= 300; top++) {
      const ticks = countTicks(top)
      expect(ticks[0]).toBe(0)
      expect(ticks.at(-1)).toBe(top)
      expect(ticks.length).toBeLessThanOrEqual(5)
      expect(ticks.every(Number.isInteger)).toBe(true)
      expect(ticks).toEqual([...new Set(ticks)].sort((a, b) => a - b))
    }
  })

  test('durations are short', () => {
    expect([0.25, 20, 250, 1_500, 60_000].map(msLabel)).toEqual(['0.25 ms', '20 ms', '250 ms', '1.5 s', '1 min'])
  })
})

describe('levels', () => {
  test('no points and quiet points are fine', () => {
    for (const points of [[], seconds(300)]) {
      expect(occupancyLevel(points).level).toBe('ok')
      expect(queueLevel(points, 30_000).level).toBe('ok')
      expect(latencyLevel(points).level).toBe('ok')
      expect(errorLevel(points).level).toBe('ok')
    }
  })

  test('a pool that is full is red only while someone waits', () => {
    const full = seconds(10, () => ({ leased: 4 }))
    expect(occupancyLevel(full).level).toBe('ok')
    expect(occupancyLevel([...full, point(10, { leased: 4, waiting: 1 })]).level).toBe('red')
  })

  test('80 % in use is amber after 30 s, not before', () => {
    expect(occupancyLevel(seconds(30, () => ({ leased: 4 }))).level).toBe('ok')
    expect(occupancyLevel(seconds(31, () => ({ leased: 4 }))).level).toBe('amber')
  })

  test('a queue is amber after 5 s on end, red when the oldest waits for over half of the timeout', () => {
    expect(
      queueLevel(
        seconds(5, () => ({ waiting: 1 })),
        30_000,
      ).level,
    ).toBe('ok')
    expect(
      queueLevel(
        seconds(6, () => ({ waiting: 1 })),
        30_000,
      ).level,
    ).toBe('amber')
    expect(
      queueLevel(
        seconds(6, (t) => ({ waiting: t === 3 ? 0 : 1 })),
        30_000,
      ).level,
    ).toBe('ok')
    expect(queueLevel([point(0, { waiting: 1, oldestWaitMs: 15_001 })], 30_000).level).toBe('red')
  })

  test('latency is measured against its own usual, and a short history is no usual', () => {
    const slow = (factor: number) => (t: number) => ({ p95Ms: t > 90 ? 10 * factor : 10 })
    expect(latencyLevel(seconds(101, slow(1.5))).level).toBe('ok')
    expect(latencyLevel(seconds(101, slow(3))).level).toBe('amber')
    expect(latencyLevel(seconds(101, slow(5))).level).toBe('red')
    expect(latencyLevel(seconds(20, (t) => ({ p95Ms: t > 10 ? 900 : 1 }))).level).toBe('ok')
  })

  test('errors count from 20 calls of the last minute on', () => {
    expect(errorLevel([point(0, { ok: 18, timeouts: 1 })]).level).toBe('ok')
    expect(errorLevel([point(0, { ok: 98, timeouts: 2 })])).toEqual({
      level: 'amber',
      why: expect.stringContaining('2.0 %'),
    })
    expect(errorLevel([point(0, { ok: 90, toolErrors: 10 })]).level).toBe('red')
    expect(errorLevel([point(0, { toolErrors: 100 }), point(61, { ok: 30 })]).level).toBe('ok')
  })
})
