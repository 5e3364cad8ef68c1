import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LatencyWindow, latencyHistogram, percentilesOf, recordMs } from '../../electron/telemetry/latency.ts'
import { SlidingCounter } from '../../electron/telemetry/sliding-counter.ts'
import { UpstreamMeter } from '../../electron/telemetry/upstream-meter.ts'

/** Nearest rank: the smallest value that at least p percent of all values do not exceed. */
function nearestRank(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

/** Two significant digits; whole microseconds, from 1 on. */
function expectClose(actual: number | null, expected: number): void {
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(expected * 0.01 + 0.001 + 1e-9)
}

const latency = fc.oneof(
  fc.double({ min: 0, max: 5, noNaN: true }),
  fc.double({ min: 0, max: 1_000, noNaN: true }),
  fc.double({ min: 0, max: 300_000, noNaN: true }),
)

describe('latency percentiles', () => {
  it('are within 1 % of those of the sorted values', () => {
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 400 }), (values) => {
        const histogram = latencyHistogram()
        for (const value of values) recordMs(histogram, value)
        const sorted = values.toSorted((a, b) => a - b)
        const { p50Ms, p95Ms, p99Ms } = percentilesOf(histogram)
        expectClose(p50Ms, nearestRank(sorted, 50))
        expectClose(p95Ms, nearestRank(sorted, 95))
        expectClose(p99Ms, nearestRank(sorted, 99))
      }),
    )
  })

  it('of the window are those of the last minute, by slots of five seconds', () => {
    const call = fc.record({ gapMs: fc.integer({ min: 0, max: 20_000 }), ms: latency })
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 0, max: 90_000 }),
        (calls, wait) => {
          const window = new LatencyWindow()
          let now = 1_234
          const at: { now: number; ms: number }[] = []
          for (const { gapMs, ms } of calls) {
            now += gapMs
            window.record(ms, now)
            at.push({ now, ms })
          }
          now += wait
          const firstSlot = Math.floor(now / 5_000) - 11
          const sorted = at
            .filter((call) => Math.floor(call.now / 5_000) >= firstSlot)
            .map(({ ms }) => ms)
            .sort((a, b) => a - b)
          const { p50Ms, p95Ms } = window.percentiles(now)
          if (sorted.length === 0) expect(p50Ms).toBeNull()
          else {
            expectClose(p50Ms, nearestRank(sorted, 50))
            expectClose(p95Ms, nearestRank(sorted, 95))
          }
        },
      ),
    )
  })

  it('survive values that no clock should give', () => {
    const histogram = latencyHistogram()
    for (const value of [-5, 0, 1e12]) recordMs(histogram, value)
    expect(histogram.count).toBe(3)
    expect(percentilesOf(histogram).p50Ms).toBe(0.001)
    expectClose(percentilesOf(histogram).p99Ms, 3_600_000)
  })
})

describe('sliding counter', () => {
  it('counts what lies within the window and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 200 }), (gaps) => {
        const counter = new SlidingCounter(6, 10)
        const at: number[] = []
        let now = 0
        for (const gap of gaps) {
          now += gap
          counter.add(now)
          at.push(now)
          const first = Math.floor(now / 10) - 5
          expect(counter.total(now)).toBe(at.filter((t) => Math.floor(t / 10) >= first).length)
        }
        expect(counter.total(now + 1_000)).toBe(0)
      }),
    )
  })
})

describe('meter of an upstream', () => {
  it('counts every outcome once, and times only what was answered or timed out', () => {
    const meter = new UpstreamMeter(0)
    const outcomes = ['ok', 'tool_error', 'protocol_error', 'timeout', 'cancelled', 'unavailable', 'lost'] as const
    for (const outcome of outcomes) {
      meter.requestDone({ outcome, totalMs: outcome === 'cancelled' || outcome === 'lost' ? 90_000 : 10 }, 500)
    }
    const second = meter.takeSecond()
    expect(second).toMatchObject({ ok: 1, toolErrors: 1, protocolErrors: 3, timeouts: 1 })
    expectClose(second.p99Ms, 10)
    expect(meter.stats(500, { memoryBytes: 1, cpuPercent: 2 })).toMatchObject({
      requests: 7,
      errors: 5,
      errorsLastHour: 5,
      memoryBytes: 1,
      cpuPercent: 2,
    })
  })

  it('tells a rate that is true from the first seconds on and falls to nothing when calls stop', () => {
    const meter = new UpstreamMeter(10_000)
    const noUsage = { memoryBytes: 0, cpuPercent: 0 }
    let now = 10_000
    for (let i = 0; i < 1_200; i++) {
      now += 100
      meter.requestDone({ outcome: 'ok', totalMs: 1 }, now)
      if (i === 19 || i === 99 || i > 700) {
        expect(meter.stats(now, noUsage).ratePerSecond).toBeGreaterThan(9.9)
        expect(meter.stats(now, noUsage).ratePerSecond).toBeLessThan(10.1)
      }
    }
    expect(meter.stats(now + 61_000, noUsage)).toMatchObject({ ratePerSecond: 0, p50Ms: null, requests: 1_200 })
  })

  it('counts a restart when a replacement came up, an attempt in any case, and forgets both after an hour', () => {
    const meter = new UpstreamMeter(0)
    meter.opening('c1', 'demand')
    meter.ready('c1', 10)
    meter.reconnectAttempt(20)
    meter.opening('c2', 'replace')
    meter.ended('c2')
    meter.ready('c2', 25)
    meter.reconnectAttempt(30)
    meter.opening('c3', 'replace')
    meter.ready('c3', 40)
    const at = (now: number) => meter.stats(now, { memoryBytes: 0, cpuPercent: 0 })
    expect(at(50)).toMatchObject({ restartsLastHour: 1, reconnectsLastHour: 2 })
    expect(at(3_600_050)).toMatchObject({ restartsLastHour: 0, reconnectsLastHour: 0 })
  })
})
