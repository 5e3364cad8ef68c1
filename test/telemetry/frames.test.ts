import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Frame,
  frameIntervalMs,
  frameSchema,
  heartbeatMs,
  hostGoneMs,
  type Snapshot,
  snapshotSchema,
} from '../../shared/frames.ts'
import type { UpstreamSnapshot } from '../../shared/state.ts'
import { settle } from '../support/fake-clock.ts'
import { Bench, configOf, connectionOf, type FakeUpstream, poolOf } from './support/fixtures.ts'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.telemetry.close())

const seqs = (frames: Frame[]) => frames.map(({ seq }) => seq)
const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)

/** What a renderer does: whole entities replace what it has; a gap asks for a snapshot. */
class Replica {
  upstreams = new Map<string, UpstreamSnapshot>()
  events = new Map<number, string>()
  points = new Map<string, Set<number>>()
  seq: number
  gaps = 0

  constructor(snapshot: Snapshot) {
    this.seq = snapshot.seq
    this.reset(snapshot)
  }

  reset(snapshot: Snapshot): void {
    this.seq = snapshot.seq
    this.upstreams = new Map(snapshot.upstreams.map((upstream) => [upstream.name, upstream]))
    for (const event of snapshot.events) this.events.set(event.id, event.message)
  }

  apply(frame: Frame, resync: () => Snapshot): void {
    if (frame.seq <= this.seq) return
    if (frame.seq > this.seq + 1) {
      this.gaps += 1
      this.reset(resync())
      return
    }
    this.seq = frame.seq
    for (const { name } of frame.upstreams) expect(frame.removed).not.toContain(name)
    for (const name of frame.removed) this.upstreams.delete(name)
    for (const upstream of frame.upstreams) this.upstreams.set(upstream.name, upstream)
    for (const event of frame.events) this.events.set(event.id, event.message)
  }
}

describe('frames', () => {
  it('come at most once in an interval, however often something changes, and the first at once', async () => {
    const upstream = bench.add('files')
    const { frames, at } = bench.listen()
    for (let i = 0; i < 3_000; i++) {
      upstream.events.emit('changed', undefined)
      await bench.clock.advance(1)
    }
    expect(at[0]).toBeLessThanOrEqual(1_001)
    const gaps = at.slice(1).map((t, i) => t - (at[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(frameIntervalMs)
    expect(frames.length).toBeGreaterThanOrEqual(12)
    expect(seqs(frames)).toEqual(from(1, frames.length))
    for (const frame of frames) expect(frameSchema.parse(frame)).toEqual(frame)
  })

  it('carry the last state before they are sent, not that of the change', async () => {
    const upstream = bench.add('files')
    const { frames } = bench.listen()
    await bench.clock.advance(10)
    upstream.pool = poolOf({ leased: 1 })
    upstream.events.emit('changed', undefined)
    upstream.pool = poolOf({ leased: 2 })
    await bench.clock.advance(frameIntervalMs)
    expect(frames.at(-1)?.upstreams[0]?.pool.leased).toBe(2)
  })

  it('carry only the upstreams that changed, and host and gateway only when they did', async () => {
    const files = bench.add('files')
    bench.add('other')
    const { frames } = bench.listen()
    await bench.clock.advance(100)
    expect(frames[0]).toMatchObject({ host: { version: '1.2.3' }, gateway: { sessions: 0 } })
    files.events.emit('changed', undefined)
    await bench.clock.advance(frameIntervalMs)
    expect(frames.at(-1)?.upstreams.map(({ name }) => name)).toEqual(['files'])
    expect(frames.at(-1)).not.toHaveProperty('host')
    expect(frames.at(-1)).not.toHaveProperty('gateway')

    const before = frames.length
    bench.gateway.events.emit('changed', undefined)
    await bench.clock.advance(frameIntervalMs)
    expect(frames.length).toBe(before)
    bench.gatewayState = { ...bench.gatewayState, requestsInFlight: 2 }
    bench.gateway.events.emit('changed', undefined)
    bench.demoRunning = true
    bench.telemetry.touch()
    await bench.clock.advance(frameIntervalMs)
    expect(frames.at(-1)).toMatchObject({ gateway: { requestsInFlight: 2 }, host: { demoTraffic: { running: true } } })
    expect(frames.at(-1)?.upstreams).toEqual([])
  })

  it('carry each event and each point exactly once', async () => {
    const upstream = bench.add('files')
    const { frames } = bench.listen()
    for (let i = 0; i < 20; i++) {
      upstream.events.emit('reconnect.scheduled', { attempt: i, delayMs: 1 })
      await bench.clock.advance(1_130)
    }
    await bench.clock.advance(frameIntervalMs)
    const ids = frames.flatMap(({ events }) => events.map(({ id }) => id))
    expect(ids).toEqual(from(1, ids.length))
    expect(ids).toHaveLength(bench.telemetry.journal.lastId)
    const told = frames.flatMap(({ points }) => points.files ?? [])
    expect(told).toEqual(bench.telemetry.points('files'))
  })

  it('tell that the host lives when there is nothing else to tell', async () => {
    const { frames, at, stop } = bench.listen()
    await bench.clock.advance(20_000)
    const gaps = at.slice(1).map((t, i) => t - (at[i] ?? 0))
    expect(Math.max(...gaps)).toBeLessThanOrEqual(heartbeatMs)
    expect(frames.at(-1)).toMatchObject({ upstreams: [], removed: [], events: [], points: {} })
    expect(seqs(frames)).toEqual(from(1, frames.length))
    stop()
  })

  it('keep their distance from a heartbeat', async () => {
    const { frames, at } = bench.listen()
    const look = async (sessions: number, waitMs: number) => {
      bench.gatewayState = { ...bench.gatewayState, sessions }
      bench.gateway.events.emit('changed', undefined)
      await bench.clock.advance(waitMs)
    }
    await look(1, heartbeatMs - 100)
    const sent = frames.length
    // A look that finds nothing, then one that is due after the heartbeat.
    await look(1, 50)
    await look(1, 60)
    expect(frames.length).toBe(sent + 1)
    await look(2, 1_000)
    const gaps = at.slice(1).map((t, i) => t - (at[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(frameIntervalMs)
    expect(frames.at(-1)?.gateway?.sessions).toBe(2)
  })

  it('go on with points after the wall clock was set back', async () => {
    bench.add('files')
    const { frames } = bench.listen()
    await bench.clock.advance(3_000)
    bench.clock.jumpWall(-3_600_000)
    const before = frames.length
    await bench.clock.advance(3_000 + frameIntervalMs)
    const told = frames.slice(before).flatMap(({ points }) => points.files ?? [])
    expect(told.slice(-3)).toEqual(bench.telemetry.points('files').slice(-3))
    expect(bench.telemetry.points('files')).toHaveLength(3)
  })

  it('tell once that an upstream was removed, and again that it came back', async () => {
    const upstream = bench.add('files')
    const { frames } = bench.listen()
    await bench.clock.advance(100)
    bench.remove(upstream)
    bench.telemetry.touch()
    await bench.clock.advance(5_000)
    expect(frames.flatMap(({ removed }) => removed)).toEqual(['files'])
    bench.add('files')
    const before = frames.length
    await bench.clock.advance(2_000)
    expect(frames.slice(before).flatMap(({ upstreams }) => upstreams.map(({ name }) => name))).toContain('files')
    expect(frames.slice(before).flatMap(({ removed }) => removed)).toEqual([])
  })

  it('never name an upstream as both removed and changed', async () => {
    const upstream = bench.add('files')
    const { frames } = bench.listen()
    await bench.clock.advance(100)
    bench.remove(upstream)
    expect(bench.telemetry.snapshot().upstreams).toEqual([])
    bench.add('files')
    bench.telemetry.touch()
    await bench.clock.advance(frameIntervalMs)
    expect(frames.at(-1)).toMatchObject({ removed: [], upstreams: [{ name: 'files' }] })
  })

  it('notice an upstream that comes, stops or goes without any event, within a second', async () => {
    const { frames } = bench.listen()
    await bench.clock.advance(100)
    bench.sources.push({ upstream: null, config: configOf('idle'), enabled: false, target: 'x', url: '/mcp/idle' })
    await bench.clock.advance(1_000)
    const told = frames.flatMap(({ upstreams }) => upstreams)
    expect(told.map(({ name, state, enabled }) => ({ name, state, enabled }))).toContainEqual({
      name: 'idle',
      state: 'stopped',
      enabled: false,
    })
    bench.sources.length = 0
    await bench.clock.advance(1_000)
    expect(frames.flatMap(({ removed }) => removed)).toEqual(['idle'])
  })

  it('tell that a wait grows and that a window slides, though no event says so', async () => {
    const upstream = bench.add('files')
    const { frames } = bench.listen()
    upstream.done()
    await bench.clock.advance(70_000)
    const rates = frames.flatMap(({ upstreams }) => upstreams.map(({ stats }) => stats.ratePerSecond))
    expect(rates[0]).toBeGreaterThan(0)
    expect(rates.at(-1)).toBe(0)
    const quiet = frames.length
    await bench.clock.advance(3_000)
    expect(frames.slice(quiet).flatMap(({ upstreams }) => upstreams)).toEqual([])
    upstream.pool = poolOf({ waiting: 1, oldestWaitMs: 1 })
    await bench.clock.advance(3_000)
    expect(frames.slice(-3).every(({ upstreams }) => upstreams.length === 1)).toBe(true)
  })
})

describe('while nobody listens', () => {
  it('there is no frame and no timer but the one for points', async () => {
    const upstream = bench.add('files')
    for (let i = 0; i < 100; i++) {
      upstream.events.emit('changed', undefined)
      await bench.clock.advance(50)
      expect(bench.clock.pending).toBe(1)
    }
    expect(bench.monitor.enabled).toBe(false)
  })

  it('and once the last listener has gone, it is so again', async () => {
    const upstream = bench.add('files')
    const first = bench.listen()
    const second = bench.listen()
    upstream.events.emit('changed', undefined)
    expect(bench.clock.pending).toBe(3)
    await bench.clock.advance(1_000)
    expect(bench.monitor.enabled).toBe(true)
    first.stop()
    first.stop()
    expect(bench.clock.pending).toBeGreaterThan(1)
    second.stop()
    expect(bench.clock.pending).toBe(1)
    expect(bench.monitor.enabled).toBe(false)
    const heard = second.frames.length
    upstream.events.emit('changed', undefined)
    await bench.clock.advance(10_000)
    expect(second.frames.length).toBe(heard)
  })

  it('changes between a snapshot and the subscription are in the first frame', async () => {
    const upstream = bench.add('files')
    await bench.clock.advance(60_000)
    const snapshot = bench.telemetry.snapshot()
    upstream.events.emit('breaker.opened', { failures: 5, retryAfterMs: 1 })
    upstream.pool = poolOf({ leased: 3 })
    upstream.events.emit('changed', undefined)
    const { frames } = bench.listen()
    await bench.clock.advance(10)
    expect(frames[0]?.seq).toBe(snapshot.seq + 1)
    expect(frames[0]?.upstreams[0]?.pool.leased).toBe(3)
    expect(frames[0]?.events.map(({ kind }) => kind)).toContain('breaker.opened')
  })

  it('what was dropped shows as a gap to whoever held an older snapshot, and a new one has it all', async () => {
    const upstream = bench.add('files')
    const old = bench.telemetry.snapshot()
    upstream.events.emit('breaker.opened', { failures: 5, retryAfterMs: 1 })
    await bench.clock.advance(hostGoneMs + 60_000)
    const snapshot = bench.telemetry.snapshot()
    expect(snapshot.events.map(({ kind }) => kind)).toContain('breaker.opened')
    const { frames } = bench.listen()
    await bench.clock.advance(1_100)
    expect(frames[0]?.seq).toBeGreaterThan(old.seq + 1)
    expect(frames[0]?.seq).toBe(snapshot.seq + 1)
    expect(frames.flatMap(({ points }) => points.files ?? [])).toHaveLength(1)
  })
})

describe('listeners', () => {
  it('that throw harm nobody else, and are reported once', async () => {
    const upstream = bench.add('files')
    bench.telemetry.frames.subscribe(() => {
      throw new Error('broken')
    })
    const rejecting = bench.telemetry.frames.subscribe(() => Promise.reject(new Error('broken pipe')))
    const { frames } = bench.listen()
    for (let i = 0; i < 10; i++) {
      upstream.events.emit('changed', undefined)
      await bench.clock.advance(frameIntervalMs)
    }
    expect(seqs(frames)).toEqual(from(1, frames.length))
    expect(frames.length).toBeGreaterThanOrEqual(10)
    expect(bench.logged.filter((line) => line.includes('listener'))).toHaveLength(2)
    rejecting()
  })

  it('that are busy miss frames while others get them all, and see the gap', async () => {
    const upstream = bench.add('files')
    const slow: number[] = []
    let free = () => {}
    bench.telemetry.frames.subscribe((frame) => {
      slow.push(frame.seq)
      return new Promise<void>((resolve) => {
        free = resolve
      })
    })
    const { frames } = bench.listen()
    for (let i = 0; i < 4; i++) {
      upstream.events.emit('changed', undefined)
      await bench.clock.advance(frameIntervalMs)
    }
    expect(slow).toEqual([1])
    free()
    await settle()
    upstream.events.emit('changed', undefined)
    await bench.clock.advance(frameIntervalMs)
    expect(slow).toEqual([1, frames.at(-1)?.seq])
    expect(seqs(frames)).toEqual(from(1, frames.length))
  })

  it('that are alone and busy miss nothing: changes wait for them in one frame', async () => {
    const upstream = bench.add('files')
    const heard: Frame[] = []
    let free = () => {}
    bench.telemetry.frames.subscribe((frame) => {
      heard.push(frame)
      return new Promise<void>((resolve) => {
        free = resolve
      })
    })
    await bench.clock.advance(10)
    for (let i = 0; i < 40; i++) {
      upstream.events.emit('reconnect.scheduled', { attempt: i, delayMs: 1 })
      await bench.clock.advance(frameIntervalMs)
    }
    expect(heard).toHaveLength(1)
    free()
    await settle()
    await bench.clock.advance(frameIntervalMs)
    expect(heard).toHaveLength(2)
    expect(heard[1]?.seq).toBe(2)
    const ids = heard.flatMap(({ events }) => events.map(({ id }) => id))
    expect(ids).toEqual(from(1, bench.telemetry.journal.lastId))
  })

  it('may leave and come while a frame is being sent', async () => {
    const upstream = bench.add('files')
    const late: Frame[] = []
    const stop = bench.telemetry.frames.subscribe(() => {
      stop()
      bench.telemetry.frames.subscribe((frame) => void late.push(frame))
    })
    upstream.events.emit('changed', undefined)
    await bench.clock.advance(10)
    upstream.events.emit('changed', undefined)
    await bench.clock.advance(frameIntervalMs)
    expect(late.length).toBeGreaterThanOrEqual(1)
  })
})

describe('a snapshot and the frames after it', () => {
  it('is what the contract says, stopped upstreams included', async () => {
    const upstream = bench.add('files')
    upstream.connections = [connectionOf('files')]
    bench.sources.push({ upstream: null, config: configOf('off'), enabled: false, target: 'x', url: '/mcp/off' })
    await bench.clock.advance(3_000)
    const snapshot = bench.telemetry.snapshot()
    expect(snapshotSchema.parse(snapshot)).toEqual(snapshot)
    expect(snapshot.upstreams.map(({ name, state }) => [name, state])).toEqual([
      ['files', 'ready'],
      ['off', 'stopped'],
    ])
    expect(snapshot.upstreams[0]?.connections[0]).toMatchObject({ pid: 4711, cpuPercent: null, processes: null })
  })

  it('make up the present state for any order of changes, snapshots and listeners', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('change' as const), leased: fc.nat(9) }),
      fc.record({ do: fc.constant('event' as const) }),
      fc.record({ do: fc.constant('add' as const), name: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ do: fc.constant('remove' as const), name: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
      fc.record({ do: fc.constant('join' as const), snapshotFirst: fc.boolean(), pauseMs: fc.nat(9_000) }),
      fc.record({ do: fc.constant('leave' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const own = new Bench()
        const running = new Map<string, FakeUpstream & { detach: () => void }>()
        const replicas: { replica: Replica; stop: () => void }[] = []
        const take = () => own.telemetry.snapshot()
        for (const now of steps) {
          if (now.do === 'change') {
            for (const upstream of running.values()) {
              upstream.pool = poolOf({ leased: now.leased })
              upstream.events.emit('changed', undefined)
            }
          } else if (now.do === 'event') {
            for (const upstream of running.values()) upstream.events.emit('breaker.closed', undefined)
          } else if (now.do === 'add' && !running.has(now.name)) running.set(now.name, own.add(now.name))
          else if (now.do === 'remove') {
            const upstream = running.get(now.name)
            if (upstream) own.remove(upstream)
            running.delete(now.name)
          } else if (now.do === 'wait') await own.clock.advance(now.ms)
          else if (now.do === 'leave') replicas.pop()?.stop()
          else if (now.do === 'join') {
            const early: Frame[] = []
            let hear: (frame: Frame) => void = (frame) => early.push(frame)
            let replica: Replica | undefined = now.snapshotFirst ? new Replica(take()) : undefined
            if (replica) await own.clock.advance(now.pauseMs)
            const stop = own.telemetry.frames.subscribe((frame) => hear(frame))
            if (!replica) {
              await own.clock.advance(now.pauseMs)
              replica = new Replica(take())
            }
            const ready = replica
            for (const frame of early) ready.apply(frame, take)
            hear = (frame) => ready.apply(frame, take)
            replicas.push({ replica: ready, stop })
          }
        }
        await own.clock.advance(3_000)
        const truth = take()
        for (const { replica } of replicas) {
          expect([...replica.upstreams.keys()].sort()).toEqual(truth.upstreams.map(({ name }) => name).sort())
          for (const upstream of truth.upstreams) expect(replica.upstreams.get(upstream.name)).toEqual(upstream)
          for (const event of truth.events) expect(replica.events.get(event.id)).toBe(event.message)
        }
        own.telemetry.close()
        expect(own.clock.pending).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})

describe('close', () => {
  it('stops every timer and every listener, and may be called again', async () => {
    const upstream = bench.add('files')
    const { frames } = bench.listen()
    await bench.telemetry.metricsText()
    await bench.clock.advance(500)
    upstream.events.emit('changed', undefined)
    bench.telemetry.close()
    bench.telemetry.close()
    const heard = frames.length
    expect(bench.clock.pending).toBe(0)
    expect(upstream.events.listenerCount).toBe(0)
    expect(bench.gateway.events.listenerCount).toBe(0)
    await bench.telemetry.metricsText()
    upstream.events.emit('changed', undefined)
    await bench.clock.advance(10_000)
    expect(frames.length).toBe(heard)
    expect(bench.clock.pending).toBe(0)
    expect(bench.monitor.enabled).toBe(false)
  })
})
