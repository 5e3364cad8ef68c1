import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pointSchema, pointsKept } from '../../shared/state.ts'
import { Bench, poolOf } from './support/fixtures.ts'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.telemetry.close())

const firstSecond = 1_700_000_000
const seconds = (name = 'files') => bench.telemetry.points(name).map(({ t }) => t)

describe('points', () => {
  it('end with the seconds of the wall clock, whenever telemetry began', async () => {
    bench = new Bench({ wall: firstSecond * 1_000 + 420 })
    bench.add('files')
    await bench.clock.advance(579)
    expect(seconds()).toEqual([])
    await bench.clock.advance(1)
    expect(seconds()).toEqual([firstSecond])
    await bench.clock.advance(2_000)
    expect(seconds()).toEqual([0, 1, 2].map((s) => firstSecond + s))
  })

  it('tell the pool at the end of the second and the calls that ended in it', async () => {
    const upstream = bench.add('files')
    upstream.pool = poolOf({ idle: 1, leased: 2, spawning: 1, draining: 1, max: 7, waiting: 3, oldestWaitMs: 40 })
    await bench.clock.advance(500)
    upstream.done({ totalMs: 10 })
    upstream.done({ totalMs: 20, outcome: 'tool_error' })
    upstream.done({ totalMs: 30, outcome: 'timeout' })
    await bench.clock.advance(500)
    const [point] = bench.telemetry.points('files')
    expect(pointSchema.parse(point)).toEqual(point)
    expect(point).toMatchObject({
      t: firstSecond,
      idle: 1,
      leased: 2,
      spawning: 1,
      draining: 1,
      max: 7,
      waiting: 3,
      oldestWaitMs: 40,
      ok: 1,
      toolErrors: 1,
      timeouts: 1,
      protocolErrors: 0,
    })
    expect(point?.p50Ms).toBeCloseTo(20, 0)
    expect(point?.p95Ms).toBeCloseTo(30, 0)
  })

  it('have no latency for a second without a call: a gap, not a zero', async () => {
    const upstream = bench.add('files')
    upstream.done()
    await bench.clock.advance(1_000)
    upstream.done({ outcome: 'cancelled' })
    await bench.clock.advance(1_000)
    const [first, second] = bench.telemetry.points('files')
    expect(first?.p50Ms).not.toBeNull()
    expect(second).toMatchObject({ ok: 0, p50Ms: null, p95Ms: null, p99Ms: null })
  })

  it('keep five minutes', async () => {
    bench.add('files')
    await bench.clock.advance((pointsKept + 20) * 1_000)
    expect(seconds()).toEqual(Array.from({ length: pointsKept }, (_, i) => firstSecond + 20 + i))
  })

  it('leave out the seconds of a stall and lose no call of it', async () => {
    const upstream = bench.add('files')
    await bench.clock.advance(2_000)
    upstream.done()
    await bench.clock.stall(4_300)
    await bench.clock.advance(1_700)
    expect(seconds()).toEqual([0, 1, 5, 6, 7].map((s) => firstSecond + s))
    expect(bench.telemetry.points('files').reduce((sum, { ok }) => sum + ok, 0)).toBe(1)
  })

  it('wait when the wall clock is set back a little, and begin anew when it is set back far', async () => {
    const upstream = bench.add('files')
    await bench.clock.advance(5_000)
    bench.clock.jumpWall(-2_000)
    upstream.done()
    await bench.clock.advance(4_000)
    expect(seconds()).toEqual([0, 1, 2, 3, 4, 5, 6].map((s) => firstSecond + s))
    expect(bench.telemetry.points('files').reduce((sum, { ok }) => sum + ok, 0)).toBe(1)
    bench.clock.jumpWall(-3_600_000)
    await bench.clock.advance(2_000)
    expect(seconds()).toEqual([firstSecond - 3_600 + 7, firstSecond - 3_600 + 8])
  })

  it('leave a gap when the wall clock is set forward', async () => {
    bench.add('files')
    await bench.clock.advance(2_000)
    bench.clock.jumpWall(3_600_000)
    await bench.clock.advance(2_000)
    expect(seconds()).toEqual([0, 1, 3_602, 3_603].map((s) => firstSecond + s))
  })

  it('are there for a stopped upstream as well', async () => {
    bench.sources.push({
      upstream: null,
      config: { ...bench.add('other').config, name: 'stopped' },
      enabled: false,
      target: 'server',
      url: '/mcp/stopped',
    })
    await bench.clock.advance(1_000)
    expect(bench.telemetry.points('stopped')).toMatchObject([{ idle: 0, leased: 0, max: 4 }])
  })
})
