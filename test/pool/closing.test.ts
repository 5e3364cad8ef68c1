import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors.ts'
import { settle } from '../support/fake-clock.ts'
import { PoolFixture, rejection } from './fake-resource.ts'

/** Nothing of a pool is left: neither resources nor timers, listeners, waiters, or a queue that takes anything. */
async function expectNothingLeft({ pool, clock, live }: PoolFixture): Promise<void> {
  await settle()
  expect(pool.snapshot()).toMatchObject({ state: 'closed', idle: 0, leased: 0, spawning: 0, draining: 0, returning: 0 })
  expect(pool.snapshot()).toMatchObject({ waiting: 0, returnQueueDepth: 0 })
  expect(pool.connections()).toEqual([])
  expect(live).toEqual([])
  expect(clock.pending).toBe(0)
  expect(pool.events.listenerCount).toBe(0)
  pool.assertInvariants()
}

test('shutdown: loop stopped, queue closed, idle cleared, handles gone', async () => {
  const fixture = new PoolFixture({ maxConnections: 3, minIdle: 2 })
  const lease = await fixture.pool.acquire()
  lease.release()
  await settle()
  await fixture.pool.close('shutdown')
  expect(fixture.closed.every(({ reason }) => reason === 'shutdown')).toBe(true)
  expect(fixture.resources.every(({ manners }) => manners[0] === 'gentle')).toBe(true)
  await expectNothingLeft(fixture)
  expect((await rejection(fixture.pool.acquire())).code).toBe('POOL_CLOSED')
  await fixture.clock.advance(10_000)
  expect(fixture.live).toEqual([])
})

test('shutdown lets leases end, then closes at once', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const lease = await fixture.pool.acquire()
  const { resource } = lease
  const waiting = rejection(Promise.all([fixture.pool.acquire(), fixture.pool.acquire()]))
  await settle()
  const closed = fixture.pool.close('upstream-removed')
  expect((await waiting).code).toBe('POOL_CLOSED')
  await fixture.clock.advance(5_000)
  expect(resource.alive).toBe(true)
  expect(fixture.snapshot.state).toBe('draining')
  lease.release()
  await settle()
  await closed
  expect(resource.manners).toEqual(['gentle'])
  await expectNothingLeft(fixture)
})

test('shutdown revokes what is still leased before the time is over', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const lease = await fixture.pool.acquire()
  const { revoked, resource } = lease
  const closed = fixture.pool.close('shutdown', 10_000)
  await fixture.clock.advance(7_999)
  expect(revoked.aborted).toBe(false)
  await fixture.clock.advance(1)
  await closed
  expect(revoked.aborted).toBe(true)
  expect(resource.manners).toEqual(['abrupt'])
  await expectNothingLeft(fixture)
})

test('shutdown hastens a close that hangs, and gives up on what survives', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { close: 'never' } })
  await fixture.pool.acquire()
  const closed = fixture.pool.close('shutdown', 10_000)
  await fixture.clock.advance(11_000)
  await closed
  expect(fixture.resources[0]?.manners).toEqual(['abrupt', 'kill'])
  expect(fixture.snapshot).toMatchObject({ state: 'closed', quarantined: 1, draining: 0 })
  expect(fixture.clock.pending).toBe(0)
})

test.each(['spawn', 'lease', 'ping', 'return'] as const)('close during %s leaves nothing', async (during) => {
  const fixture = new PoolFixture(
    { maxConnections: 2 },
    { behaviour: { open: during === 'spawn' ? 'never' : 'ok', ping: 'never' } },
  )
  const { pool, clock } = fixture
  const acquired = pool.acquire().catch((error: AppError) => error.code)
  await settle()
  if (during === 'ping' || during === 'return') {
    const lease = await acquired
    if (typeof lease === 'object') lease.release()
    if (during === 'ping') await clock.advance(30_250)
  }
  const closed = pool.close('shutdown')
  await clock.advance(11_000)
  await closed
  if (during === 'spawn') expect(await acquired).toBe('POOL_CLOSED')
  // The answer to a ping that nobody waits for any more.
  await clock.advance(10_000)
  await expectNothingLeft(fixture)
})

test('ten concurrent closes have one outcome', async () => {
  const fixture = new PoolFixture({ maxConnections: 2, minIdle: 2 }, { behaviour: { close: 'slow' } })
  await settle()
  const closes = Array.from({ length: 10 }, (_, n) =>
    fixture.pool.close(n % 2 ? 'shutdown' : 'upstream-removed', n * 1_000),
  )
  expect(new Set(closes).size).toBe(1)
  await fixture.clock.advance(20_000)
  await Promise.all(closes)
  expect(fixture.closed).toHaveLength(2)
  await expectNothingLeft(fixture)
})

test.each([
  ['leased', 'ok'],
  ['closing gently', 'never'],
] as const)('a second close with no time left hastens the first, under a connection that is %s', async (_, close) => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { close } })
  const { pool, clock } = fixture
  const lease = await pool.acquire()
  if (close === 'never') lease.release()
  await settle()
  const first = pool.close('shutdown', 10_000)
  await clock.advance(100)
  const second = pool.close('shutdown', 0)
  await clock.advance(10)
  expect(fixture.resources[0]?.manners.at(-1)).toBe('kill')
  fixture.resources[0]?.closing.resolve('gone')
  await Promise.all([first, second])
  expect(clock.now()).toBe(1_110)
  expect(clock.pending).toBe(0)
  // Neither a longer time nor a late call changes anything.
  await pool.close('shutdown', 20_000)
  await pool.close('shutdown', 0)
  expect(clock.pending).toBe(0)
})

test('a second close with a shorter time moves the end forward, one with a longer time does not', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const { pool, clock } = fixture
  const lease = await pool.acquire()
  let closed = false
  void pool.close('shutdown', 10_000).then(() => {
    closed = true
  })
  void pool.close('shutdown', 60_000)
  void pool.close('shutdown', 1_000)
  await clock.advance(700)
  expect(lease.revoked.aborted).toBe(false)
  await clock.advance(50)
  expect(lease.revoked.aborted).toBe(true)
  expect(closed).toBe(true)
})

test('destroy rejects waiters with the error, revokes leases and kills', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const lease = await fixture.pool.acquire()
  const { resource, revoked } = lease
  const waiting = rejection(fixture.pool.acquire())
  const reason = new AppError('INTERNAL', 'on fire')
  fixture.pool.destroy(reason)
  fixture.pool.destroy(new Error('again'))
  expect(await waiting).toBe(reason)
  expect(revoked.aborted).toBe(true)
  expect(resource.manners).toEqual(['kill'])
  await fixture.pool.close('shutdown')
  await expectNothingLeft(fixture)
})

test('destroy hastens a close that is under way', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const lease = await fixture.pool.acquire()
  const { resource } = lease
  const closed = fixture.pool.close('shutdown')
  fixture.pool.destroy(new Error('now'))
  await closed
  expect(resource.manners).toEqual(['kill'])
  await expectNothingLeft(fixture)
})

test('slow kill: live resources never exceed the maximum', async () => {
  const fixture = new PoolFixture({ maxConnections: 2 }, { behaviour: { close: 'slow' } })
  for (let i = 0; i < 40; i++) {
    const acquired = fixture.pool.acquire()
    await fixture.clock.advance(250)
    ;(await acquired).release({ reason: 'unhealthy' })
  }
  expect(fixture.resources.length).toBeGreaterThan(20)
  expect(fixture.peakLive).toBe(2)
})

test('a close that hangs is hastened after 10 s; what survives 30 s more is quarantined and its permit freed', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, acquireTimeoutMs: 100_000 }, { behaviour: { close: 'never' } })
  const { pool, clock } = fixture
  const quarantined: string[] = []
  pool.events.on('connection.quarantined', ({ connectionId }) => quarantined.push(connectionId))
  const lease = await pool.acquire()
  lease.release({ reason: 'protocol-error' })
  const waiting = pool.acquire()
  await clock.advance(10_000)
  expect(fixture.resources[0]?.manners).toEqual(['abrupt', 'kill'])
  expect(fixture.resources).toHaveLength(1)
  await clock.advance(30_000)
  expect(quarantined).toEqual([lease.connectionId])
  expect(fixture.snapshot).toMatchObject({ quarantined: 1, draining: 0, opened: 2, dead: 0 })
  expect((await waiting).connectionId).not.toBe(lease.connectionId)
  pool.assertInvariants()
  fixture.resources[0]?.closing.resolve('gone')
  await settle()
  expect(fixture.snapshot).toMatchObject({ quarantined: 0, dead: 1 })
  pool.assertInvariants()
})

test('what survives being killed keeps its permit for 30 s, is killed again, and is counted when it goes after all', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, acquireTimeoutMs: 100_000 })
  const { pool, clock } = fixture
  const lease = await pool.acquire()
  const [stuck] = fixture.resources
  if (!stuck) throw new Error('nothing was opened')
  let outcome: 'gone' | 'survived' = 'survived'
  // As a process tree answers: a second after SIGKILL.
  stuck.close = (manner) => {
    stuck.manners.push(manner)
    return new Promise((resolve) => clock.after(1_000, () => resolve(outcome)))
  }
  lease.release({ reason: 'unhealthy' })
  const waiting = pool.acquire()
  await clock.advance(30_000)
  expect(stuck.manners.slice(0, 3)).toEqual(['abrupt', 'kill', 'kill'])
  expect(fixture.snapshot).toMatchObject({ quarantined: 0, draining: 1, opened: 1, waiting: 1 })
  await clock.advance(2_000)
  expect(fixture.snapshot).toMatchObject({ quarantined: 1, draining: 0, opened: 2, dead: 0 })
  ;(await waiting).release()
  outcome = 'gone'
  await clock.advance(40_000)
  expect(fixture.snapshot).toMatchObject({ quarantined: 0, dead: 1 })
  pool.assertInvariants()
  await pool.close('shutdown', 1_000)
  expect(clock.pending).toBe(0)
})

test('a closed pool kills a survivor no more', async () => {
  const fixture = new PoolFixture({ maxConnections: 2 }, { behaviour: { close: 'never' } })
  const { pool, clock } = fixture
  const [early, late] = await Promise.all([pool.acquire(), pool.acquire()])
  for (const { closing } of fixture.resources) closing.resolve('survived')
  early.release({ reason: 'unhealthy' })
  await clock.advance(60_000)
  late.release({ reason: 'unhealthy' })
  await settle()
  const closed = pool.close('shutdown', 1_000)
  await clock.advance(2_000)
  await closed
  expect(fixture.snapshot).toMatchObject({ state: 'closed', quarantined: 2 })
  expect(clock.pending).toBe(0)
})

test('a close that fails is tried harder, reported, and never loses the permit', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { close: 'error' } })
  const lease = await fixture.pool.acquire()
  fixture.behaviour.close = 'ok'
  lease.release({ reason: 'unhealthy' })
  const next = await fixture.pool.acquire()
  expect(fixture.resources[0]?.manners).toEqual(['abrupt', 'kill'])
  expect(fixture.errors).toHaveLength(2)
  expect(fixture.snapshot.quarantined).toBe(1)
  next.release()
})

test('a person who kills what is being closed gently hastens it, even from a listener', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { close: 'slow' } })
  await fixture.pool.acquire()
  fixture.pool.events.on('connection.closing', ({ connectionId }) => fixture.pool.evict(connectionId, 'kill'))
  fixture.pool.evict(fixture.resources[0]?.id ?? '', 'drain')
  fixture.pool.destroy(new Error('end'))
  expect(fixture.resources[0]?.manners).toEqual(['kill'])
  await fixture.clock.advance(300)
})

describe('rolling restart', () => {
  test('replaces every connection one after the other while requests go on', async () => {
    const fixture = new PoolFixture({ maxConnections: 4 }, { behaviour: { open: 'slow', close: 'slow' } })
    const { pool, clock } = fixture
    const all = Promise.all([1, 2, 3].map(() => pool.acquire()))
    await clock.advance(1_000)
    for (const lease of await all) lease.release()
    await settle()
    const before = new Set(fixture.resources.map(({ id }) => id))
    pool.restart()
    for (let i = 0; i < 40; i++) {
      const lease = await pool.acquire()
      expect(lease.resource.alive).toBe(true)
      await clock.advance(30)
      lease.release()
      expect(fixture.snapshot.idle + fixture.snapshot.leased + fixture.snapshot.returning).toBeGreaterThanOrEqual(2)
    }
    await settle()
    expect(pool.connections().some(({ id }) => before.has(id))).toBe(false)
    expect(fixture.snapshot).toMatchObject({ idle: 3, opened: 6, dead: 3 })
    expect(new Set(fixture.closed.map(({ reason }) => reason))).toEqual(new Set(['evicted']))
    expect(fixture.peakLive).toBeLessThanOrEqual(4)
  })

  test('with every permit in use, an old one makes room first', async () => {
    const fixture = new PoolFixture({ maxConnections: 1 })
    const lease = await fixture.pool.acquire()
    fixture.pool.restart()
    await fixture.sweep(4)
    expect(lease.resource.alive).toBe(true)
    lease.release()
    await settle()
    await settle()
    expect(fixture.snapshot).toMatchObject({ idle: 1, opened: 2, dead: 1 })
    expect(fixture.peakLive).toBe(1)
  })

  test('one that hangs while it opens is replaced at once, not when it times out', async () => {
    const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { open: 'never' } })
    const { pool, clock } = fixture
    const acquired = pool.acquire()
    await clock.advance(10)
    fixture.behaviour.open = 'ok'
    pool.restart()
    await clock.advance(10)
    expect((await acquired).connectionId).toBe(fixture.resources[1]?.id)
    expect(fixture.closed).toMatchObject([{ reason: 'evicted' }])
    expect(fixture.snapshot).toMatchObject({ opened: 2, dead: 1, breaker: { failures: 0 } })
    pool.assertInvariants()
  })

  test('a replacement that fails leaves the old ones serving, and is tried again after the backoff', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const old = await fixture.pool.acquire()
    old.release()
    fixture.behaviour.open = 'error'
    fixture.pool.restart()
    await fixture.clock.advance(1_000)
    expect((await fixture.pool.acquire()).connectionId).toBe(old.connectionId)
    expect(fixture.resources.length).toBeLessThan(6)
    expect(old.release()).toBe(false)
    fixture.behaviour.open = 'ok'
    await fixture.clock.advance(60_000)
    expect(fixture.resources.filter(({ closed }) => !closed).length).toBeGreaterThanOrEqual(1)
    expect(fixture.snapshot.dead).toBeGreaterThan(0)
  })
})
