import { expect, test } from 'vitest'
import { settle } from '../support/fake-clock.ts'
import { type Behaviour, type Gate, PoolFixture } from './fake-resource.ts'

/**
 * The gate matrix: every outcome of every step, with an abort at every point where an acquire awaits. Whatever
 * happened, the counts are restored: nothing waits, nothing is leased, the pool serves, and closing leaves nothing.
 */
const gates: Gate[] = ['ok', 'error', 'slow', 'never']
/** Turns of the event loop, or milliseconds, after which the caller gives up; Infinity: never. */
const aborts = [0, 1, 2, 50, 100, 150, 5_000, Number.POSITIVE_INFINITY]

const cases = gates.flatMap((open) => gates.flatMap((ping) => gates.map((close) => ({ open, ping, close }))))

test.each(cases)(
  'open $open, ping $ping, close $close: aborted anywhere, the counts are restored',
  async (behaviour) => {
    for (const abortAfter of aborts) await once(behaviour, abortAfter)
  },
)

async function once(behaviour: Behaviour, abortAfter: number): Promise<void> {
  const fixture = new PoolFixture({ maxConnections: 2, acquireTimeoutMs: 4_000 }, { behaviour })
  const { pool, clock } = fixture
  const abort = new AbortController()
  const acquires = [1, 2, 3].map((n) =>
    pool.acquire(n === 2 ? { signal: abort.signal } : undefined).then(
      async (lease) => {
        await clockTimer(fixture, 30)
        lease.release(n === 1 ? { reason: 'unhealthy' } : undefined)
      },
      () => {},
    ),
  )
  if (abortAfter < 10) for (let i = 0; i < abortAfter; i++) await Promise.resolve()
  else if (abortAfter < 10_000) await clock.advance(abortAfter)
  if (abortAfter !== Number.POSITIVE_INFINITY) abort.abort()
  // A resource that never settles is the business of its own connect timeout: here a person ends it.
  await clock.advance(4_000)
  for (const { id, state } of pool.connections()) if (state === 'handshaking') pool.evict(id, 'kill')
  // Long enough for a ping of what is idle, and for a close that hangs to end in quarantine.
  await clock.advance(90_000)
  await Promise.all(acquires)
  expect(pool.snapshot()).toMatchObject({ waiting: 0, leased: 0, returnQueueDepth: 0, returning: 0, acquires: 3 })
  pool.assertInvariants()

  fixture.behaviour = { open: 'ok', ping: 'ok', close: 'ok' }
  pool.resetBreaker()
  const acquired = pool.acquire()
  await clock.advance(500)
  const lease = await acquired
  expect(lease.resource.alive).toBe(true)
  lease.release()
  await settle()
  const closed = pool.close('shutdown')
  await clock.advance(12_000)
  await closed
  await clock.advance(10_000)
  expect(clock.pending).toBe(0)
  expect(pool.snapshot()).toMatchObject({ state: 'closed', idle: 0, draining: 0, spawning: 0 })
  pool.assertInvariants()
}

const clockTimer = ({ clock }: PoolFixture, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))
