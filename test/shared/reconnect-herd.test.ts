import { describe, expect, test } from 'vitest'
import { type Attempt, ReconnectLoop, type StreamEnd, streamReconnect } from '../../shared/reconnect.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'
import { mulberry32 } from '../support/random.ts'
import { fullestTenth } from './slices.ts'

const loops = 100
const seeds = Array.from({ length: 20 }, (_, index) => index * 7_919 + 1)

/** A server that takes streams, drops them all, is away for a while, and is back. */
class FakeServer {
  readonly #clock: FakeClock
  readonly #retryMs: number | undefined
  readonly #open = new Map<number, (end: StreamEnd) => void>()
  #isUp = true
  /** When each attempt came since the last {@link drop}, by loop. */
  attempts: { loop: number; at: number }[] = []

  constructor(clock: FakeClock, retryMs: number | undefined) {
    this.#clock = clock
    this.#retryMs = retryMs
  }

  get streams(): number {
    return this.#open.size
  }

  take(loop: number, attempt: Attempt): Promise<StreamEnd> {
    this.attempts.push({ loop, at: this.#clock.now() })
    if (!this.#isUp) return Promise.resolve({ kind: 'lost', reason: 'ECONNREFUSED' })
    expect(this.#open.has(loop), 'a stream is there twice').toBe(false)
    attempt.opened()
    if (this.#retryMs !== undefined) attempt.retry(this.#retryMs)
    attempt.message(`${loop}-0`)
    const { promise, resolve } = Promise.withResolvers<StreamEnd>()
    this.#open.set(loop, resolve)
    return promise
  }

  drop(): void {
    this.attempts = []
    this.#isUp = false
    for (const end of this.#open.values()) end({ kind: 'lost', reason: 'ECONNRESET' })
    this.#open.clear()
  }

  return(): void {
    this.#isUp = true
  }
}

interface Outage {
  lostAt: number
  backAt: number
  attempts: { loop: number; at: number }[]
  /** When each loop was subscribed again. */
  recovered: number[]
}

async function outage(randomOf: (loop: number) => () => number, retryMs: number | undefined, awayMs: number) {
  const clock = new FakeClock()
  const server = new FakeServer(clock, retryMs)
  const all = Array.from(
    { length: loops },
    (_, loop) =>
      new ReconnectLoop({ scheduler: clock, random: randomOf(loop), run: (attempt) => server.take(loop, attempt) }),
  )
  for (const loop of all) loop.start()
  expect(server.streams).toBe(loops)
  const lostAt = clock.now()
  server.drop()
  await settle()
  await clock.advance(awayMs)
  server.return()
  const backAt = clock.now()
  await clock.advance(Math.max(streamReconnect.capMs, (retryMs ?? 0) * 1.5))
  expect(server.streams).toBe(loops)
  for (const loop of all) expect(loop.view).toMatchObject({ state: 'open', attempts: 0, reconnects: 1 })
  expect(clock.pending).toBe(0)
  const result: Outage = {
    lostAt,
    backAt,
    attempts: server.attempts,
    recovered: server.attempts.filter(({ at }) => at >= backAt).map(({ at }) => at),
  }
  for (const loop of all) loop.stop()
  return result
}

const ofSeed = (seed: number) => {
  const random = mulberry32(seed)
  return () => random
}
const firsts = ({ attempts }: Outage) => {
  const first = new Map<number, number>()
  for (const { loop, at } of attempts) if (!first.has(loop)) first.set(loop, at)
  return [...first.values()]
}

describe.each([
  ['no wish of the server', undefined, streamReconnect.floorMs ?? 0, streamReconnect.baseMs],
  ['the same retry of a second for all', 1_000, 1_000, 1_500],
  ['the same retry of a minute for all', 60_000, 60_000, 90_000],
])('100 streams that lose the same server at once, with %s', (_, retryMs, fromMs, toMs) => {
  test.each([0, 10_000])('come back staggered when it is away for %i ms, each once', async (awayMs) => {
    for (const seed of seeds) {
      const result = await outage(ofSeed(seed), retryMs, awayMs)
      const first = firsts(result)
      expect(first).toHaveLength(loops)
      expect(Math.min(...first)).toBeGreaterThanOrEqual(result.lostAt + fromMs)
      expect(Math.max(...first)).toBeLessThanOrEqual(result.lostAt + toMs)
      expect(fullestTenth(first, result.lostAt + fromMs, result.lostAt + toMs)).toBeLessThanOrEqual(0.25)
      expect(result.recovered).toHaveLength(loops)
    }
  })
})

test('an outage of minutes ends without a peak, and has not cost many attempts', async () => {
  for (const seed of seeds) {
    const { attempts, recovered, backAt } = await outage(ofSeed(seed), undefined, 180_000)
    expect(recovered).toHaveLength(loops)
    expect(fullestTenth(recovered, backAt, backAt + streamReconnect.capMs)).toBeLessThanOrEqual(0.35)
    const perLoop = attempts.length / loops
    expect(perLoop).toBeGreaterThan(10)
    expect(perLoop).toBeLessThan(30)
    // From half a minute on the server sees no tenth of a second with more than a few of them.
    const late = attempts.filter(({ at }) => at > backAt - 120_000 && at < backAt).map(({ at }) => Math.floor(at / 100))
    const busiest = Math.max(...[...Map.groupBy(late, (slice) => slice).values()].map(({ length }) => length))
    expect(busiest).toBeLessThanOrEqual(10)
  }
})

test('the measure sees a herd where there is one', async () => {
  const herd = await outage(() => () => 0.5, 1_000, 0)
  expect(fullestTenth(firsts(herd), herd.lostAt + 1_000, herd.lostAt + 1_500)).toBe(1)
})
