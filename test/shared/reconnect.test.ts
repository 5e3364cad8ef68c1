import { describe, expect, test } from 'vitest'
import { maxServerWaitMs, stableMs } from '../../shared/reconnect.ts'
import { settle } from '../support/fake-clock.ts'
import { ScriptedLoop } from './scripted-loop.ts'

const policy = { baseMs: 100, capMs: 1_000, floorMs: 10 }

describe('a stream that is lost', () => {
  test('is opened again after a wait, and says what happens meanwhile', async () => {
    const it = new ScriptedLoop()
    expect(it.view).toEqual({
      state: 'idle',
      attempts: 0,
      reconnects: 0,
      openedAt: null,
      nextAttemptAt: null,
      lastDrop: null,
      lastMessageAt: null,
      lastEventId: undefined,
    })
    it.loop.start()
    expect(it.view).toMatchObject({ state: 'connecting', attempts: 1 })
    it.last.attempt.opened()
    expect(it.view).toMatchObject({ state: 'open', attempts: 1, openedAt: 1_000 })
    await it.clock.advance(50)
    it.last.attempt.message('7')
    expect(it.view).toMatchObject({ state: 'open', attempts: 0, lastMessageAt: 1_050, lastEventId: '7' })
    await it.last.lose('ECONNRESET')
    expect(it.view).toMatchObject({
      state: 'waiting',
      attempts: 0,
      openedAt: null,
      nextAttemptAt: 1_150,
      lastDrop: { at: 1_050, reason: 'ECONNRESET' },
    })
    await it.wait()
    expect(it.view).toMatchObject({ state: 'connecting', attempts: 1, reconnects: 0, nextAttemptAt: null })
    expect(it.last.attempt).toMatchObject({ number: 1, lastEventId: '7' })
    it.last.attempt.opened()
    expect(it.view).toMatchObject({ state: 'open', reconnects: 1 })
    expect(it.changes).toEqual(['connecting', 'open', 'open', 'waiting', 'connecting', 'open'])
  })

  test('waits longer each time, up to the cap, until a message comes; an answer alone proves nothing', async () => {
    const it = new ScriptedLoop({ policy, random: () => 0.999_999 })
    it.loop.start()
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      it.last.attempt.opened()
      expect(it.last.attempt.number).toBe(i + 1)
      await it.last.lose()
      waits.push(await it.wait())
    }
    expect(waits).toEqual([99, 199, 399, 799, 999, 999])
    expect(it.view).toMatchObject({ attempts: 7, reconnects: 5 })
    it.last.attempt.message()
    await it.last.lose()
    expect(await it.wait()).toBe(99)
    expect(it.last.attempt.number).toBe(1)
  })

  test('was well when it had been open for long, though no message came', async () => {
    const it = new ScriptedLoop({ policy: { ...policy, maxAttempts: 3 } })
    it.loop.start()
    for (let i = 0; i < 5; i++) {
      it.last.attempt.opened()
      await it.clock.advance(stableMs)
      await it.last.lose()
      expect(await it.wait()).toBe(10)
      expect(it.last.attempt.number).toBe(1)
    }
    for (let i = 0; i < 3; i++) {
      it.last.attempt.opened()
      await it.clock.advance(stableMs - 1)
      await it.last.lose()
      if (i < 2) await it.wait()
    }
    expect(it.ended).toMatchObject({ reason: 'gave up after 3 attempts in a row: reset' })
  })

  test('is lost too when opening it throws, at once or later, with whatever', async () => {
    const throwing = new ScriptedLoop({
      run: () => {
        throw new Error('no such host')
      },
    })
    throwing.loop.start()
    await settle()
    expect(throwing.view).toMatchObject({ state: 'waiting', lastDrop: { reason: 'no such host' } })

    const rejecting = new ScriptedLoop()
    rejecting.loop.start()
    await rejecting.last.reject('a string')
    expect(rejecting.view).toMatchObject({ state: 'waiting', lastDrop: { reason: 'a string' } })
    await rejecting.wait()
    expect(rejecting.runs).toHaveLength(2)
  })

  test('is not there twice: the signal of an attempt that is over is aborted', async () => {
    const it = new ScriptedLoop()
    it.loop.start()
    const { signal } = it.last.attempt
    expect(signal.aborted).toBe(false)
    await it.last.lose('dropped')
    expect(signal.aborted).toBe(true)
    await it.wait()
    expect(it.last.attempt.signal.aborted).toBe(false)
  })

  test('an attempt that is over has no say any more', async () => {
    const it = new ScriptedLoop()
    it.loop.start()
    const { attempt } = it.last
    await it.last.lose()
    const before = it.view
    for (const late of [() => attempt.opened(), () => attempt.message('9'), () => attempt.remember('9')]) late()
    attempt.retry(5_000)
    expect(it.view).toEqual(before)
    await it.wait()
    await it.last.lose()
    expect(await it.wait()).toBe(100)
  })
})

describe('what a server wishes', () => {
  test('its retry is a floor for every wait until it says something else, also after messages', async () => {
    const it = new ScriptedLoop({ policy })
    it.loop.start()
    it.last.attempt.retry(700)
    for (let i = 0; i < 3; i++) {
      it.last.attempt.message()
      await it.last.lose()
      expect(await it.wait()).toBe(700)
    }
    it.last.attempt.retry(0)
    await it.last.lose()
    expect(await it.wait()).toBe(10)
  })

  test('Retry-After holds for one wait', async () => {
    const it = new ScriptedLoop({ policy })
    it.loop.start()
    await it.last.lose('503', 4_000)
    expect(await it.wait()).toBe(4_000)
    await it.last.lose()
    expect(await it.wait()).toBe(10)
  })

  test('many that got the same wish still don’t come at once', async () => {
    const waits = new Set<number>()
    for (let i = 0; i < 100; i++) {
      const it = new ScriptedLoop({ policy, random: () => i / 100 })
      it.loop.start()
      it.last.attempt.retry(20_000)
      await it.last.lose()
      waits.add(await it.wait())
    }
    expect(waits.size).toBe(100)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(9_000)
  })

  test('is heeded up to a bound, so that a timer can hold it; nonsense is not heard', async () => {
    const it = new ScriptedLoop({ policy })
    it.loop.start()
    it.last.attempt.retry(Number.MAX_SAFE_INTEGER)
    await it.last.lose()
    expect(await it.wait()).toBe(maxServerWaitMs)
    for (const ms of [Number.NaN, -5]) it.last.attempt.retry(ms)
    await it.last.lose()
    expect(await it.wait()).toBe(maxServerWaitMs)
    const near = new ScriptedLoop({ policy: { ...policy, maxServerWaitMs: 300 } })
    near.loop.start()
    near.last.attempt.retry(9_000)
    await near.last.lose('x', 9_000)
    expect(await near.wait()).toBe(300)
  })
})

describe('where to go on', () => {
  test('begins with what is given, follows the ids, and is forgotten with an empty one', async () => {
    const it = new ScriptedLoop({ lastEventId: 'a' })
    it.loop.start()
    expect(it.last.attempt.lastEventId).toBe('a')
    it.last.attempt.message('b')
    it.last.attempt.message()
    expect(it.view.lastEventId).toBe('b')
    it.last.attempt.message('')
    expect(it.view.lastEventId).toBeUndefined()
    await it.last.lose()
    await it.wait()
    expect(it.last.attempt.lastEventId).toBeUndefined()
  })

  test('an id without a message is remembered, and proves nothing', async () => {
    const it = new ScriptedLoop({ policy })
    it.loop.start()
    for (let i = 1; i <= 3; i++) {
      it.last.attempt.opened()
      it.last.attempt.remember(`prime-${i}`)
      await it.last.lose()
      await it.wait()
      expect(it.last.attempt).toMatchObject({ number: i + 1, lastEventId: `prime-${i}` })
    }
  })
})

test('a stream that was opened by other means and lost is opened again like any other', async () => {
  const it = new ScriptedLoop({ policy, lastEventId: '7', retryMs: 500 })
  it.loop.start({ kind: 'lost', reason: 'the answer to a POST broke off' })
  expect(it.runs).toEqual([])
  expect(it.view).toMatchObject({ state: 'waiting', attempts: 0, lastDrop: { at: 1_000 } })
  it.loop.start()
  expect(await it.wait()).toBe(500)
  expect(it.last.attempt).toMatchObject({ number: 1, lastEventId: '7' })
  it.last.attempt.message('8')
  expect(it.view).toMatchObject({ state: 'open', reconnects: 1, lastEventId: '8' })
})

describe('"retry now"', () => {
  test('makes the attempt that was waiting for its time, and only that one', async () => {
    const it = new ScriptedLoop({ policy, random: () => 0.5 })
    expect(it.loop.retryNow()).toBe(false)
    it.loop.start()
    expect(it.loop.retryNow()).toBe(false)
    it.last.attempt.opened()
    expect(it.loop.retryNow()).toBe(false)
    expect(it.last.attempt.signal.aborted).toBe(false)
    await it.last.lose()
    expect(it.loop.retryNow()).toBe(true)
    expect(it.loop.retryNow()).toBe(false)
    expect(it.view).toMatchObject({ state: 'connecting', attempts: 2, nextAttemptAt: null })
    expect(it.clock.pending).toBe(0)
    await it.clock.advance(60_000)
    expect(it.runs).toHaveLength(2)
    it.loop.stop()
    expect(it.loop.retryNow()).toBe(false)
    expect(it.runs).toHaveLength(2)
  })
})

describe('the end', () => {
  test('of a server without such a stream is told as such', async () => {
    const it = new ScriptedLoop()
    it.loop.start()
    await it.last.end({ kind: 'stop', reason: 'HTTP 405', state: 'unsupported' })
    expect(it.view).toMatchObject({ state: 'unsupported', nextAttemptAt: null, lastDrop: null })
    expect(it.ended).toEqual({ kind: 'stop', reason: 'HTTP 405', state: 'unsupported' })
    it.loop.stop('later')
    expect(it.view.state).toBe('unsupported')
    expect(it.loop.retryNow()).toBe(false)
    expect(it.clock.pending).toBe(0)
  })

  test('comes when the attempts of the policy are spent; a message grants them anew', async () => {
    const it = new ScriptedLoop({ policy: { ...policy, maxAttempts: 3 } })
    it.loop.start()
    for (let i = 0; i < 2; i++) {
      await it.last.lose()
      await it.wait()
    }
    it.last.attempt.message()
    for (let i = 0; i < 3; i++) {
      await it.last.lose()
      await it.wait()
    }
    expect(it.runs).toHaveLength(6)
    await it.last.lose('refused')
    const end = { kind: 'stop', reason: 'gave up after 3 attempts in a row: refused', state: 'stopped' }
    expect(it.ended).toEqual(end)
    expect(it.view).toMatchObject({ state: 'stopped', attempts: 3, lastDrop: { reason: 'refused' } })
    expect(it.clock.pending).toBe(0)
  })

  test('stops an attempt that is under way, whatever becomes of it, and does not wait for it', async () => {
    for (const ending of ['never', 'lost', 'stop', 'throws'] as const) {
      const it = new ScriptedLoop()
      it.loop.start()
      it.last.attempt.message('1')
      it.loop.stop('closed by a person')
      expect(it.last.attempt.signal.aborted).toBe(true)
      await settle()
      expect(it.ended).toEqual({ kind: 'stop', reason: 'closed by a person', state: 'stopped' })
      const { changes, view } = it
      expect(changes.at(-1)).toBe('stopped')
      const told = changes.length
      it.last.attempt.message('2')
      if (ending === 'lost') await it.last.lose()
      if (ending === 'stop') await it.last.end({ kind: 'stop', reason: 'x', state: 'unsupported' })
      if (ending === 'throws') await it.last.reject(new Error('aborted'))
      await it.clock.advance(100_000)
      expect(it.view).toEqual(view)
      expect(changes).toHaveLength(told)
      expect(it.runs).toHaveLength(1)
    }
  })

  test('the first reason counts; before the start too', async () => {
    const it = new ScriptedLoop()
    it.loop.stop('never wanted')
    it.loop.stop('again')
    it.loop.start()
    await settle()
    expect(it.ended).toMatchObject({ reason: 'never wanted' })
    expect(it.changes).toEqual(['stopped'])
    expect(it.runs).toEqual([])
  })

  test('a second start is none', async () => {
    const it = new ScriptedLoop()
    it.loop.start()
    it.loop.start()
    expect(it.runs).toHaveLength(1)
    await it.last.lose()
    it.loop.start()
    expect(it.view.state).toBe('waiting')
    expect(it.clock.pending).toBe(1)
  })

  test.each(['connecting', 'open', 'waiting'] as const)(
    'whoever is told of "%s" may stop it there and then',
    async (state) => {
      const it = new ScriptedLoop({
        onChange: () => {
          if (it.view.state === state) it.loop.stop('enough')
        },
      })
      it.loop.start()
      it.runs.at(-1)?.attempt.message()
      await it.runs.at(-1)?.lose()
      await settle()
      expect(it.ended).toMatchObject({ reason: 'enough' })
      expect(it.view.state).toBe('stopped')
      expect(it.clock.pending).toBe(0)
      await it.clock.advance(100_000)
      expect(it.runs).toHaveLength(state === 'connecting' ? 0 : 1)
    },
  )
})
