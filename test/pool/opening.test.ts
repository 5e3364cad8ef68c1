import { describe, expect, test } from 'vitest'
import { SpawnGate, spawnBackoff } from '../../electron/pool/spawn-gate.ts'
import { AppError } from '../../shared/errors.ts'
import { fullJitterMs } from '../../shared/reconnect.ts'
import { settle } from '../support/fake-clock.ts'
import { mulberry32 } from '../support/random.ts'
import { PoolFixture, rejection } from './fake-resource.ts'

test('at most two are opened at a time', async () => {
  const { pool, resources } = new PoolFixture({ maxConnections: 6 }, { behaviour: { open: 'never' } })
  const waiting = Array.from({ length: 6 }, () => pool.acquire())
  await settle()
  expect(resources).toHaveLength(2)
  expect(pool.snapshot()).toMatchObject({ spawning: 2, waiting: 6 })
  resources[0]?.opening.resolve()
  await settle()
  expect(resources).toHaveLength(3)
  pool.destroy(new Error('end'))
  await Promise.allSettled(waiting)
})

test('a factory that throws synchronously is a failed open, not a crash', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { open: 'throws' } })
  const failures: string[] = []
  fixture.pool.events.on('connection.failed', ({ error }) => failures.push(error.message))
  const waiting = fixture.pool.acquire()
  await settle()
  expect(failures).toEqual(['the factory threw'])
  expect(fixture.snapshot).toMatchObject({ opened: 1, dead: 1, waiting: 1, reconnect: { attempts: 0 } })
  expect(fixture.snapshot.reconnect.nextAt).not.toBeNull()
  fixture.behaviour.open = 'ok'
  await fixture.clock.advance(500)
  expect((await waiting).resource.alive).toBe(true)
  fixture.pool.assertInvariants()
})

test('always failing spawn: the breaker opens after five, waiters get the cause, arrivals fail at once', async () => {
  const fixture = new PoolFixture({ maxConnections: 4 }, { behaviour: { open: 'error' } })
  const { pool, clock } = fixture
  const opened: { failures: number; retryAfterMs: number }[] = []
  pool.events.on('breaker.opened', (event) => opened.push(event))
  const waiting = rejection(pool.acquire())
  await clock.advance(29_000)
  expect(opened).toEqual([{ failures: 5, retryAfterMs: 30_000 }])
  const error = await waiting
  expect(error.code).toBe('CIRCUIT_OPEN')
  expect(error.message).toContain('last failure: failed')
  expect(error.data).toMatchObject({ failures: 5, lastFailure: { message: 'failed' }, pool: { max: 4 } })
  expect(error.cause).toMatchObject({ message: 'failed' })
  const arrival = await rejection(pool.acquire())
  expect(arrival.code).toBe('CIRCUIT_OPEN')
  expect(arrival.data?.retryAfterMs).toBeGreaterThan(0)
  expect(fixture.resources).toHaveLength(5)
  expect(pool.snapshot()).toMatchObject({ breaker: { state: 'open', failures: 5 }, waiting: 0, rejected: 2 })
})

/** Opens the breaker of a pool whose connections fail. */
async function tripped(limits = {}): Promise<PoolFixture> {
  const fixture = new PoolFixture(
    { maxConnections: 4, acquireTimeoutMs: 600_000, ...limits },
    { behaviour: { open: 'error' } },
  )
  const refused = rejection(fixture.pool.acquire())
  while (fixture.snapshot.breaker.state !== 'open') await fixture.clock.advance(250)
  await refused
  return fixture
}

test('half-open under 100 waiters: one probe', async () => {
  const fixture = await tripped()
  const { pool, clock, resources } = fixture
  await clock.advance(30_000)
  expect(fixture.snapshot.breaker.state).toBe('half-open')
  fixture.behaviour.open = 'never'
  const waiting = Array.from({ length: 100 }, () => pool.acquire())
  await clock.advance(20_000)
  expect(resources).toHaveLength(6)
  expect(resources[5]?.reason).toBe('probe')
  expect(fixture.snapshot.waiting).toBe(100)
  fixture.behaviour.open = 'ok'
  resources[5]?.opening.resolve()
  await settle()
  expect(fixture.snapshot.breaker.state).toBe('closed')
  for (const acquire of waiting) (await acquire).release()
  expect(fixture.snapshot.granted).toBe(100)
})

test('half-open: a probe that a person ends told nothing, and another one is sent', async () => {
  const fixture = await tripped()
  const { pool, clock, resources } = fixture
  await clock.advance(30_000)
  fixture.behaviour.open = 'never'
  const waiting = pool.acquire()
  await clock.advance(10)
  fixture.behaviour.open = 'ok'
  pool.evict(resources[5]?.id ?? '', 'kill')
  await clock.advance(10)
  expect((await waiting).connectionId).toBe(resources[6]?.id)
  expect(fixture.snapshot.breaker.state).toBe('closed')
})

test('a failed probe opens the breaker for longer: 30 s x n, at most 300 s', async () => {
  const fixture = await tripped()
  const waits: number[] = []
  fixture.pool.events.on('breaker.opened', ({ retryAfterMs }) => waits.push(retryAfterMs))
  for (let n = 0; n < 12; n++) {
    await fixture.clock.advance((fixture.snapshot.breaker.retryAt ?? 0) - fixture.clock.wall() + 1)
    expect((await rejection(fixture.pool.acquire())).code).toBe('CIRCUIT_OPEN')
  }
  expect(waits).toEqual([60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300].map((s) => s * 1_000))
})

test('an idle connection is served while the breaker is open', async () => {
  const fixture = new PoolFixture({ maxConnections: 2 })
  const [first, second] = await Promise.all([fixture.pool.acquire(), fixture.pool.acquire()])
  second.release()
  fixture.behaviour.open = 'error'
  first.resource.down()
  const holder = await fixture.pool.acquire()
  const refused = rejection(fixture.pool.acquire())
  while (fixture.snapshot.breaker.state !== 'open') await fixture.clock.advance(250)
  await refused
  holder.release()
  expect((await fixture.pool.acquire()).connectionId).toBe(holder.connectionId)
})

test('recovery after an outage: no herd', async () => {
  const fixture = await tripped({ maxConnections: 10 })
  const { pool, clock, resources } = fixture
  await clock.advance(30_000)
  fixture.behaviour.open = 'ok'
  const before = resources.length
  const waiting = Array.from({ length: 100 }, async () => {
    const lease = await pool.acquire()
    await new Promise<void>((resolve) => void clock.after(60_000, resolve))
    lease.release()
  })
  await clock.advance(9_000)
  // The probe and at most five replacements within ten seconds, whatever is asked for.
  expect(resources.length - before).toBeLessThanOrEqual(6)
  expect(resources.length - before).toBeGreaterThan(1)
  await clock.advance(60_000)
  // Stable for 30 s: growth is free again.
  expect(fixture.snapshot.breaker).toMatchObject({ state: 'closed', failures: 0 })
  expect(fixture.snapshot.reconnect).toMatchObject({ attempts: 0, nextAt: null })
  while (fixture.snapshot.granted < 100) await clock.advance(10_000)
  await clock.advance(60_000)
  await Promise.all(waiting)
})

test('handshake then exit 0, forever: spawns stay within the rate, and the count is not reset by handshakes', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, minIdle: 2 })
  const times: number[] = []
  fixture.pool.events.on('connection.ready', ({ connectionId }) => {
    times.push(fixture.clock.now())
    fixture.resources.find(({ id }) => id === connectionId)?.down()
  })
  await fixture.clock.advance(420_000)
  for (const [i, time] of times.entries()) {
    const inWindow = times.slice(i).filter((other) => other < time + 10_000).length
    // Two first ones at once, then at most five in ten seconds.
    expect(inWindow).toBeLessThanOrEqual(7)
  }
  // In seven minutes; a public report of another pool had 66,487.
  expect(times.length).toBeLessThan(25)
  expect(fixture.snapshot.breaker.failures).toBe(times.length)
})

describe('connections that one outage takes', () => {
  /** A pool whose connections are all up. */
  async function busy(count: number) {
    const fixture = new PoolFixture({ maxConnections: count, minIdle: count, acquireTimeoutMs: 600_000 })
    while (fixture.snapshot.idle < count) await fixture.sweep()
    return fixture
  }

  test('count once: eight that are lost together do not open the breaker, and come back within the rate', async () => {
    const fixture = await busy(8)
    const held = await fixture.pool.acquire()
    for (const resource of fixture.resources) resource.down()
    expect(fixture.snapshot.breaker).toEqual({ state: 'closed', failures: 1, retryAt: null })
    held.release()
    const again = fixture.resources.length
    await fixture.clock.advance(9_999)
    expect(fixture.resources.length - again, 'each is owed a replacement').toBe(5)
    await fixture.clock.advance(10_001)
    expect(fixture.snapshot).toMatchObject({ idle: 8, breaker: { state: 'closed', failures: 1 } })
    expect(fixture.errors).toEqual([])
  })

  test('count once however slowly they are noticed, as long as none has come up since', async () => {
    const fixture = await busy(3)
    fixture.behaviour.open = 'never'
    const [first, second, third] = fixture.live
    first?.down()
    await fixture.clock.advance(10_000)
    second?.down()
    expect(fixture.snapshot.breaker.failures).toBe(1)
    for (const { opening } of fixture.live) opening.resolve()
    await settle()
    third?.down()
    expect(fixture.snapshot.breaker.failures, 'one has come up').toBe(2)
  })

  test('are no attempts: five of those that fail open it, whatever was lost before', async () => {
    const fixture = await busy(8)
    fixture.behaviour.open = 'error'
    for (const resource of fixture.live) resource.down()
    const before = fixture.resources.length
    while (fixture.snapshot.breaker.state === 'closed') await fixture.sweep()
    expect(fixture.resources.length - before).toBe(4)
    expect(fixture.snapshot.breaker).toMatchObject({ state: 'open', failures: 5 })
  })

  test('keep the server’s wish to be left alone, whichever was told it', async () => {
    const gate = new SpawnGate(() => 0)
    gate.failed(1_000)
    gate.lost(1_000, 8_000)
    expect([gate.failures, gate.allowedAt]).toEqual([1, 9_000])
  })
})

test('1,000 seeded backoffs are within the policy, and spread', () => {
  const delays: number[] = []
  for (let seed = 0; seed < 1_000; seed++) {
    const gate = new SpawnGate(mulberry32(seed))
    const failures = 1 + (seed % 10)
    for (let i = 0; i < failures; i++) gate.failed(5_000)
    const delay = gate.allowedAt - 5_000
    const ceiling = Math.min(30_000, 500 * 2 ** (failures - 1))
    expect(delay).toBeGreaterThanOrEqual(100)
    expect(delay).toBeLessThanOrEqual(ceiling)
    delays.push(delay / ceiling)
  }
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
  expect(mean).toBeGreaterThan(0.45)
  expect(mean).toBeLessThan(0.58)
  expect(fullJitterMs(spawnBackoff, 1_000, () => 0.999)).toBeLessThanOrEqual(30_000)
})

test('the failure count is forgotten after 30 s of stable uptime only', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const lease = await fixture.pool.acquire()
  lease.resource.down()
  lease.release()
  const next = fixture.pool.acquire()
  await fixture.clock.advance(1_000)
  const held = await next
  await fixture.clock.advance(29_000)
  expect(fixture.snapshot.breaker.failures).toBe(1)
  await fixture.clock.advance(1_500)
  expect(fixture.snapshot.breaker.failures).toBe(0)
  held.release()
})

test.each([
  ['maxUses', { maxUses: 1 }],
  ['a short idle timeout', { idleTimeoutMs: 1_000 }],
  ['a short lifetime', { maxLifetimeMs: 5_000 }],
])('the failure count is forgotten too where no connection lives for 30 s: %s', async (_, limits) => {
  const fixture = new PoolFixture(limits)
  const { pool, clock } = fixture
  const serve = async () => {
    const acquired = pool.acquire()
    await clock.advance(6_000)
    return acquired
  }
  const crashing = await serve()
  fixture.resources[0]?.down()
  crashing.release()
  for (let i = 0; i < 4; i++) (await serve()).release()
  expect(fixture.snapshot).toMatchObject({ breaker: { failures: 1 }, reconnect: { attempts: expect.any(Number) } })
  for (let i = 0; i < 2; i++) (await serve()).release()
  await clock.advance(2_000)
  expect(fixture.snapshot).toMatchObject({ breaker: { failures: 0 }, reconnect: { attempts: 0 } })
})

test('one that served and crashed proves nothing, nor does one that nobody used', async () => {
  const fixture = new PoolFixture({ idleTimeoutMs: 1_000 })
  const { pool, clock } = fixture
  for (let i = 0; i < 2; i++) {
    const acquired = pool.acquire()
    await clock.advance(6_000)
    const lease = await acquired
    fixture.resources.at(-1)?.down()
    lease.release()
  }
  pool.spawn()
  await clock.advance(60_000)
  expect(fixture.snapshot).toMatchObject({ dead: 3, breaker: { failures: 2 } })
})

test('reconnect attempts are announced, made and counted', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, minIdle: 1 }, { behaviour: { open: 'error' } })
  const scheduled: number[] = []
  const attempts: number[] = []
  fixture.pool.events.on('reconnect.scheduled', ({ attempt }) => scheduled.push(attempt))
  fixture.pool.events.on('reconnect.attempt', ({ attempt }) => attempts.push(attempt))
  await fixture.clock.advance(10_000)
  expect(scheduled).toEqual([1, 2, 3, 4])
  expect(attempts).toEqual([1, 2, 3, 4])
  expect(fixture.snapshot.reconnect).toMatchObject({ attempts: 4, total: 4 })
})

test('an expected end is no crash: no backoff, no rate, no breaker', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  for (let i = 0; i < 50; i++) {
    const lease = await fixture.pool.acquire()
    lease.resource.down('single-use', true)
    lease.release()
  }
  expect(fixture.snapshot).toMatchObject({ opened: 50, breaker: { state: 'closed', failures: 0 } })
})

test('callers that discard after a cancel do not open the breaker', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  for (let i = 0; i < 20; i++) (await fixture.pool.acquire()).release({ reason: 'unhealthy' })
  await settle()
  expect(fixture.snapshot.breaker).toMatchObject({ state: 'closed', failures: 0 })
})

describe('what a person can do', () => {
  test('retry tries now instead of waiting for the breaker', async () => {
    const fixture = await tripped()
    fixture.behaviour.open = 'ok'
    fixture.pool.retry()
    await settle()
    expect(fixture.snapshot).toMatchObject({ idle: 1, breaker: { state: 'closed' } })
  })

  test('the server’s wish for patience is the floor of the backoff', async () => {
    const fixture = new PoolFixture({ maxConnections: 1, acquireTimeoutMs: 60_000 }, { behaviour: { open: 'slow' } })
    const waiting = fixture.pool.acquire()
    await settle()
    fixture.behaviour.open = 'ok'
    fixture.resources[0]?.opening.reject(new AppError('HTTP_STATUS', 'busy', { status: 503, retryAfterMs: 20_000 }))
    await fixture.clock.advance(19_900)
    expect(fixture.resources).toHaveLength(1)
    await fixture.clock.advance(11_000)
    expect((await waiting).resource.alive).toBe(true)
  })

  test('retry tries now instead of waiting for the backoff', async () => {
    const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { open: 'error' } })
    const waiting = fixture.pool.acquire()
    await settle()
    fixture.behaviour.open = 'ok'
    fixture.pool.retry()
    expect((await waiting).resource.alive).toBe(true)
  })

  test('resetBreaker closes it and forgets the failures', async () => {
    const fixture = await tripped()
    fixture.behaviour.open = 'ok'
    fixture.pool.resetBreaker()
    expect(fixture.snapshot.breaker).toMatchObject({ state: 'closed', failures: 0, retryAt: null })
    expect((await fixture.pool.acquire()).resource.alive).toBe(true)
  })

  test('spawn opens one more, within the limit and two at a time', async () => {
    const fixture = new PoolFixture({ maxConnections: 3 }, { behaviour: { open: 'never' } })
    const ids = [fixture.pool.spawn(), fixture.pool.spawn(), fixture.pool.spawn()]
    expect(fixture.resources.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(() => fixture.pool.spawn()).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }))
    fixture.resources[0]?.opening.resolve()
    await settle()
    expect(fixture.resources.map(({ id }) => id)).toEqual(ids)
    expect(fixture.resources[2]?.reason).toBe('person')
  })

  test('spawn is refused when suspended or closed', async () => {
    const { pool } = new PoolFixture()
    pool.suspend()
    expect(() => pool.spawn()).toThrow(expect.objectContaining({ code: 'POOL_SUSPENDED' }))
    await pool.close('shutdown')
    expect(() => pool.spawn()).toThrow(expect.objectContaining({ code: 'POOL_CLOSED' }))
  })

  test('drain closes everything once free, and nothing is refilled until somebody asks', async () => {
    const fixture = new PoolFixture({ maxConnections: 3, minIdle: 2 })
    await settle()
    const lease = await fixture.pool.acquire()
    fixture.pool.drain()
    expect(lease.resource.alive).toBe(true)
    await fixture.sweep(4)
    expect(fixture.snapshot).toMatchObject({ idle: 0, leased: 1 })
    lease.release()
    await fixture.sweep(4)
    expect(fixture.snapshot).toMatchObject({ idle: 0, leased: 0, state: 'running' })
    expect(new Set(fixture.closed.map(({ reason }) => reason))).toEqual(new Set(['evicted']))
    await fixture.pool.acquire()
    await settle()
    expect(fixture.snapshot).toMatchObject({ idle: 2, leased: 1 })
  })

  test('evict drain waits for the holder; evict restart opens another one', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const lease = await fixture.pool.acquire()
    fixture.pool.evict(lease.connectionId, 'restart')
    await fixture.sweep()
    expect(lease.resource.alive).toBe(true)
    expect(fixture.resources).toHaveLength(1)
    lease.release()
    await settle()
    expect(fixture.closed).toMatchObject([{ reason: 'evicted' }])
    expect(fixture.resources).toHaveLength(2)
    expect(fixture.snapshot.idle).toBe(1)
    fixture.pool.evict(fixture.resources[1]?.id ?? '', 'drain')
    await settle()
    expect(fixture.snapshot).toMatchObject({ idle: 0, opened: 2, dead: 2 })
  })

  test('evict restart replaces one by one: with minIdle set the pool does not grow', async () => {
    const fixture = new PoolFixture({ maxConnections: 4, minIdle: 2 })
    await fixture.sweep()
    const before = fixture.pool.connections().map(({ id }) => id)
    expect(before).toHaveLength(2)
    fixture.pool.evict(before[0] ?? '', 'restart')
    await fixture.sweep(4)
    expect(fixture.snapshot).toMatchObject({ idle: 2, opened: 3, dead: 1 })
    expect(fixture.pool.connections().map(({ id }) => id)).toContain(before[1])
  })
})
