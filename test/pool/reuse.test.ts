import { expect, test } from 'vitest'
import { PoolFixture } from './fake-resource.ts'

test('reuse: 100,000 requests through one connection open exactly one, end with it idle, and count exactly', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  for (let i = 0; i < 100_000; i++) {
    const lease = await fixture.pool.acquire()
    lease.release()
  }
  await fixture.settle()
  expect(fixture.resources).toHaveLength(1)
  expect(fixture.snapshot).toMatchObject({
    idle: 1,
    leased: 0,
    returning: 0,
    waiting: 0,
    returnQueueDepth: 0,
    acquires: 100_000,
    granted: 100_000,
    timedOut: 0,
    opened: 1,
    dead: 0,
  })
  fixture.pool.assertInvariants()
  await fixture.pool.close('shutdown')
})

test('reuse: sequential requests use one connection of four', async () => {
  const fixture = new PoolFixture({ maxConnections: 4 })
  const ids = new Set<string>()
  for (let i = 0; i < 50; i++) {
    using lease = await fixture.pool.acquire()
    ids.add(lease.connectionId)
  }
  expect(ids.size).toBe(1)
  expect(fixture.resources).toHaveLength(1)
  await fixture.pool.close('shutdown')
})
