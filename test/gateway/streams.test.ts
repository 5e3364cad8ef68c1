import { describe, expect, test } from 'vitest'
import type { ServerNotification, UpstreamRequest } from '../../electron/upstream/types.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type ClientSession, note, openSession, rpc, startGateway } from './support/harness.ts'
import { open, type SseEvent, send, sse } from './support/http.ts'
import { type Script, ScriptedUpstream } from './support/scripted-upstream.ts'

const start = async (script: Script = () => '{}', options = {}, version = '2025-11-25') => {
  const upstream = new ScriptedUpstream('one', script)
  const { url, gateway } = await startGateway({ upstreams: [upstream], ...options })
  return { upstream, gateway, client: await openSession(`${url}/mcp/one`, version) }
}

const notification = (method: string, params: unknown): ServerNotification => ({
  method,
  message: JSON.stringify({ jsonrpc: '2.0', method, params }),
})
const progress = (step: number) => notification('notifications/progress', { progressToken: 't', progress: step })
const log = (level: string) => notification('notifications/message', { level, data: level })

/** Sends these, then answers. */
const noisy =
  (...notifications: ServerNotification[]): Script =>
  (request) => {
    for (const each of notifications) request.onNotification?.(each)
    return '{"done":true}'
  }

const post = (client: ClientSession, body: string, headers = {}) =>
  open(client.endpoint, { body, headers: { ...client.headers, ...headers } })
const get = (client: ClientSession, headers = {}) =>
  open(client.endpoint, { method: 'GET', headers: { ...client.headers, ...headers } })
const messages = (events: SseEvent[]) => events.filter(({ data }) => data).map(({ data }) => JSON.parse(data ?? ''))

describe('the answer of a POST', () => {
  test('becomes events when a related message comes first: all in order, the result last', async () => {
    const { client } = await start(noisy(progress(1), log('info'), progress(2)))
    const response = await post(client, rpc('tools/call', {}, 'id'))
    expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
    const found = messages(await sse(response).all())
    expect(found.map((message) => message.method ?? message.id)).toEqual([
      'notifications/progress',
      'notifications/message',
      'notifications/progress',
      'id',
    ])
    expect(found.at(-1).result).toEqual({ done: true })
  })

  test('begins with an event that has an id and no data from 2025-11-25 on, and only then', async () => {
    for (const [version, primed] of [
      ['2025-11-25', true],
      ['2025-06-18', false],
      ['2024-11-05', false],
    ] as const) {
      const { client } = await start(noisy(progress(1)), {}, version)
      const [first] = await sse(await post(client, rpc('tools/call'))).all()
      expect(first?.data === '').toBe(primed)
      expect(first?.id).toBeDefined()
    }
  })

  test('stays JSON for a client that takes only that; the messages are lost to it', async () => {
    const { client } = await start(noisy(progress(1)))
    const reply = await client.post(rpc('tools/call'), { headers: { ...client.headers, accept: 'application/json' } })
    expect(reply.json.result).toEqual({ done: true })
  })

  test('of a batch becomes events too: what was answered already comes along', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const script: Script = async ({ method, onNotification }) => {
      if (method === 'slow') {
        await promise
        onNotification?.(progress(1))
      }
      return JSON.stringify({ method })
    }
    const { client, gateway } = await start(script, {}, '2025-03-26')
    gateway.events.on('request.done', ({ method }) => method === 'quick' && setImmediate(resolve))
    const response = await post(client, `[${rpc('quick')},${rpc('slow')}]`)
    expect(messages(await sse(response).all()).map((message) => message.method ?? message.result.method)).toEqual([
      'quick',
      'notifications/progress',
      'slow',
    ])
  })

  test('an error of ours ends an event stream as well', async () => {
    const { client } = await start((request) => {
      request.onNotification?.(progress(1))
      throw new Error('x')
    })
    const found = messages(await sse(await post(client, rpc('tools/call', {}, 9))).all())
    expect(found.at(-1)).toMatchObject({ id: 9, error: { code: -32603 } })
  })
})

describe('log messages', () => {
  test("are filtered by each session's own level", async () => {
    const { client } = await start(noisy(log('debug'), log('warning'), log('emergency'), log('odd')))
    const other = await openSession(client.endpoint)
    await client.post(rpc('logging/setLevel', { level: 'warning' }))
    const levels = async (session: ClientSession) =>
      messages(await sse(await post(session, rpc('tools/call'))).all())
        .filter(({ method }) => method)
        .map(({ params }) => params.level)
    expect(await levels(client)).toEqual(['warning', 'emergency', 'odd'])
    expect(await levels(other)).toEqual(['debug', 'warning', 'emergency', 'odd'])
  })

  test('that belong to no request reach nobody', async () => {
    const { client, upstream } = await start()
    const events = sse(await get(client))
    await events.next()
    upstream.events.emit('notification', { ...log('error'), connectionId: 'c' })
    upstream.events.emit('notification', { ...notification('notifications/tools/list_changed', {}), connectionId: 'c' })
    expect(messages([(await events.next()) ?? {}])[0].method).toBe('notifications/tools/list_changed')
  })
})

describe('the stream of a GET', () => {
  test('carries list_changed to every session that listens, whoever caused it', async () => {
    const changed = notification('notifications/tools/list_changed', {})
    const { client, upstream } = await start(noisy(changed))
    const other = await openSession(client.endpoint)
    const streams = [sse(await get(client)), sse(await get(other))]
    for (const stream of streams) expect(await stream.next()).toMatchObject({ id: '0-0', data: '' })
    upstream.events.emit('notification', { ...changed, connectionId: 'c' })
    // The one that comes with a call goes there too, and not to the caller's POST.
    expect((await client.post(rpc('tools/call'))).json.result).toEqual({ done: true })
    for (const stream of streams)
      for (const id of ['0-1', '0-2']) expect(await stream.next()).toEqual({ id, data: changed.message })
  })

  test('an update that can not be read is dropped without a word: a server could fill the log with them', async () => {
    const { client, upstream } = await start()
    await client.post(rpc('resources/subscribe', { uri: 'a:1' }))
    const events = sse(await get(client))
    await events.next()
    const method = 'notifications/resources/updated'
    for (const uri of ['"\\x"', '"a:1"']) {
      const message = `{"jsonrpc":"2.0","method":"${method}","params":{"uri":${uri}}}`
      upstream.events.emit('notification', { method, message, connectionId: 'c' })
    }
    expect(messages([(await events.next()) ?? {}])[0].params.uri).toBe('a:1')
  })

  test('carries resources/updated to those that subscribed to the URI', async () => {
    const { client, upstream } = await start()
    const other = await openSession(client.endpoint)
    const update = (uri: string) => {
      const updated = notification('notifications/resources/updated', { uri })
      upstream.events.emit('notification', { ...updated, connectionId: 'c' })
    }
    await client.post(rpc('resources/subscribe', { uri: 'a:1' }))
    await other.post(rpc('resources/subscribe', { uri: 'a:1' }))
    await other.post(rpc('resources/subscribe', { uri: 'b:2' }))
    const [mine, theirs] = [sse(await get(client)), sse(await get(other))]
    await mine.next()
    await theirs.next()
    update('b:2')
    update('a:1')
    expect(messages([(await mine.next()) ?? {}])[0].params.uri).toBe('a:1')
    expect(messages([(await theirs.next()) ?? {}])[0].params.uri).toBe('b:2')
    // The server is told only when the last one leaves.
    const watched = () => [...upstream.watches].map(({ what }) => what)
    await client.post(rpc('resources/unsubscribe', { uri: 'a:1' }))
    expect(watched()).toEqual([{ uri: 'a:1' }, { uri: 'b:2' }])
    await send(client.endpoint, { method: 'DELETE', headers: other.headers })
    expect(watched()).toEqual([])
  })

  test('is one: a second is 409, until the first is gone', async () => {
    const { client } = await start()
    const first = await get(client)
    const second = await send(client.endpoint, { method: 'GET', headers: client.headers })
    expect([second.status, second.json.error.code]).toEqual([409, -32000])
    first.destroy()
    await expect
      .poll(async () => {
        const again = await get(client)
        again.destroy()
        return again.statusCode
      })
      .toBe(200)
  })

  test('needs Accept: text/event-stream', async () => {
    const { client } = await start()
    const reply = await send(client.endpoint, {
      method: 'GET',
      headers: { ...client.headers, accept: 'application/json' },
    })
    expect(reply.status).toBe(406)
  })

  test('is kept open by a comment every 15 seconds', async () => {
    const clock = new FakeClock()
    const { client } = await start(undefined, { clock })
    const events = sse(await get(client))
    await events.next()
    await clock.advance(15_000)
    expect(await events.next()).toEqual({ comment: 'keep-alive' })
    await clock.advance(15_000)
    expect(await events.next()).toEqual({ comment: 'keep-alive' })
  })

  test('ends with the session', async () => {
    const { client } = await start()
    const events = sse(await get(client))
    await events.next()
    await send(client.endpoint, { method: 'DELETE', headers: client.headers })
    expect((await events.all()).at(-1)).toMatchObject({ retry: '1000' })
  })
})

describe('a stream that was lost goes on after Last-Event-ID', () => {
  /** A call whose client loses its connection after the first event. */
  const interrupted = async (options = {}) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    let request: UpstreamRequest | undefined
    const script: Script = (given) => {
      if (given.method !== 'slow') return '{}'
      request = given
      given.onNotification?.(progress(1))
      return promise
    }
    const started = await start(script, options)
    const response = await post(started.client, rpc('slow', {}, 'late'))
    const events = sse(response)
    await events.next()
    const first = await events.next()
    response.destroy()
    return { ...started, first, resolve, say: (message: ServerNotification) => request?.onNotification?.(message) }
  }

  test('with what was missed, and the result when it comes', async () => {
    const { client, first, say, resolve } = await interrupted()
    say(progress(2))
    const events = sse(await get(client, { 'last-event-id': first?.id }))
    expect(messages([(await events.next()) ?? {}])[0].params.progress).toBe(2)
    say(progress(3))
    resolve('{"late":true}')
    const rest = messages(await events.all())
    expect(rest.map((message) => message.params?.progress ?? message.id)).toEqual([3, 'late'])
    expect(rest.at(-1).result).toEqual({ late: true })
  })

  test('also when the result came meanwhile, as often as asked, and never mixed with another stream', async () => {
    const { client, first, gateway, resolve } = await interrupted()
    const answered = new Promise((done) => gateway.events.on('request.done', done))
    resolve('{"late":true}')
    await answered
    await sse(await post(client, rpc('other'))).all()
    for (let i = 0; i < 2; i++) {
      const found = messages(await sse(await get(client, { 'last-event-id': first?.id })).all())
      expect(found).toEqual([{ jsonrpc: '2.0', id: 'late', result: { late: true } }])
    }
  })

  test('while the session has its own stream open', async () => {
    const { client, first, resolve } = await interrupted()
    const own = await get(client)
    const resumed = await get(client, { 'last-event-id': first?.id })
    expect([own.statusCode, resumed.statusCode]).toEqual([200, 200])
    resolve('{}')
    expect(messages(await sse(resumed).all())).toHaveLength(1)
    own.destroy()
  })

  test('the stream of a GET as well', async () => {
    const { client, upstream } = await start()
    const stream = await get(client)
    const primed = await sse(stream).next()
    stream.destroy()
    const changed = notification('notifications/prompts/list_changed', {})
    upstream.events.emit('notification', { ...changed, connectionId: 'c' })
    const events = sse(await get(client, { 'last-event-id': primed?.id }))
    expect(await events.next()).toEqual({ id: '0-1', data: changed.message })
  })

  test('what is unknown, of another session or not kept any more is 400', async () => {
    const { client, first } = await interrupted()
    const other = await openSession(client.endpoint)
    const status = async (session: ClientSession, id: string | undefined) =>
      (await send(session.endpoint, { method: 'GET', headers: { ...session.headers, 'last-event-id': String(id) } }))
        .status
    expect(await status(client, 'nonsense')).toBe(400)
    expect(await status(client, '1-99')).toBe(400)
    expect(await status(client, '7-1')).toBe(400)
    expect(await status(other, first?.id)).toBe(400)
  })

  test('it is kept for a minute after its end', async () => {
    const clock = new FakeClock()
    const { client, first, resolve, gateway } = await interrupted({ clock })
    resolve('{}')
    await expect.poll(() => gateway.state().requestsInFlight).toBe(0)
    await clock.advance(50_000)
    const again = async () => (await get(client, { 'last-event-id': first?.id })).resume().statusCode
    expect(await again()).toBe(200)
    await clock.advance(30_000)
    expect(await again()).toBe(400)
  })

  test('with more than the backlog may be', async () => {
    const { client, first, say, resolve } = await interrupted({ limits: { maxStreamBacklogBytes: 100_000 } })
    const message = 'x'.repeat(50_000)
    for (let n = 2; n < 20; n++)
      say(notification('notifications/progress', { progressToken: 't', progress: n, message }))
    resolve('{}')
    const found = messages(await sse(await get(client, { 'last-event-id': first?.id })).all())
    expect(found).toHaveLength(19)
    expect(found.at(-1)).toHaveProperty('result')
  })

  test('beyond the budget nothing is kept, and what can not be replayed whole is refused', async () => {
    const { client, first, say, resolve } = await interrupted({ limits: { replayBytes: 300 } })
    for (let i = 2; i < 20; i++) say(progress(i))
    const reply = await send(client.endpoint, {
      method: 'GET',
      headers: { ...client.headers, 'last-event-id': String(first?.id) },
    })
    expect(reply.status).toBe(400)
    resolve('{}')
  })
})

test('a client that does not read its stream is cut off instead of filling memory, and can resume', async () => {
  const big = notification('notifications/progress', {
    progressToken: 1,
    progress: 1,
    message: 'x'.repeat(1024 * 1024),
  })
  const { client, gateway, upstream } = await start(
    async (request) => {
      // A turn of the loop between the messages, as between the chunks of a real child.
      for (let i = 0; i < 40; i++) {
        request.onNotification?.(big)
        await new Promise((resolve) => setImmediate(resolve))
      }
      return '{"done":true}'
    },
    { limits: { maxStreamBacklogBytes: 1024 * 1024 } },
  )
  const response = await post(client, rpc('tools/call'))
  response.pause()
  const broken = new Promise((resolve) => response.once('error', resolve))
  await expect.poll(() => gateway.state().requestsInFlight).toBe(0)
  expect(upstream.inFlight).toBe(0)
  let received = 0
  response.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  response.resume()
  await broken
  expect(received).toBeLessThan(40 * 1024 * 1024)
})

test('one message that is longer than the backlog may be comes whole, and the answer after it', async () => {
  const long = notification('notifications/message', { level: 'error', data: 'x'.repeat(5 * 1024 * 1024) })
  const { client } = await start(noisy(progress(1), long, progress(2)))
  const found = messages(await sse(await post(client, rpc('tools/call', {}, 'id'))).all())
  expect(found.map(({ method, id }) => method ?? id)).toEqual([
    'notifications/progress',
    'notifications/message',
    'notifications/progress',
    'id',
  ])
})

test('a cancelled call that streams ends with an error, so that its client does not come back for more', async () => {
  const { client, upstream } = await start((request) => {
    request.onNotification?.(progress(1))
    return new Promise<string>(() => undefined)
  })
  const response = await post(client, rpc('tools/call', {}, 'c'))
  await expect.poll(() => upstream.inFlight).toBe(1)
  await client.post(note('notifications/cancelled', { requestId: 'c' }))
  expect(messages(await sse(response).all()).at(-1)).toMatchObject({ id: 'c', error: { data: { code: 'ABORTED' } } })
})
