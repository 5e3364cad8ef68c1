import { expect, test } from 'vitest'
import { PoolCore } from '../../electron/pool/core.ts'
import { Maintenance } from '../../electron/pool/maintenance.ts'
import { ReturnQueue } from '../../electron/pool/return-queue.ts'
import { defaultPoolLimits } from '../../shared/config.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'
import { PoolFixture } from './fake-resource.ts'

/** Opens as many connections as asked for and gives them all back. */
async function warm(fixture: PoolFixture, count: number): Promise<void> {
  const leases = await Promise.all(Array.from({ length: count }, () => fixture.pool.acquire()))
  for (const lease of leases) lease.release()
  await settle()
}

test('return channel drain: what is released reaches idle without waiting for a sweep', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, healthCheckIntervalMs: 3_600_000 })
  const leases = await Promise.all([1, 2, 3, 4].map(() => fixture.pool.acquire()))
  for (const lease of leases) lease.release()
  expect(fixture.snapshot).toMatchObject({ returnQueueDepth: 4, returning: 4, idle: 0 })
  await settle()
  expect(fixture.snapshot).toMatchObject({ returnQueueDepth: 0, returning: 0, idle: 4 })
})

test('return flood: at most eight a turn, nothing is lost and the queue never fills', async () => {
  const fixture = new PoolFixture({ maxConnections: 50 })
  const { pool } = fixture
  const leases = await Promise.all(Array.from({ length: 50 }, () => pool.acquire()))
  for (const lease of leases) lease.release()
  expect(fixture.snapshot).toMatchObject({ returnQueueDepth: 50, returnQueueCapacity: 100 })
  await Promise.resolve()
  const depths = [fixture.snapshot.returnQueueDepth]
  while (depths.at(-1) !== 0) {
    await settle()
    depths.push(fixture.snapshot.returnQueueDepth)
  }
  expect(depths[0]).toBe(42)
  for (const [i, depth] of depths.entries()) {
    if (i > 0) expect((depths[i - 1] ?? 0) - depth).toBeLessThanOrEqual(16)
  }
  expect(fixture.snapshot).toMatchObject({ idle: 50, opened: 50, dead: 0 })
  pool.assertInvariants()
})

test('return flood: the sweep is served between two turns', async () => {
  const fixture = new PoolFixture({ maxConnections: 40, leakWarnMs: 1 })
  const { pool, clock } = fixture
  const held = await pool.acquire()
  const leases = await Promise.all(Array.from({ length: 39 }, () => pool.acquire()))
  for (const lease of leases) lease.release()
  let depthAtWarning = -1
  pool.events.on('lease.leak', () => {
    depthAtWarning = pool.snapshot().returnQueueDepth
  })
  await Promise.resolve()
  clock.advanceSync(250)
  expect(depthAtWarning).toBeGreaterThan(0)
  held.release()
})

test('first-tick bias: the first sweep comes one full period after the start', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, idleTimeoutMs: 1, healthCheckIntervalMs: 1_000 })
  await warm(fixture, 1)
  await fixture.clock.advance(999)
  expect(fixture.snapshot.idle).toBe(1)
  await fixture.clock.advance(1)
  expect(fixture.closed).toMatchObject([{ reason: 'idle-timeout' }])
})

test('first-tick bias: no sweep at the start nor when the period changes, and none after the stop', async () => {
  const clock = new FakeClock(0)
  const limits = { ...defaultPoolLimits, healthCheckIntervalMs: 1_000 }
  const sweeps: number[] = []
  const maintenance = new Maintenance(new PoolCore('fake', limits, clock, () => 0), {
    returned: () => {},
    broken: () => {},
    sweep: (now) => sweeps.push(now),
  })
  await clock.advance(2_400)
  expect(sweeps).toEqual([1_000, 2_000])
  maintenance.setPeriod(600)
  await clock.advance(1_100)
  expect(sweeps.slice(2)).toEqual([3_000])
  maintenance.stop()
  await clock.advance(5_000)
  expect(sweeps).toHaveLength(3)
})

test('the return queue is bounded, in order, and takes nothing once it is closed', () => {
  const queue = new ReturnQueue<number>(2)
  expect([queue.offer(1), queue.offer(2), queue.offer(3)]).toEqual([true, true, false])
  queue.resize(3)
  expect(queue.offer(3)).toBe(true)
  queue.close()
  expect([queue.take(), queue.offer(4), queue.take(), queue.take(), queue.take()]).toEqual([1, false, 2, 3, undefined])
})

test('health flag: one that went down is not handed out, even if nobody was told', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  await warm(fixture, 1)
  const [resource] = fixture.resources
  if (resource) resource.alive = false
  const lease = await fixture.pool.acquire()
  expect(lease.resource).not.toBe(resource)
  expect(fixture.resources).toHaveLength(2)
})

test('health flag: the sweep closes an idle one that went down, even if nobody was told', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, minIdle: 1 })
  await warm(fixture, 1)
  const [silent] = fixture.resources
  if (silent) silent.alive = false
  await fixture.sweep(4)
  expect(fixture.closed).toMatchObject([{ reason: 'unhealthy' }])
  expect(fixture.snapshot).toMatchObject({ idle: 1, opened: 2, breaker: { failures: 1 } })
})

test('health flag: an idle connection that exits leaves idle at once', async () => {
  const fixture = new PoolFixture({ maxConnections: 2 })
  await warm(fixture, 2)
  fixture.resources[0]?.down()
  expect(fixture.snapshot).toMatchObject({ idle: 1, draining: 1 })
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 1, draining: 0, dead: 1 })
})

test('idle timeout closes the longest idle down to minIdle', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, minIdle: 1, idleTimeoutMs: 10_000 })
  await warm(fixture, 4)
  await fixture.clock.advance(9_999)
  expect(fixture.snapshot.idle).toBe(4)
  await fixture.sweep()
  expect(fixture.snapshot).toMatchObject({ idle: 1, dead: 3 })
  expect(new Set(fixture.closed.map(({ reason }) => reason))).toEqual(new Set(['idle-timeout']))
  expect(fixture.resources.filter(({ closed }) => closed).every(({ manners }) => manners[0] === 'gentle')).toBe(true)
})

test('minIdle is filled at the start and refilled after a loss', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, minIdle: 3 })
  await settle()
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 3, opened: 3 })
  fixture.pool.evict(fixture.resources[0]?.id ?? '', 'kill')
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 3, opened: 4, dead: 1 })
})

test('max lifetime is shortened by up to 10 % so that connections do not end together', async () => {
  const randoms = [0, 0.5, 0.999]
  const fixture = new PoolFixture(
    { maxConnections: 3, maxLifetimeMs: 100_000, idleTimeoutMs: 0 },
    { random: () => randoms.shift() ?? 0 },
  )
  await warm(fixture, 3)
  await fixture.clock.advance(90_000)
  expect(fixture.snapshot.idle).toBe(3)
  await fixture.clock.advance(500)
  expect(fixture.snapshot.idle).toBe(2)
  await fixture.clock.advance(4_800)
  expect(fixture.snapshot.idle).toBe(1)
  await fixture.clock.advance(5_000)
  expect(fixture.snapshot.idle).toBe(0)
  expect(fixture.closed.map(({ reason }) => reason)).toEqual(['max-lifetime', 'max-lifetime', 'max-lifetime'])
})

test('max lifetime spares a lease and closes on return', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, maxLifetimeMs: 10_000 })
  const lease = await fixture.pool.acquire()
  await fixture.clock.advance(20_000)
  expect(lease.resource.alive).toBe(true)
  lease.release()
  await settle()
  expect(fixture.closed).toMatchObject([{ reason: 'max-lifetime' }])
})

test('max uses closes after that many leases', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, maxUses: 3 })
  const ids = []
  for (let i = 0; i < 6; i++) {
    using lease = await fixture.pool.acquire()
    ids.push(lease.connectionId)
  }
  expect(new Set(ids).size).toBe(2)
  await settle()
  expect(fixture.closed.map(({ reason }) => reason)).toEqual(['max-uses', 'max-uses'])
})

test('wall clock moved by an hour: nothing expires', async () => {
  const fixture = new PoolFixture({
    maxConnections: 2,
    idleTimeoutMs: 60_000,
    maxLifetimeMs: 600_000,
    maxLeaseMs: 60_000,
  })
  await warm(fixture, 2)
  const lease = await fixture.pool.acquire()
  for (const jump of [3_600_000, -7_200_000]) {
    fixture.clock.jumpWall(jump)
    await fixture.sweep(4)
  }
  expect(lease.resource.alive).toBe(true)
  expect(fixture.snapshot).toMatchObject({ idle: 1, leased: 1, dead: 0 })
})

test('event loop stalled for 5 s: no mass eviction, no revocation', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, idleTimeoutMs: 4_000, maxLeaseMs: 4_000, leakWarnMs: 0 })
  await warm(fixture, 4)
  const lease = await fixture.pool.acquire()
  await fixture.clock.stall(5_000)
  expect(fixture.snapshot).toMatchObject({ idle: 3, leased: 1, dead: 0, revoked: 0 })
  await fixture.clock.advance(3_500)
  expect(lease.resource.alive).toBe(true)
  await fixture.clock.advance(1_000)
  expect(fixture.snapshot).toMatchObject({ idle: 0, revoked: 1 })
})

test('event loop stalled during a ping: the answer gets its time again', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, idleTimeoutMs: 0 }, { behaviour: { ping: 'never' } })
  await warm(fixture, 1)
  await fixture.clock.advance(30_300)
  expect(fixture.resources[0]?.pings).toBe(1)
  await fixture.clock.stall(40_000)
  expect(fixture.snapshot).toMatchObject({ returning: 1, dead: 0 })
  fixture.resources[0]?.pinging?.resolve()
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 1, dead: 0 })
})

test('a connection that was idle for 30 s is asked, out of idle, and put back', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { ping: 'never' } })
  await warm(fixture, 1)
  await fixture.clock.advance(30_000)
  expect(fixture.resources[0]?.pings).toBe(0)
  await fixture.sweep()
  expect(fixture.resources[0]?.pings).toBe(1)
  expect(fixture.snapshot).toMatchObject({ idle: 0, returning: 1 })
  fixture.resources[0]?.pinging?.resolve()
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 1, returning: 0 })
  expect(fixture.pool.connections()[0]?.uses).toBe(1)
})

test('nobody is handed a connection that is being checked', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { ping: 'never' } })
  await warm(fixture, 1)
  await fixture.clock.advance(30_250)
  const waiting = fixture.pool.acquire()
  await settle()
  expect(fixture.snapshot).toMatchObject({ returning: 1, waiting: 1, opened: 1 })
  fixture.resources[0]?.pinging?.resolve()
  expect((await waiting).connectionId).toBe(fixture.resources[0]?.id)
})

test('with a slow sweep, the acquire itself has a long idle connection checked first', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, healthCheckIntervalMs: 3_600_000 })
  await warm(fixture, 1)
  await fixture.clock.advance(31_000)
  await fixture.pool.acquire()
  expect(fixture.resources[0]?.pings).toBe(1)
  expect(fixture.resources).toHaveLength(1)
})

test.each(['throws', 'error', 'never'] as const)(
  'a validator that %s ends its connection, and the loop goes on',
  async (ping) => {
    const fixture = new PoolFixture({ maxConnections: 2 }, { behaviour: { ping } })
    await warm(fixture, 1)
    await fixture.clock.advance(30_250)
    if (ping === 'never') await fixture.clock.advance(5_000)
    expect(fixture.closed).toMatchObject([{ reason: 'unhealthy' }])
    fixture.behaviour.ping = 'ok'
    await fixture.clock.advance(1_000)
    const lease = await fixture.pool.acquire()
    expect(lease.resource).toBe(fixture.resources[1])
    expect(fixture.errors).toEqual([])
    fixture.pool.assertInvariants()
  },
)

test('no await while state is held: what happened during a check decides, not what was before it', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 }, { behaviour: { ping: 'never', close: 'slow' } })
  await warm(fixture, 1)
  await fixture.clock.advance(30_250)
  const [checked] = fixture.resources
  fixture.pool.evict(checked?.id ?? '', 'kill')
  checked?.pinging?.resolve()
  await settle()
  // It was well, but it is being killed: it stays where it is, and the late answer counts as nothing.
  expect(fixture.snapshot).toMatchObject({ idle: 0, returning: 0, draining: 1, breaker: { failures: 0 } })
  await fixture.clock.advance(250)
  expect(fixture.snapshot).toMatchObject({ draining: 0, dead: 1 })
  const lease = await fixture.pool.acquire()
  expect(lease.resource).not.toBe(checked)
  fixture.pool.assertInvariants()
})

test('a throwing maintenance handler is reported, its connection closed, and the loop goes on', async () => {
  const fixture = new PoolFixture({ maxConnections: 2 })
  const { pool } = fixture
  const [bad, good] = await Promise.all([pool.acquire(), pool.acquire()])
  const badId = bad.connectionId
  Object.defineProperty(bad.resource, 'alive', {
    get() {
      throw new Error('broken getter')
    },
    set() {},
  })
  bad.release()
  good.release()
  await settle()
  expect(fixture.errors).toMatchObject([{ message: 'broken getter' }])
  expect(fixture.closed).toMatchObject([{ connectionId: badId, reason: 'unhealthy' }])
  expect(fixture.snapshot).toMatchObject({ idle: 1, dead: 1 })
  await fixture.sweep(4)
  expect((await pool.acquire()).connectionId).toBe(good.connectionId)
  pool.assertInvariants()
})

test('a sweep step that throws does not keep the others from running', async () => {
  const fixture = new PoolFixture({ maxConnections: 2, idleTimeoutMs: 1_000, leakWarnMs: 500 })
  await warm(fixture, 1)
  const lease = await fixture.pool.acquire()
  const id = lease.connectionId
  await warm(fixture, 1)
  const connection = fixture.pool.connections().find((one) => one.id === id)
  if (connection) {
    Object.defineProperty(connection, 'leasedSince', {
      get() {
        throw new Error('broken watch')
      },
    })
  }
  await fixture.clock.advance(1_500)
  expect(fixture.errors.length).toBeGreaterThan(0)
  expect(fixture.closed).toMatchObject([{ reason: 'idle-timeout' }])
})

test('changed is told once until somebody reads', async () => {
  const { pool } = new PoolFixture()
  pool.snapshot()
  let told = 0
  pool.events.on('changed', () => told++)
  const lease = await pool.acquire()
  lease.release()
  await settle()
  expect(told).toBe(1)
  pool.snapshot()
  await pool.acquire()
  expect(told).toBe(2)
})
