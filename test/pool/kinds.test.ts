import { describe, expect, test } from 'vitest'
import { PermitBudget } from '../../electron/pool/budget.ts'
import { overdueMs } from '../../electron/pool/demand.ts'
import type { AcquireOptions, Lease } from '../../electron/pool/types.ts'
import { type FakeResource, PoolFixture, rejection } from './fake-resource.ts'

/** Acquires, and tells whether it was granted by now. */
function ask(fixture: PoolFixture, options: AcquireOptions) {
  const asked: { lease?: Lease<FakeResource>; failed?: { code?: string } } = {}
  fixture.pool.acquire(options).then(
    (lease) => {
      asked.lease = lease
    },
    (error: { code?: string }) => {
      asked.failed = error
    },
  )
  return asked
}

async function idleOf(fixture: PoolFixture, ...kinds: string[]): Promise<string[]> {
  const leases = await Promise.all(kinds.map((kind) => fixture.pool.acquire({ kind })))
  for (const lease of leases) {
    lease.release()
    await fixture.clock.advance(1)
  }
  return leases.map(({ connectionId }) => connectionId)
}

const kindsOf = (fixture: PoolFixture): string[] => fixture.pool.connections().map(({ kind }) => kind)

describe('connections of several kinds', () => {
  test('one serves only those that ask for its kind, and is opened as that', async () => {
    const fixture = new PoolFixture()
    const [a] = await idleOf(fixture, 'a')
    const other = await fixture.pool.acquire({ kind: 'b', prefer: a })
    expect(other.connectionId).not.toBe(a)
    expect(fixture.resources.map(({ openedAs }) => openedAs)).toEqual(['a', 'b'])
    expect((await fixture.pool.acquire({ kind: 'a' })).connectionId).toBe(a)
    await fixture.pool.close('shutdown', 0)
  })

  test('the most recently used of its kind is taken, however much others were used since', async () => {
    const fixture = new PoolFixture()
    const [, second] = await idleOf(fixture, 'a', 'a', 'b')
    expect((await fixture.pool.acquire({ kind: 'a' })).connectionId).toBe(second)
    await fixture.pool.close('shutdown', 0)
  })

  test('at the limit the least recently used idle connection of another kind makes room, a kept one last', async () => {
    const fixture = new PoolFixture({ maxConnections: 3 })
    const [kept, coldest, warm] = await idleOf(fixture, 'a', 'a', 'a')
    fixture.pool.keep(kept ?? '', true)
    await fixture.pool.acquire({ kind: 'b' })
    expect(fixture.closed).toMatchObject([{ connectionId: coldest, reason: 'evicted' }])
    await fixture.pool.acquire({ kind: 'c' })
    expect(fixture.closed[1]?.connectionId).toBe(warm)
    await fixture.pool.acquire({ kind: 'd' })
    expect(fixture.closed[2]?.connectionId).toBe(kept)
    await fixture.pool.close('shutdown', 0)
  })

  test('who asked first gets the next permit that is freed, of whatever kind it was', async () => {
    const fixture = new PoolFixture({ maxConnections: 1 })
    const lease = await fixture.pool.acquire({ kind: 'a' })
    const first = ask(fixture, { kind: 'b' })
    const second = ask(fixture, { kind: 'a' })
    lease.release()
    await fixture.settle()
    expect(first.lease).toBeDefined()
    expect(second.lease).toBeUndefined()
    first.lease?.release()
    await fixture.settle()
    expect(second.lease).toBeDefined()
    expect(fixture.peakLive).toBe(1)
    await fixture.pool.close('shutdown', 0)
  })

  test('first come, first served within a kind', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const a = await fixture.pool.acquire({ kind: 'a' })
    const b = await fixture.pool.acquire({ kind: 'b' })
    const [a1, b1, a2, b2] = ['a', 'b', 'a', 'b'].map((kind) => ask(fixture, { kind }))
    b.release()
    await fixture.settle()
    expect([a1, b1, a2, b2].map((asked) => asked?.lease?.connectionId)).toEqual([
      undefined,
      b.connectionId,
      undefined,
      undefined,
    ])
    a.release()
    b1?.lease?.release()
    await fixture.settle()
    expect(a1?.lease?.connectionId).toBe(a.connectionId)
    expect(b2?.lease?.connectionId).toBe(b.connectionId)
    expect(a2?.lease).toBeUndefined()
    await fixture.pool.close('shutdown', 0)
  })

  test('two busy kinds do not take each other’s connections for a moment’s imbalance, but no kind starves', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const a = await fixture.pool.acquire({ kind: 'a' })
    await fixture.pool.acquire({ kind: 'b' })
    const b1 = ask(fixture, { kind: 'b' })
    const a1 = ask(fixture, { kind: 'a' })
    a.release()
    await fixture.settle()
    expect(a1.lease?.connectionId).toBe(a.connectionId)
    await fixture.clock.advance(overdueMs)
    ask(fixture, { kind: 'a' })
    a1.lease?.release()
    await fixture.settle()
    expect(b1.lease).toBeDefined()
    expect(kindsOf(fixture)).toEqual(['b', 'b'])
    await fixture.pool.close('shutdown', 0)
  })

  test('nothing makes room for a kind that cannot be opened now', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const lease = await fixture.pool.acquire({ kind: 'a' })
    fixture.behaviour.open = 'error'
    const b = ask(fixture, { kind: 'b' })
    await fixture.settle()
    await idleOf(fixture)
    const a = ask(fixture, { kind: 'a' })
    lease.release()
    await fixture.settle()
    expect(a.lease?.connectionId).toBe(lease.connectionId)
    expect(b.lease).toBeUndefined()
    await fixture.pool.close('shutdown', 0)
  })

  test('a pool that shares its permits with others gives up its own coldest connection for another kind', async () => {
    const budget = new PermitBudget(1)
    const fixture = new PoolFixture({}, { budget })
    await idleOf(fixture, 'a')
    expect((await fixture.pool.acquire({ kind: 'b' })).resource.openedAs).toBe('b')
    expect(fixture.peakLive).toBe(1)
    await fixture.pool.close('shutdown', 0)
  })

  test('what is kept ready is of the kind that was asked for last, a session’s own apart', async () => {
    const fixture = new PoolFixture({ minIdle: 1 })
    await fixture.settle()
    expect(kindsOf(fixture)).toEqual([''])
    await fixture.pool.acquire({ kind: 'a' })
    await fixture.pool.acquire({ kind: 'session 1', hold: true })
    fixture.pool.drain()
    await fixture.pool.acquire({ kind: 'a' })
    await fixture.settle()
    expect(fixture.resources.at(-1)?.openedAs).toBe('a')
    await fixture.pool.close('shutdown', 0)
  })

  test('one that turns out to be of another kind serves that, but first who it was opened for', async () => {
    const fixture = new PoolFixture({ minIdle: 1 })
    fixture.becomes = 'a'
    await fixture.settle()
    expect(kindsOf(fixture)).toEqual(['a'])
    const held = await fixture.pool.acquire({ kind: 'a' })
    const lease = await fixture.pool.acquire({ kind: 'b' })
    expect(lease.resource.openedAs).toBe('b')
    fixture.pool.assign(lease.connectionId, 'a')
    lease.release()
    expect((await fixture.pool.acquire({ kind: 'a' })).connectionId).toBe(lease.connectionId)
    held.release()
    fixture.pool.assertInvariants()
    await fixture.pool.close('shutdown', 0)
  })
})

describe('one certain connection', () => {
  test('is waited for, before all others, although another one is idle', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const lease = await fixture.pool.acquire({})
    const other = await fixture.pool.acquire({})
    const plain = ask(fixture, {})
    const bound = ask(fixture, { only: lease.connectionId })
    lease.release()
    await fixture.settle()
    expect(bound.lease?.connectionId).toBe(lease.connectionId)
    expect(plain.lease).toBeUndefined()
    other.release()
    await fixture.settle()
    expect(plain.lease?.connectionId).toBe(other.connectionId)
    plain.lease?.release()
    const again = ask(fixture, { only: lease.connectionId })
    await fixture.settle()
    expect(again.lease).toBeUndefined()
    expect(fixture.resources).toHaveLength(2)
    await fixture.pool.close('shutdown', 0)
  })

  test('is taken at once when it is idle, whatever its kind', async () => {
    const fixture = new PoolFixture()
    const [a] = await idleOf(fixture, 'a', 'b')
    expect((await fixture.pool.acquire({ only: a })).connectionId).toBe(a)
    await fixture.pool.close('shutdown', 0)
  })

  test('that ends, or is not there, is lost for who waits for it, and nobody else', async () => {
    const fixture = new PoolFixture({ maxConnections: 1 })
    expect(await rejection(fixture.pool.acquire({ only: 'gone' }))).toMatchObject({ code: 'CONNECTION_LOST' })
    const lease = await fixture.pool.acquire({})
    const bound = ask(fixture, { only: lease.connectionId })
    const plain = ask(fixture, {})
    lease.resource.down()
    await fixture.clock.advance(1_000)
    expect(bound.failed?.code).toBe('CONNECTION_LOST')
    expect(plain.lease).toBeDefined()
    const { acquires, granted, rejected } = fixture.snapshot
    expect({ acquires, granted, rejected }).toEqual({ acquires: 4, granted: 2, rejected: 2 })
    await fixture.pool.close('shutdown', 0)
  })

  test('opens nothing and makes nobody give way', async () => {
    const fixture = new PoolFixture({ maxConnections: 2 })
    const lease = await fixture.pool.acquire({ kind: 'a' })
    await idleOf(fixture, 'b')
    ask(fixture, { only: lease.connectionId })
    await fixture.sweep()
    expect(fixture.closed).toEqual([])
    expect(fixture.resources).toHaveLength(2)
    await fixture.pool.close('shutdown', 0)
  })
})

describe('holding and keeping', () => {
  test('a lease that may be held is neither warned about nor revoked', async () => {
    const fixture = new PoolFixture({ leakWarnMs: 1_000, maxLeaseMs: 2_000 })
    const leaks: unknown[] = []
    fixture.pool.events.on('lease.leak', (leak) => leaks.push(leak))
    const held = await fixture.pool.acquire({ hold: true })
    await fixture.clock.advance(10_000)
    expect(held.revoked.aborted).toBe(false)
    expect(leaks).toEqual([])
    held.release()
    const next = await fixture.pool.acquire()
    expect(next.connectionId).toBe(held.connectionId)
    await fixture.clock.advance(10_000)
    expect(next.revoked.aborted).toBe(true)
    await fixture.pool.close('shutdown', 0)
  })

  test('a kept connection outlives the idle timeout, until it is kept no more', async () => {
    const fixture = new PoolFixture({ idleTimeoutMs: 5_000 })
    const [id] = await idleOf(fixture, '')
    fixture.pool.keep(id ?? '', true)
    await fixture.clock.advance(20_000)
    expect(fixture.snapshot.idle).toBe(1)
    fixture.pool.keep(id ?? '', false)
    await fixture.sweep()
    expect(fixture.closed).toMatchObject([{ connectionId: id, reason: 'idle-timeout' }])
    await fixture.pool.close('shutdown', 0)
  })
})
