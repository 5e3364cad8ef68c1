import { expect, test } from 'vitest'
import { PermitBudget } from '../../electron/pool/budget.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'
import { PoolFixture } from './fake-resource.ts'

function pools(
  max: number,
  count: number,
  limits = {},
): { budget: PermitBudget; clock: FakeClock; fixtures: PoolFixture[] } {
  const budget = new PermitBudget(max)
  const clock = new FakeClock()
  const fixtures = Array.from(
    { length: count },
    (_, n) => new PoolFixture({ maxConnections: 8, ...limits }, { budget, clock, name: `pool-${n}` }),
  )
  return { budget, clock, fixtures }
}

const live = (fixtures: PoolFixture[]): number => fixtures.reduce((sum, fixture) => sum + fixture.live.length, 0)

test('all pools together never exceed the budget', async () => {
  const { budget, clock, fixtures } = pools(5, 4)
  const uses = fixtures.flatMap((fixture) =>
    Array.from({ length: 10 }, async () => {
      const lease = await fixture.pool.acquire()
      expect(live(fixtures)).toBeLessThanOrEqual(5)
      await new Promise<void>((resolve) => void clock.after(20, resolve))
      lease.release()
    }),
  )
  await clock.advance(2_000)
  await Promise.all(uses)
  expect(budget.used).toBeLessThanOrEqual(5)
  for (const fixture of fixtures) expect(fixture.snapshot).toMatchObject({ granted: 10, waiting: 0 })
})

test('an idle connection of another pool is evicted to make room, the longest idle first', async () => {
  const { clock, fixtures } = pools(2, 3)
  const [a, b, c] = fixtures as [PoolFixture, PoolFixture, PoolFixture]
  ;(await a.pool.acquire()).release()
  await clock.advance(100)
  ;(await b.pool.acquire()).release()
  await clock.advance(100)
  await c.pool.acquire()
  expect(a.closed).toMatchObject([{ reason: 'evicted' }])
  expect(b.closed).toEqual([])
  expect(live(fixtures)).toBe(2)
})

test('a pool without a connection does not starve behind a busy one', async () => {
  const { clock, fixtures } = pools(1, 2)
  const [busy, quiet] = fixtures as [PoolFixture, PoolFixture]
  let stop = false
  const loops = [1, 2, 3].map(async () => {
    while (!stop) {
      const lease = await busy.pool.acquire()
      await new Promise<void>((resolve) => void clock.after(10, resolve))
      lease.release()
    }
  })
  await clock.advance(500)
  const waiting = quiet.pool.acquire()
  await clock.advance(1_000)
  const lease = await waiting
  expect(lease.waitedMs).toBeLessThan(500)
  lease.release()
  stop = true
  await clock.advance(1_000)
  await Promise.all(loops)
})

test('shares even out: a pool that holds more gives up a connection that comes back', async () => {
  const { clock, fixtures } = pools(4, 2)
  const [first, second] = fixtures as [PoolFixture, PoolFixture]
  let stop = false
  const run = (fixture: PoolFixture): Promise<void>[] =>
    [1, 2, 3, 4, 5, 6].map(async () => {
      while (!stop) {
        const lease = await fixture.pool.acquire()
        await new Promise<void>((resolve) => void clock.after(10, resolve))
        lease.release()
      }
    })
  const loops = run(first)
  await clock.advance(200)
  expect(first.live).toHaveLength(4)
  loops.push(...run(second))
  await clock.advance(500)
  expect(first.live).toHaveLength(2)
  expect(second.live).toHaveLength(2)
  stop = true
  await clock.advance(1_000)
  await Promise.all(loops)
})

test('a pool that is suspended leaves the line: nobody makes room for it', async () => {
  const { budget, fixtures } = pools(1, 2)
  const [a, b] = fixtures as [PoolFixture, PoolFixture]
  const held = await a.pool.acquire()
  const refused = b.pool.acquire().catch(() => 'refused')
  await settle()
  expect(budget.waiting).toBe(1)
  b.pool.suspend()
  expect(await refused).toBe('refused')
  expect(budget.waiting).toBe(0)
  held.release()
  await settle()
  expect(a.snapshot).toMatchObject({ idle: 1, opened: 1 })
})

test('who waits no longer leaves the line, and a permit that is not needed goes to the next', async () => {
  const { budget, clock, fixtures } = pools(1, 3)
  const [a, b, c] = fixtures as [PoolFixture, PoolFixture, PoolFixture]
  const held = await a.pool.acquire()
  const abort = new AbortController()
  const given = b.pool.acquire({ signal: abort.signal }).catch(() => 'aborted')
  const next = c.pool.acquire()
  await settle()
  expect(budget.waiting).toBe(2)
  abort.abort()
  expect(await given).toBe('aborted')
  expect(budget.waiting).toBe(1)
  held.release()
  await clock.advance(100)
  expect((await next).resource.alive).toBe(true)
})

test('minIdle takes a permit only when nobody stands in line', async () => {
  const { clock, fixtures } = pools(2, 2)
  const [a, b] = fixtures as [PoolFixture, PoolFixture]
  await Promise.all([a.pool.acquire(), a.pool.acquire()])
  b.pool.setLimits({ ...b.limits, minIdle: 2 })
  await clock.advance(1_000)
  expect(b.resources).toHaveLength(0)
  a.pool.drain()
  expect(b.resources).toHaveLength(0)
})

test('closing gives every permit back', async () => {
  const { budget, clock, fixtures } = pools(3, 2)
  const [a, b] = fixtures as [PoolFixture, PoolFixture]
  await Promise.all([a.pool.acquire(), a.pool.acquire(), a.pool.acquire()])
  const waiting = b.pool.acquire()
  a.pool.destroy(new Error('end'))
  expect((await waiting).resource.alive).toBe(true)
  const closed = b.pool.close('shutdown')
  await clock.advance(11_000)
  await closed
  expect(budget.used).toBe(0)
  expect(budget.waiting).toBe(0)
})

test('a raised budget is used at once', async () => {
  const { budget, fixtures } = pools(1, 2)
  const [a, b] = fixtures as [PoolFixture, PoolFixture]
  await a.pool.acquire()
  const waiting = b.pool.acquire()
  await settle()
  expect(b.resources).toHaveLength(0)
  budget.setMax(2)
  expect((await waiting).resource.alive).toBe(true)
})
