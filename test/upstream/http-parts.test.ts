import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { Diary, plain } from '../../electron/upstream/http/diary.ts'
import { KeepAlive } from '../../electron/upstream/http/keep-alive.ts'
import { SeenEvents } from '../../electron/upstream/http/seen-events.ts'
import { TrackedStream } from '../../electron/upstream/http/tracked-stream.ts'
import { AppError } from '../../shared/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const event = (id: string | undefined, data: string) => ({ event: 'message', id, data, retry: undefined })

describe('events that were heard', () => {
  test('are not told again, unless a server only counts from 1 again', () => {
    const seen = new SeenEvents()
    const long = 'x'.repeat(1_000)
    expect(
      [event('1', 'a'), event('2', long), event('1', 'a'), event('2', long)].map((each) => seen.has(each)),
    ).toEqual([false, false, true, true])
    expect(seen.has(event('1', 'b'))).toBe(false)
    expect(seen.has(event('2', `${long}y`))).toBe(false)
  })

  test('without an id are all new', () => {
    const seen = new SeenEvents()
    expect(
      [event(undefined, 'a'), event(undefined, 'a'), event('', 'a'), event('', 'a')].some((each) => seen.has(each)),
    ).toBe(false)
  })

  test('that say no more than that something has changed are told again: a server that counts from 1 repeats them too', () => {
    const seen = new SeenEvents()
    const told = (method: string) =>
      [1, 2].map(() => seen.has(event('1', JSON.stringify({ jsonrpc: '2.0', method, params: { uri: 'test://one' } }))))
    expect(told('notifications/tools/list_changed')).toEqual([false, false])
    expect(told('notifications/resources/updated')).toEqual([false, false])
    expect(told('notifications/message')).toEqual([false, true])
  })

  test('do not keep in memory what they were cut out of', async () => {
    const streams = Array.from({ length: 8 }, () => new SeenEvents())
    const heap = () => {
      collectGarbage()
      return process.memoryUsage().heapUsed
    }
    const before = heap()
    for (const seen of streams) {
      for (let n = 0; n < 200; n++) {
        // As the network brings it: a long text, of which the id and the data are a part.
        const chunk = Buffer.alloc(64 * 1024, `id-of-an-event-${n}-`).toString('latin1')
        seen.has(event(chunk.slice(0, 40), chunk.slice(40, 80)))
      }
    }
    expect(heap() - before).toBeLessThan(20 * 1024 * 1024)
    expect(streams).toHaveLength(8)
  })

  test('are forgotten in the order in which they came', () => {
    const seen = new SeenEvents()
    for (let n = 0; n < 2_049; n++) seen.has(event(String(n), 'a'))
    expect(seen.has(event('2048', 'a'))).toBe(true)
    expect(seen.has(event('1', 'a'))).toBe(true)
    expect(seen.has(event('0', 'a'))).toBe(false)
  })
})

test('the time that a stream may be silent doubles for a server that never speaks, and starts anew when it does', () => {
  const keepAlive = new KeepAlive(90_000, () => 0.5)
  const silence = new AppError('CONNECTION_LOST', '', { reason: 'silence', silenceMs: 97_544 })
  expect(keepAlive.silenceMs).toBe(90_000)
  keepAlive.ended(new AppError('CONNECTION_LOST', '', { reason: 'cut-off' }))
  expect(keepAlive.silenceMs).toBe(90_000)
  const end = keepAlive.ended(silence)
  expect(end).toMatchObject({ kind: 'lost', reason: expect.stringContaining('has sent nothing for 98 s,') })
  // No failure: it may have had nothing to say.
  expect(end?.code).toBeUndefined()
  expect(keepAlive.silenceMs).toBe(180_000)
  for (let n = 0; n < 10; n++) keepAlive.ended(silence)
  expect(keepAlive.silenceMs).toBe(600_000)
  keepAlive.heard()
  expect(keepAlive.silenceMs).toBe(90_000)
  const spread = [0, 0.999].map((random) => new KeepAlive(90_000, () => random).silenceMs)
  expect(spread).toEqual([81_000, 98_982])
})

describe('the diary', () => {
  test('keeps the newest lines, and says how much it dropped', () => {
    const diary = new Diary(() => 7)
    for (let n = 0; n < 310; n++) diary.note(`line ${n}`)
    const { lines, droppedBytes } = diary.snapshot()
    expect(lines).toHaveLength(300)
    expect(lines[0]).toEqual({ seq: 11, at: 7, text: 'line 10' })
    expect(droppedBytes).toBe('line 0\n'.length * 10)
    expect(diary.bytes).toBe(10 * 7 + 90 * 8 + 210 * 9)
  })

  test('makes hostile text harmless', () => {
    expect(plain('a\u001b[2J\r\nb\u202ec\u2028d')).toBe('a [2J b c d')
    expect(plain('x'.repeat(10_000))).toHaveLength(500)
    expect(plain(`${'x'.repeat(498)}😀😀`).isWellFormed()).toBe(true)
  })
})

describe('a stream', () => {
  function tracked() {
    const clock = new FakeClock()
    const told: unknown[] = []
    const readings: { opened(): void; heard(id?: string): void; end(reason: string): void; signal: AbortSignal }[] = []
    const stream = new TrackedStream(
      {
        connectionId: 'c#1',
        clock,
        random: () => 0.5,
        diary: new Diary(() => clock.wall()),
        hooks: { tell: (name, payload) => told.push({ name, ...payload }), changed: () => {}, answers: () => {} },
      },
      {
        id: 'notifications',
        kind: 'notifications',
        read: ({ opened, heard, signal, openWithin }) => {
          openWithin(1_000)
          return new Promise((resolve, reject) => {
            const end = (reason: string) => resolve({ kind: 'lost', reason, code: 'HTTP_STATUS' })
            signal.addEventListener('abort', () => reject(signal.reason))
            readings.push({ opened, heard, end, signal })
          })
        },
      },
    )
    stream.start()
    return { clock, told, readings, stream }
  }

  test('is told as dropped and recovered once each, with how long it was away', async () => {
    const { clock, told, readings, stream } = tracked()
    readings[0]?.opened()
    readings[0]?.heard('7')
    readings[0]?.end('gone')
    await clock.advance(0)
    expect(stream.snapshot()).toMatchObject({ state: 'waiting', openedAt: null, resumable: true, attempts: 0 })
    expect(stream.snapshot().nextAttemptAt).toBe(clock.wall() + 175)
    await clock.advance(200)
    readings[1]?.opened()
    expect(told).toHaveLength(1)
    // That it was good is known with the first message; it was there before.
    await clock.advance(10_000)
    readings[1]?.heard()
    expect(told).toMatchObject([
      { name: 'stream.dropped', reason: 'gone', code: 'HTTP_STATUS', attempt: 0, retryInMs: 175 },
      { name: 'stream.recovered', attempts: 1, downMs: 200, resumed: true },
    ])
    stream.stop()
    await clock.advance(0)
    expect(clock.pending).toBe(0)
    expect(told).toHaveLength(2)
  })

  test('that stays open is well, however little comes: it is lost for a moment only', async () => {
    const { clock, readings, stream } = tracked()
    for (let n = 0; n < 12; n++) {
      readings[n]?.opened()
      await clock.advance(40_000)
      expect(stream.snapshot()).toMatchObject({ state: 'open', attempts: 0 })
      readings[n]?.end('the proxy closes what is idle')
      await clock.advance(0)
      expect(Number(stream.snapshot().nextAttemptAt) - clock.wall()).toBeLessThan(260)
      await clock.advance(260)
    }
    stream.stop()
  })

  test('that is not opened in time is given up', async () => {
    const { clock, readings, stream, told } = tracked()
    await clock.advance(1_001)
    expect(readings[0]?.signal.aborted).toBe(true)
    expect(told).toMatchObject([{ name: 'stream.dropped', code: 'CONNECTION_LOST' }])
    stream.stop()
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })
})
