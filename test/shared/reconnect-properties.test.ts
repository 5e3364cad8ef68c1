import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fullJitterMs, type ReconnectPolicy, stableMs } from '../../shared/reconnect.ts'
import { settle } from '../support/fake-clock.ts'
import { mulberry32 } from '../support/random.ts'
import { ScriptedLoop } from './scripted-loop.ts'

type Step =
  | { do: 'start' | 'stop' | 'retry-now' | 'opened' | 'to-next' | 'lose' | 'throw' | 'unsupported' }
  | { do: 'message'; id: string | undefined }
  | { do: 'remember'; id: string }
  | { do: 'retry'; ms: number }
  | { do: 'lose-for'; ms: number }
  | { do: 'advance'; ms: number }

const policies = fc.record({
  baseMs: fc.integer({ min: 1, max: 1_000 }),
  capMs: fc.integer({ min: 1, max: 60_000 }),
  floorMs: fc.integer({ min: 0, max: 500 }),
})
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('opened', 'to-next', 'lose') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('throw', 'retry-now', 'start') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('message'), id: fc.option(fc.string(), { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remember'), id: fc.string() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retry'), ms: fc.integer({ min: 0, max: 20_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose-for'), ms: fc.integer({ min: 0, max: 90_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.integer({ min: 0, max: 40_000 }) }) },
)
/** What ends a loop comes once at most, anywhere: it would cut most schedules short. */
const schedules = fc
  .tuple(
    fc.array(steps, { maxLength: 60, size: 'large' }),
    fc.constantFrom<(Step & { do: 'stop' | 'unsupported' })['do'] | undefined>('stop', 'unsupported', undefined),
    fc.nat(),
  )
  .map(([list, end, where]): Step[] => {
    const at = where % (list.length + 1)
    const ending: Step[] = end ? [{ do: end }] : []
    return [{ do: 'start' }, ...list.slice(0, at), ...ending, ...list.slice(at)]
  })

const ceilingMs = ({ capMs, baseMs }: ReconnectPolicy, n: number) => Math.min(capMs, baseMs * 2 ** n)

test('a wait is between the floor and the backoff, or within half of the floor above it', () => {
  fc.assert(
    fc.property(
      policies,
      fc.nat(2_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (policy, n, r) => {
        const waitMs = fullJitterMs(policy, n, () => r)
        expect(Number.isSafeInteger(waitMs)).toBe(true)
        expect(waitMs).toBeGreaterThanOrEqual(policy.floorMs)
        expect(waitMs).toBeLessThanOrEqual(Math.max(ceilingMs(policy, n), policy.floorMs * 1.5))
      },
    ),
  )
})

test('waits are even over their range: no tenth of it holds more than its share', () => {
  fc.assert(
    fc.property(policies, fc.nat(20), fc.integer(), (policy, n, seed) => {
      const random = mulberry32(seed)
      const highMs = Math.max(ceilingMs(policy, n), policy.floorMs * 1.5)
      fc.pre(highMs - policy.floorMs >= 200)
      const tenths = new Array<number>(10).fill(0)
      for (let i = 0; i < 2_000; i++) {
        const part = (fullJitterMs(policy, n, random) - policy.floorMs) / (highMs - policy.floorMs)
        tenths[Math.floor(part * 10)] = (tenths[Math.floor(part * 10)] ?? 0) + 1
      }
      // 200 are expected in each, give or take 14; a whole millisecond is up to a twentieth of a tenth.
      expect(Math.max(...tenths)).toBeLessThan(300)
      expect(Math.min(...tenths)).toBeGreaterThan(110)
    }),
    { numRuns: 50 },
  )
})

interface Outcome {
  trace: unknown[]
  waits: { waitMs: number; lowMs: number; highMs: number }[]
}

/** Plays a schedule beside a model of what the loop should have counted. */
async function play(policy: ReconnectPolicy, seed: number, schedule: readonly Step[]): Promise<Outcome> {
  const it = new ScriptedLoop({ policy, random: mulberry32(seed) })
  const { loop, clock, runs } = it
  const outcome: Outcome = { trace: [], waits: [] }
  let waits = 0
  let retryMs = 0
  let drops = 0
  let lastMessageRun = 0

  const lose = async (how: () => Promise<void>, retryAfterMs = 0) => {
    if (it.view.state !== 'connecting' && it.view.state !== 'open') return how()
    const { openedAt } = it.view
    if (openedAt !== null && clock.now() - openedAt >= stableMs) {
      waits = 0
      lastMessageRun = runs.length
    }
    const n = waits++
    drops++
    await how()
    const lowMs = Math.max(policy.floorMs ?? 0, retryMs, retryAfterMs)
    const { nextAttemptAt } = it.view
    outcome.waits.push({
      waitMs: (nextAttemptAt ?? Number.NaN) - clock.now(),
      lowMs,
      highMs: Math.max(ceilingMs(policy, n), lowMs * 1.5),
    })
  }

  for (const step of schedule) {
    const isLive = it.view.state === 'connecting' || it.view.state === 'open'
    const run = runs.at(-1)
    switch (step.do) {
      case 'start':
        loop.start()
        break
      case 'stop':
        loop.stop()
        break
      case 'retry-now':
        {
          const waited = it.view.state === 'waiting'
          expect(loop.retryNow()).toBe(waited)
        }
        break
      case 'opened':
        run?.attempt.opened()
        break
      case 'message':
        run?.attempt.message(step.id)
        if (!isLive) break
        waits = 0
        lastMessageRun = runs.length
        expect(it.view.lastMessageAt).toBe(clock.now())
        break
      case 'remember':
        run?.attempt.remember(step.id)
        break
      case 'retry':
        run?.attempt.retry(step.ms)
        if (isLive) retryMs = step.ms
        break
      case 'lose':
        if (run) await lose(() => run.lose())
        break
      case 'lose-for':
        if (run) await lose(() => run.lose('503', step.ms), step.ms)
        break
      case 'throw':
        if (run) await lose(() => run.reject(new Error('thrown')))
        break
      case 'unsupported':
        await run?.end({ kind: 'stop', reason: '405', state: 'unsupported' })
        break
      case 'to-next':
        if (it.view.state === 'waiting') await it.wait()
        break
      case 'advance':
        await clock.advance(step.ms)
        break
    }
    await settle()
    const { view } = it
    const isOver = view.state === 'stopped' || view.state === 'unsupported'
    expect(clock.pending).toBe(view.state === 'waiting' ? 1 : 0)
    expect(view.nextAttemptAt !== null).toBe(view.state === 'waiting')
    expect(view.openedAt !== null).toBe(view.state === 'open')
    const live = runs.filter(({ attempt }) => !attempt.signal.aborted)
    expect(live).toEqual(view.state === 'connecting' || view.state === 'open' ? [it.last] : [])
    expect(it.ended !== undefined).toBe(isOver)
    expect(view.attempts).toBe(lastMessageRun === 0 ? runs.length : runs.length - lastMessageRun)
    expect(view.reconnects).toBeLessThanOrEqual(drops)
    outcome.trace.push(view)
  }
  loop.stop()
  expect(clock.pending).toBe(0)
  return outcome
}

test('whatever happens, one attempt at a time, one timer while waiting, none after the end, each wait in its bounds', async () => {
  let seen = 0
  await fc.assert(
    fc.asyncProperty(policies, fc.integer(), schedules, async (policy, seed, schedule) => {
      const { waits } = await play(policy, seed, schedule)
      seen += waits.length
      for (const { waitMs, lowMs, highMs } of waits) {
        expect(waitMs).toBeGreaterThanOrEqual(lowMs)
        expect(waitMs).toBeLessThanOrEqual(highMs)
      }
    }),
    { numRuns: 1_000 },
  )
  // Not vacuous: most schedules lose the stream several times.
  expect(seen).toBeGreaterThan(1_000)
})

test('the same seed and the same schedule give the same life', async () => {
  await fc.assert(
    fc.asyncProperty(policies, fc.integer(), schedules, async (policy, seed, schedule) => {
      expect(await play(policy, seed, schedule)).toEqual(await play(policy, seed, schedule))
    }),
    { numRuns: 50 },
  )
})

test('stopped at any moment of an outage it leaves no timer and makes no further attempt', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 120_000 }), fc.integer(), async (stopAfterMs, seed) => {
      const it = new ScriptedLoop({
        random: mulberry32(seed),
        run: async () => ({ kind: 'lost', reason: 'ECONNREFUSED' }),
      })
      it.loop.start()
      await it.clock.advance(stopAfterMs)
      const { attempts } = it.view
      expect(attempts).toBeGreaterThan(0)
      it.loop.stop()
      expect(it.clock.pending).toBe(0)
      await it.clock.advance(120_000)
      expect(it.view).toMatchObject({ state: 'stopped', attempts })
    }),
    { numRuns: 60 },
  )
})
