import { expect, test } from 'vitest'
import { settle } from '../support/fake-clock.ts'
import { PoolFixture } from './fake-resource.ts'

test('a raised maximum serves those who wait, without a restart', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const first = await fixture.pool.acquire()
  const waiting = fixture.pool.acquire()
  await settle()
  fixture.pool.setLimits({ ...fixture.limits, maxConnections: 2 })
  expect((await waiting).connectionId).not.toBe(first.connectionId)
  expect(fixture.snapshot).toMatchObject({ max: 2, returnQueueCapacity: 4 })
})

test('a lowered maximum closes idle ones at once and leased ones as they come back', async () => {
  const fixture = new PoolFixture({ maxConnections: 4 })
  const leases = await Promise.all([1, 2, 3, 4].map(() => fixture.pool.acquire()))
  leases.pop()?.release()
  await settle()
  fixture.pool.setLimits({ ...fixture.limits, maxConnections: 1 })
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 0, leased: 3, dead: 1 })
  fixture.pool.assertInvariants()
  for (const lease of leases) lease.release()
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 1, leased: 0, dead: 3 })
  expect(fixture.closed.every(({ reason }) => reason === 'evicted')).toBe(true)
  fixture.pool.assertInvariants()
})

test('a raised minIdle is filled, a changed period and idle timeout take effect', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, healthCheckIntervalMs: 3_600_000, idleTimeoutMs: 0 })
  fixture.pool.setLimits({ ...fixture.limits, minIdle: 3 })
  await settle()
  await settle()
  expect(fixture.snapshot.idle).toBe(3)
  fixture.pool.setLimits({ ...fixture.limits, minIdle: 1, healthCheckIntervalMs: 100, idleTimeoutMs: 500 })
  await fixture.clock.advance(600)
  expect(fixture.snapshot.idle).toBe(1)
})

test('a mode that becomes prespawn starts spares and retires what was used', async () => {
  const fixture = new PoolFixture({ maxConnections: 3 })
  ;(await fixture.pool.acquire()).release()
  await settle()
  fixture.pool.setLimits({ ...fixture.limits, mode: 'prespawn', spares: 2 })
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 2, spares: 2, dead: 1 })
})
