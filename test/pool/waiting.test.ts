import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { AppError } from '../../shared/errors.ts'
import { settle } from '../support/fake-clock.ts'
import { PoolFixture, rejection } from './fake-resource.ts'

test('FIFO: who asked first is served first, and an arrival never overtakes', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  const holder = await pool.acquire()
  const order: number[] = []
  const use = async (n: number): Promise<void> => {
    using _lease = await pool.acquire()
    order.push(n)
  }
  const uses = [1, 2, 3].map(use)
  holder.release()
  uses.push(use(4))
  await Promise.all(uses)
  expect(order).toEqual([1, 2, 3, 4])
})

test('idle connections are taken most recently used first, the preferred one before that', async () => {
  const { pool, clock } = new PoolFixture({ maxConnections: 3 })
  const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
  for (const lease of leases) {
    lease.release()
    await clock.advance(10)
  }
  const [oldest, middle, newest] = leases.map(({ connectionId }) => connectionId)
  const first = await pool.acquire()
  expect(first.connectionId).toBe(newest)
  first.release()
  await settle()
  expect((await pool.acquire({ prefer: oldest })).connectionId).toBe(oldest)
  expect((await pool.acquire({ prefer: oldest })).connectionId).toBe(newest)
  expect((await pool.acquire()).connectionId).toBe(middle)
})

test('queue full: the next acquire is rejected at once with QUEUE_FULL and the counts', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1, maxWaiting: 2 })
  await pool.acquire()
  const waiting = [pool.acquire(), pool.acquire()]
  const error = await rejection(pool.acquire())
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: 'QUEUE_FULL', data: { pool: { total: 1, active: 1, waiting: 2, max: 1 } } })
  expect(pool.snapshot()).toMatchObject({ waiting: 2, rejected: 1 })
  pool.destroy(new Error('end'))
  await Promise.allSettled(waiting)
})

test('a waiter times out after acquireTimeoutMs with counts and the last failure', async () => {
  const { pool, clock } = new PoolFixture(
    { maxConnections: 2, acquireTimeoutMs: 30_000 },
    { behaviour: { open: 'never' } },
  )
  const failing = rejection(pool.acquire())
  await clock.advance(29_999)
  expect(pool.snapshot().waiting).toBe(1)
  await clock.advance(1)
  const error = await failing
  expect(error.code).toBe('ACQUIRE_TIMEOUT')
  expect(error.message).toMatch(/within 30000 ms \(total 1, active 0, idle 0, waiting 0, max 2\)/)
  expect(pool.snapshot()).toMatchObject({ acquires: 1, timedOut: 1, waiting: 0 })
})

test('the deadline holds over queue, spawn and request: the sooner of it and the timeout counts', async () => {
  const { pool, clock } = new PoolFixture({ acquireTimeoutMs: 1_000 }, { behaviour: { open: 'never' } })
  const soon = rejection(pool.acquire({ deadline: clock.now() + 300 }))
  const late = rejection(pool.acquire({ deadline: clock.now() + 5_000 }))
  await clock.advance(300)
  expect(pool.snapshot().waiting).toBe(1)
  expect((await soon).code).toBe('DEADLINE_EXCEEDED')
  await clock.advance(700)
  expect((await late).code).toBe('ACQUIRE_TIMEOUT')
  expect((await rejection(pool.acquire({ deadline: clock.now() }))).code).toBe('DEADLINE_EXCEEDED')
  expect(pool.snapshot()).toMatchObject({ acquires: 3, timedOut: 3 })
})

test('a hundred waiters cost one timer', async () => {
  const { pool, clock } = new PoolFixture({ maxConnections: 1 })
  const holder = await pool.acquire()
  await settle()
  const before = clock.pending
  const waiting = Array.from({ length: 100 }, () => pool.acquire())
  expect(clock.pending - before).toBeLessThanOrEqual(1)
  pool.destroy(new Error('end'))
  holder.release()
  await Promise.allSettled(waiting)
})

test.each([
  { first: 'release', granted: 2, timedOut: 0 },
  { first: 'timeout', granted: 1, timedOut: 1 },
])('release in the same tick as a timeout, $first first: settled once, nothing lost', async ({ first, ...counts }) => {
  const { pool, clock } = new PoolFixture({ maxConnections: 1, acquireTimeoutMs: 1_000 })
  let release = (): void => {}
  const later = (): void => void clock.after(1_000, () => release())
  // Timers of the same moment fire in the order in which they were armed; the pool arms its own with the first acquire.
  if (first === 'release') later()
  const holder = await pool.acquire()
  release = () => holder.release()
  let settlements = 0
  const waiting = pool
    .acquire()
    .catch(() => {})
    .finally(() => settlements++)
  if (first === 'timeout') later()
  clock.advanceSync(1_000)
  const lease = await waiting
  await settle()
  expect(lease?.connectionId).toBe(first === 'release' ? holder.connectionId : undefined)
  expect(settlements).toBe(1)
  expect(pool.snapshot()).toMatchObject({ ...counts, leased: counts.granted - 1, idle: counts.timedOut, waiting: 0 })
  pool.assertInvariants()
})

test('an abort takes a waiter out of the middle; its listener is gone once it is granted', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  const holder = await pool.acquire()
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
  const waiting = [first, second, third].map(({ signal }) => pool.acquire({ signal }))
  const aborted = rejection(waiting[1] as Promise<unknown>)
  second.abort(new Error('the caller left'))
  const error = await aborted
  expect(error).toMatchObject({ code: 'ABORTED', cause: { message: 'the caller left' } })
  holder.release()
  const granted = await waiting[0]
  expect([first, second].map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([0, 0])
  expect(getEventListeners(third.signal, 'abort')).toHaveLength(1)
  first.abort()
  expect(granted?.resource.alive).toBe(true)
  granted?.release()
  expect((await waiting[2])?.connectionId).toBe(holder.connectionId)
  expect(pool.snapshot()).toMatchObject({ acquires: 4, granted: 3, aborted: 1 })
})

test('an acquire whose signal is aborted already takes nothing', async () => {
  const { pool, resources } = new PoolFixture()
  expect((await rejection(pool.acquire({ signal: AbortSignal.abort() }))).code).toBe('ABORTED')
  expect(resources).toHaveLength(0)
})

test('suspended: waiters and arrivals get POOL_SUSPENDED, leases go on, resume grants again', async () => {
  const { pool } = new PoolFixture({ maxConnections: 1 })
  const lease = await pool.acquire()
  const waiting = rejection(pool.acquire())
  pool.suspend()
  expect((await waiting).code).toBe('POOL_SUSPENDED')
  expect((await rejection(pool.acquire())).code).toBe('POOL_SUSPENDED')
  expect(lease.resource.alive).toBe(true)
  lease.release()
  await settle()
  expect(pool.snapshot()).toMatchObject({ state: 'suspended', idle: 1 })
  pool.resume()
  expect((await pool.acquire()).connectionId).toBe(lease.connectionId)
})

test('a pool that stands down refuses who waits and keeps nothing ready, until somebody asks again', async () => {
  const { pool, clock, resources } = new PoolFixture(
    { maxConnections: 2, minIdle: 1 },
    { behaviour: { open: 'never' } },
  )
  const waiting = pool.acquire()
  await settle()
  const opened = resources.length
  const why = new AppError('UPSTREAM_UNAUTHORIZED', 'sign in first')
  pool.standDown(() => why)
  await expect(waiting).rejects.toBe(why)
  for (const resource of resources) resource.down('protocol-error', true)
  await clock.advance(60_000)
  expect(resources).toHaveLength(opened)
  expect(pool.snapshot()).toMatchObject({ waiting: 0, spawning: 0, breaker: { state: 'closed', failures: 0 } })
  void pool.acquire().catch(() => {})
  await settle()
  expect(resources.length).toBeGreaterThan(opened)
  await pool.close('shutdown', 0)
})

test('what a person had opened, and what can not be opened for now, is not opened again by itself', async () => {
  const { pool, clock, resources } = new PoolFixture({ maxConnections: 2 }, { behaviour: { open: 'never' } })
  const closings: unknown[] = []
  pool.events.on('connection.closing', ({ error }) => closings.push(error?.message))
  pool.spawn()
  await settle()
  pool.standDown(() => new AppError('UPSTREAM_UNAUTHORIZED', 'sign in first'))
  resources[0]?.down('unhealthy', true, true)
  await clock.advance(60_000)
  expect(resources).toHaveLength(1)
  expect(closings).toEqual([expect.stringContaining('unhealthy')])
  pool.retry()
  await settle()
  expect(resources).toHaveLength(2)
  await pool.close('shutdown', 0)
})

test('counters stable: after mixed outcomes every acquire is in exactly one counter', async () => {
  const { pool, clock } = new PoolFixture({ maxConnections: 2, maxWaiting: 3, acquireTimeoutMs: 500 })
  const abort = new AbortController()
  const outcomes = Promise.allSettled(
    Array.from({ length: 8 }, (_, n) => pool.acquire(n === 3 ? { signal: abort.signal } : undefined)),
  )
  await settle()
  abort.abort()
  await clock.advance(600)
  const settled = await outcomes
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(pool.snapshot()).toMatchObject({ acquires: 8, granted: 2, rejected: 5, aborted: 0, timedOut: 1, waiting: 0 })
  pool.assertInvariants()
})
