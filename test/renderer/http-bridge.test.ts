import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createHttpBridge } from '../../renderer/bridge/http.ts'
import { createIpcBridge } from '../../renderer/bridge/ipc.ts'
import { tokenFromText } from '../../renderer/bridge/token.ts'
import type { Bridge, BridgeStatus } from '../../renderer/bridge/types.ts'
import type { Frame, PreloadApi } from '../../shared/contract.ts'
import { hostGoneMs } from '../../shared/frames.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeHost } from './fake-host.ts'

let host: FakeHost
let stops: (() => void)[]
let frames: Frame[]
let statuses: BridgeStatus[]

beforeEach(async () => {
  host = await FakeHost.start({ live: false })
  stops = []
  frames = []
  statuses = []
})

afterEach(async () => {
  for (const stop of stops) stop()
  await host.close()
})

/** Watches like the window does. The random is 0: the shortest wait between attempts. */
function watch(token: string | null = host.token): Bridge {
  const bridge = createHttpBridge({ origin: host.url, token, random: () => 0 })
  stops.push(
    bridge.onStatus((status) => statuses.push(status)),
    bridge.onFrame((frame) => frames.push(frame)),
  )
  return bridge
}

const streaming = () => vi.waitFor(() => expect(host.streams).toBe(1), { timeout: 5_000 })

describe('commands over HTTP', () => {
  test('carry the token and come back typed', async () => {
    const bridge = createHttpBridge({ origin: host.url, token: host.token })
    const reply = await bridge.command('snapshot.get', {})
    expect(reply.ok && reply.result.upstreams.map(({ name }) => name)).toEqual([...host.world.upstreams.keys()])
  })

  test("a command's own failure is an answer, not a rejection", async () => {
    const bridge = createHttpBridge({ origin: host.url, token: host.token })
    const reply = await bridge.command('upstream.spawn', { upstream: 'nobody' })
    expect(reply).toMatchObject({ ok: false, error: { code: 'UPSTREAM_NOT_FOUND' } })
  })

  test('a host that is not there is an answer too', async () => {
    const bridge = createHttpBridge({ origin: host.url, token: host.token })
    await host.close()
    expect(await bridge.command('snapshot.get', {})).toMatchObject({ ok: false, error: { code: 'HOST_UNREACHABLE' } })
    host = await FakeHost.start({ live: false })
  })

  test('a refused token is told to whoever watches the link', async () => {
    const bridge = createHttpBridge({ origin: host.url, token: 'wrong' })
    stops.push(bridge.onStatus((status) => statuses.push(status)))
    await bridge.command('snapshot.get', {})
    expect(statuses.at(-1)).toBe('unauthorized')
  })
})

describe('frames over HTTP', () => {
  test('arrive in order, also when they are cut in the middle of a character', async () => {
    watch()
    await streaming()
    host.world.event('request.failed', 'warn', 'demo', 'große Überraschung 🎉')
    const text = `data: ${JSON.stringify(host.world.tick())}\n\n`
    const bytes = Buffer.from(text)
    for (const byte of bytes) host.sendBytes(Buffer.from([byte]))
    host.pump()
    await vi.waitFor(() => expect(frames).toHaveLength(2))
    expect(frames.map(({ seq }) => seq)).toEqual([1, 2])
    expect(frames[0]?.events.at(-1)?.message).toBe('große Überraschung 🎉')
  })

  test('come again after the stream broke, without anybody asking', async () => {
    watch()
    await streaming()
    host.pump()
    await vi.waitFor(() => expect(frames).toHaveLength(1))
    host.dropStreams()
    await vi.waitFor(() => expect(statuses).toEqual(['opening', 'open', 'closed', 'open']), { timeout: 5_000 })
    await streaming()
    host.pump()
    await vi.waitFor(() => expect(frames).toHaveLength(2))
  })

  test('a host that returns on the same port is found again', async () => {
    watch()
    await streaming()
    const port = Number(new URL(host.url).port)
    await host.close()
    await vi.waitFor(() => expect(statuses.at(-1)).toBe('closed'))
    host = await FakeHost.start({ port, live: false })
    await streaming()
    host.pump()
    await vi.waitFor(() => expect(frames).toHaveLength(1))
  })

  test('a listener that throws ends nothing', async () => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const bridge = watch()
    stops.push(
      bridge.onFrame(() => {
        throw new Error('a bug in a listener')
      }),
    )
    await streaming()
    host.pump()
    host.pump()
    await vi.waitFor(() => expect(reported).toHaveBeenCalledTimes(2))
    expect(frames).toHaveLength(2)
    expect(statuses).toEqual(['opening', 'open'])
    vi.unstubAllGlobals()
  })

  test('a wrong token is tried once; the right one, given later, connects', async () => {
    const bridge = watch('wrong')
    await vi.waitFor(() => expect(statuses.at(-1)).toBe('unauthorized'))
    expect(host.refused).toBe(1)
    bridge.authorize(host.token)
    await streaming()
    await vi.waitFor(() => expect(statuses.at(-1)).toBe('open'))
    expect(host.refused).toBe(1)
  })

  test('the stream is closed with its last listener', async () => {
    watch()
    await streaming()
    for (const stop of stops.splice(0)) stop()
    await vi.waitFor(() => expect(host.streams).toBe(0))
  })
})

describe('a stream of frames that breaks', () => {
  let clock: FakeClock
  let bridge: Bridge

  beforeEach(async () => {
    clock = new FakeClock()
    bridge = createHttpBridge({ origin: host.url, token: host.token, scheduler: clock, random: () => 0 })
    stops.push(
      bridge.onStatus((status) => statuses.push(status)),
      bridge.onFrame((frame) => frames.push(frame)),
    )
    await streaming()
  })

  const isLost = () => vi.waitFor(() => expect(statuses.at(-1)).toBe('closed'), { timeout: 5_000 })
  const isBack = () => vi.waitFor(() => expect(statuses.at(-1)).toBe('open'), { timeout: 5_000 })
  const next = async () => {
    const before = frames.length
    host.pump()
    await vi.waitFor(() => expect(frames).toHaveLength(before + 1), { timeout: 5_000 })
  }

  test('twenty times in a row is there once each time, and each frame comes once', async () => {
    for (let i = 0; i < 20; i++) {
      await isBack()
      await next()
      host.dropStreams()
      await isLost()
      await clock.advance(100)
    }
    await isBack()
    await next()
    expect(host.streams).toBe(1)
    expect(frames.map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
  })

  test('by mere silence is left, and opened again once the host talks', async () => {
    await isBack()
    await next()
    host.talking = false
    await clock.advance(hostGoneMs - 1)
    expect(statuses.at(-1)).toBe('open')
    await clock.advance(1)
    await isLost()
    await clock.advance(100)
    expect(statuses.at(-1)).toBe('closed') // the host takes the connection and says nothing
    await clock.advance(hostGoneMs)
    host.talking = true
    await vi.waitFor(() => expect(clock.pending).toBe(1))
    await clock.advance(100)
    await isBack()
    await next()
    expect(host.streams).toBe(1)
  })

  test('waits for its time, or until a person does not want to', async () => {
    await isBack()
    host.dropStreams()
    await isLost()
    expect(host.streams).toBe(0)
    bridge.reconnect()
    await isBack()
    expect(host.streams).toBe(1)
    bridge.reconnect()
    await next()
    expect(host.streams).toBe(1)
  })

  test('comes back when the host said that it should, not before', async () => {
    await isBack()
    host.send('retry: 3000\n\n')
    await next()
    host.dropStreams()
    await isLost()
    await clock.advance(2_999)
    expect(clock.pending).toBe(1)
    expect(host.streams).toBe(0)
    await clock.advance(1)
    await isBack()
  })

  test('is left alone once nobody listens, also while it waits', async () => {
    await isBack()
    host.dropStreams()
    await isLost()
    for (const stop of stops.splice(0)) stop()
    expect(clock.pending).toBe(0)
    bridge.reconnect()
    expect(clock.pending).toBe(0)
  })

  test('does not fall for a frame that is no JSON: it is opened again', async () => {
    await isBack()
    await next()
    host.send('data: {"seq":\n\n')
    await isLost()
    await clock.advance(100)
    await isBack()
    await next()
  })
})

describe('the token that a person pastes', () => {
  test.each([
    ['http://127.0.0.1:7411/?token=abc', 'abc'],
    ['  abc \n', 'abc'],
    ['http://127.0.0.1:7411/?token=a%2Bb#/events', 'a+b'],
    ['', ''],
  ])('%j gives %j', (text, token) => expect(tokenFromText(text)).toBe(token))
})

describe('the bridge of the desktop window', () => {
  const api: PreloadApi = {
    platform: 'linux',
    command: async (name) => {
      if (name === 'snapshot.get') throw new Error('the main process is gone')
      return { ok: true, result: { ok: true } }
    },
    onFrame: () => () => {},
  }

  test('turns a broken channel into an answer', async () => {
    expect(await createIpcBridge(api).command('snapshot.get', {})).toEqual({
      ok: false,
      error: { code: 'INTERNAL', message: 'the main process is gone' },
    })
  })

  test('is open from the start', () => {
    const seen: BridgeStatus[] = []
    createIpcBridge(api).onStatus((status) => seen.push(status))
    expect(seen).toEqual(['open'])
  })
})
