import { expect, test } from 'vitest'
import { settle } from '../support/fake-clock.ts'
import { PoolFixture } from './fake-resource.ts'

test('a second release returns false and leaves the new holder untouched', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  const first = await pool.acquire()
  expect(first.release()).toBe(true)
  const second = await pool.acquire()
  expect(second.connectionId).toBe(first.connectionId)
  expect(second.generation).not.toBe(first.generation)
  expect(first.release()).toBe(false)
  await settle()
  expect(pool.snapshot()).toMatchObject({ leased: 1, idle: 0 })
  const third = pool.acquire()
  await settle()
  expect(pool.snapshot().waiting).toBe(1)
  expect(second.release()).toBe(true)
  expect((await third).connectionId).toBe(first.connectionId)
})

test('a stale send fails with LEASE_EXPIRED', async () => {
  const { pool } = new PoolFixture()
  const lease = await pool.acquire()
  lease.release()
  expect(() => lease.resource).toThrow(expect.objectContaining({ code: 'LEASE_EXPIRED' }))
})

test('using and await using release', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  {
    using lease = await pool.acquire()
    expect(lease.resource.alive).toBe(true)
  }
  {
    await using lease = await pool.acquire()
    expect(lease.resource.alive).toBe(true)
  }
  await settle()
  expect(pool.snapshot()).toMatchObject({ idle: 1, leased: 0, granted: 2 })
})

test('a lease tells whether its connection was opened for it and how long it waited', async () => {
  const { pool, clock } = new PoolFixture({ maxConnections: 1 }, { behaviour: { open: 'slow' } })
  const opening = pool.acquire()
  await clock.advance(100)
  const opened = await opening
  expect(opened).toMatchObject({ opened: true, waitedMs: 100 })
  const queued = pool.acquire()
  await clock.advance(40)
  opened.release()
  expect(await queued).toMatchObject({ opened: false, waitedMs: 40 })
  ;(await queued).release()
  expect(await pool.acquire()).toMatchObject({ opened: false, waitedMs: 0 })
})

test('a long lease is warned about once, with the place of its acquire, then revoked', async () => {
  const fixture = new PoolFixture({ maxConnections: 1, leakWarnMs: 60_000, maxLeaseMs: 900_000 })
  const { pool, clock } = fixture
  const warnings: { heldMs: number; stack: string | null }[] = []
  const revocations: number[] = []
  pool.events.on('lease.leak', (event) => warnings.push(event))
  pool.events.on('lease.revoked', ({ heldMs }) => revocations.push(heldMs))
  const lease = await pool.acquire()
  const { revoked, resource } = lease
  await clock.advance(59_000)
  expect(warnings).toEqual([])
  await clock.advance(2_000)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]?.stack).toContain('leases.test.ts')
  expect(pool.connections()[0]?.leakWarned).toBe(true)
  await clock.advance(800_000)
  expect(warnings).toHaveLength(1)
  expect(revoked.aborted).toBe(false)
  await clock.advance(60_000)
  expect(revocations).toEqual([900_000])
  expect(revoked.aborted).toBe(true)
  expect(revoked.reason).toMatchObject({ code: 'LEASE_EXPIRED' })
  expect(() => lease.resource).toThrow(expect.objectContaining({ code: 'LEASE_EXPIRED' }))
  expect(lease.release()).toBe(false)
  expect(resource.manners).toEqual(['abrupt'])
  expect(fixture.closed).toMatchObject([{ reason: 'lease-revoked' }])
  expect(pool.snapshot()).toMatchObject({ revoked: 1, leased: 0, dead: 1 })
  expect((await pool.acquire()).connectionId).not.toBe(lease.connectionId)
})

test('the stack is sampled, and always there after a leak without one', async () => {
  const { pool, clock } = new PoolFixture({ maxConnections: 1, leakWarnMs: 1_000 })
  const stacks: (string | null)[] = []
  pool.events.on('lease.leak', ({ stack }) => stacks.push(stack))
  for (let i = 0; i < 3; i++) {
    const lease = await pool.acquire()
    if (i > 0) await clock.advance(1_500)
    lease.release()
  }
  expect(stacks[0]).toBeNull()
  expect(stacks[1]).toContain('leases.test.ts')
})

test('a lease that was dropped and collected is reclaimed and counted', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const { pool } = fixture
  const reclaimed: string[] = []
  pool.events.on('lease.reclaimed', ({ connectionId }) => reclaimed.push(connectionId))
  const forget = async (): Promise<string> => (await pool.acquire()).connectionId
  const id = await forget()
  const waiting = pool.acquire()
  // The first sweep leaves the lease to its holder alone.
  await fixture.sweep()
  expect(globalThis.gc, 'run with --expose-gc').toBeTypeOf('function')
  await expect
    .poll(async () => {
      globalThis.gc?.()
      await settle()
      return reclaimed
    })
    .toEqual([id])
  expect((await waiting).connectionId).not.toBe(id)
  expect(pool.snapshot()).toMatchObject({ leaked: 1, leased: 1, dead: 1, waiting: 0 })
})

test('a released lease is never reclaimed', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const { pool } = fixture
  const use = async (): Promise<void> => {
    const lease = await pool.acquire()
    await fixture.sweep()
    lease.release()
  }
  await use()
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.()
    await settle()
  }
  expect(pool.snapshot()).toMatchObject({ leaked: 0, idle: 1, dead: 0 })
})

test('a holder whose connection went down can still release it, once', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  const lease = await pool.acquire()
  lease.resource.down()
  await settle()
  expect(pool.snapshot()).toMatchObject({ leased: 0, dead: 1 })
  expect(lease.release()).toBe(true)
  expect(lease.release()).toBe(false)
  expect(pool.snapshot()).toMatchObject({ leased: 0, idle: 0, returning: 0 })
  pool.assertInvariants()
})

test('a kill aborts the revoked signal of the lease at once', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  const lease = await pool.acquire()
  const { revoked, resource } = lease
  expect(pool.evict(lease.connectionId, 'kill')).toBe(true)
  expect(revoked.aborted).toBe(true)
  expect(lease.revoked.aborted).toBe(true)
  expect(resource.manners).toEqual(['kill'])
  expect(pool.evict('unknown', 'kill')).toBe(false)
})

test('a discarded connection is not used again and its reason is told', async () => {
  const fixture = new PoolFixture({ maxConnections: 1 })
  const lease = await fixture.pool.acquire()
  lease.release({ reason: 'unhealthy' })
  const next = await fixture.pool.acquire()
  expect(next.connectionId).not.toBe(lease.connectionId)
  expect(fixture.closed).toMatchObject([{ connectionId: lease.connectionId, reason: 'unhealthy' }])
  expect(fixture.resources[0]?.manners).toEqual(['abrupt'])
})
