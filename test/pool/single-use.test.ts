import { expect, test } from 'vitest'
import { settle } from '../support/fake-clock.ts'
import { PoolFixture } from './fake-resource.ts'

test('single-shot not reused and not leaking: each request gets its own, one spare is kept warm', async () => {
  const fixture = new PoolFixture({ maxConnections: 4 })
  fixture.pool.setSingleShot(true)
  const ids = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const lease = await fixture.pool.acquire()
    ids.add(lease.connectionId)
    // The program answers and exits.
    lease.resource.down('single-use', true)
    lease.release()
    await settle()
    expect(fixture.live.length).toBeLessThanOrEqual(4)
  }
  expect(ids.size).toBe(200)
  await settle()
  expect(fixture.snapshot).toMatchObject({ singleShot: true, idle: 1, spares: 1, leased: 0, breaker: { failures: 0 } })
  expect(fixture.snapshot.opened - fixture.snapshot.dead).toBe(1)
  expect(fixture.peakLive).toBeLessThanOrEqual(4)
  fixture.pool.assertInvariants()
})

test('prespawn keeps its spares warm, gives each request its own, and refills', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, mode: 'prespawn', spares: 2 })
  await settle()
  expect(fixture.snapshot).toMatchObject({ idle: 2, spares: 2, opened: 2 })
  expect(fixture.pool.connections().every(({ spare, openReason }) => spare && openReason === 'spare')).toBe(true)
  const lease = await fixture.pool.acquire()
  expect(fixture.pool.connections().find(({ id }) => id === lease.connectionId)?.spare).toBe(false)
  await fixture.sweep()
  expect(fixture.snapshot).toMatchObject({ leased: 1, idle: 2, spares: 2 })
  lease.release()
  await settle()
  expect(fixture.closed).toMatchObject([{ connectionId: lease.connectionId, reason: 'single-use' }])
  expect(fixture.snapshot).toMatchObject({ leased: 0, idle: 2, dead: 1 })
})

test('spares hold permits: with max 1, the next starts when the last is dead', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, mode: 'prespawn', spares: 1 }, { behaviour: { close: 'slow' } })
  await settle()
  for (let i = 0; i < 5; i++) {
    const acquired = fixture.pool.acquire()
    await fixture.clock.advance(250)
    ;(await acquired).release()
    await settle()
    await fixture.clock.advance(250)
  }
  expect(fixture.peakLive).toBe(1)
  expect(fixture.snapshot).toMatchObject({ idle: 1, opened: 6 })
})

test('a crash among single-use programs throttles for as long as none has served, not for good', async () => {
  const fixture = new PoolFixture({ maxConnections: 4, mode: 'prespawn', spares: 2 })
  await settle()
  fixture.resources[0]?.down('exited', false)
  expect(fixture.snapshot.breaker.failures).toBe(1)
  const lease = await fixture.pool.acquire()
  lease.resource.down('single-use', true)
  lease.release()
  expect(fixture.snapshot.breaker.failures).toBe(0)
})

test('when single-shot is found out, what has been used is not used again', async () => {
  const fixture = new PoolFixture({ maxConnections: 2 })
  ;(await fixture.pool.acquire()).release()
  await settle()
  fixture.pool.setSingleShot(true)
  await settle()
  expect(fixture.closed).toMatchObject([{ reason: 'single-use' }])
  expect(fixture.snapshot).toMatchObject({ idle: 1, spares: 1 })
})
