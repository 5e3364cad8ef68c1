import { describe, expect, test } from 'vitest'
import type { GatewayEvents } from '../../electron/gateway/types.ts'
import { AppError } from '../../shared/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { initialize, note, openSession, rpc, startGateway } from './support/harness.ts'
import { open, send, sse } from './support/http.ts'
import { handshake, ScriptedUpstream } from './support/scripted-upstream.ts'

const start = async (upstream = new ScriptedUpstream('one'), options = {}) => {
  const started = await startGateway({ upstreams: [upstream], ...options })
  return { ...started, upstream, endpoint: `${started.url}/mcp/one` }
}

const minuteMs = 60_000

describe('initialize', () => {
  test("answers with the server's own text, byte for byte, and a session id in visible ASCII", async () => {
    const { endpoint } = await start()
    const reply = await send(endpoint, { body: initialize('2025-11-25', 'first') })
    expect(reply.text).toBe(`{"jsonrpc":"2.0","id":"first","result":${handshake.initializeResult}}`)
    expect(reply.headers['mcp-session-id']).toMatch(/^[\x21-\x7e]{20,}$/)
  })

  test.each([
    ['2024-11-05', '2024-11-05'],
    ['2025-03-26', '2025-03-26'],
    ['2025-06-18', '2025-06-18'],
    ['2025-11-25', '2025-11-25'],
    ['1999-01-01', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ])('a client that asks for %s gets %s, the rest untouched', async (asked, given) => {
    const { endpoint } = await start()
    const { json, text } = await send(endpoint, { body: initialize(asked) })
    expect(json.result.protocolVersion).toBe(given)
    expect(text).toContain(handshake.initializeResult.replace('"2025-11-25"', JSON.stringify(given)))
  })

  test.each([
    ['2025-11-25', '2025-03-26', '2025-03-26'],
    ['2024-11-05', '2025-03-26', '2024-11-05'],
    ['1999-01-01', '2025-03-26', '2025-03-26'],
    ['2025-11-25', '2024-10-07', '2024-10-07'],
  ])('a client that asks for %s at a server of %s gets %s', async (asked, server, given) => {
    const upstream = new ScriptedUpstream('one')
    const initializeResult = handshake.initializeResult.replace('2025-11-25', server)
    upstream.shake = async () => ({ ...handshake, initializeResult, protocolVersion: server })
    const { endpoint } = await start(upstream)
    expect((await send(endpoint, { body: initialize(asked) })).json.result.protocolVersion).toBe(given)
  })

  test('without a protocolVersion it is -32602, and no session begins', async () => {
    const { endpoint, gateway } = await start()
    const reply = await send(endpoint, { body: rpc('initialize', {}) })
    expect([reply.status, reply.json.error.code, reply.headers['mcp-session-id']]).toEqual([200, -32602, undefined])
    expect(gateway.state().sessions).toBe(0)
  })

  test("a handshake that fails is a JSON-RPC error with the pool's data, and no session begins", async () => {
    const upstream = new ScriptedUpstream('one')
    upstream.shake = async () => {
      throw new AppError('SPAWN_FAILED', 'no such program', { stderrTail: ['boom'] })
    }
    const { endpoint, gateway } = await start(upstream)
    const reply = await send(endpoint, { body: initialize('2025-11-25', 3) })
    expect(reply.status).toBe(200)
    expect(reply.json).toEqual({
      jsonrpc: '2.0',
      id: 3,
      error: { code: -32603, message: 'no such program', data: { code: 'SPAWN_FAILED', stderrTail: ['boom'] } },
    })
    expect(gateway.state().sessions).toBe(0)
  })

  test('a client that goes away during the handshake leaves no session', async () => {
    const upstream = new ScriptedUpstream('one')
    const { promise, resolve } = Promise.withResolvers<typeof handshake>()
    upstream.shake = () => promise
    const { endpoint, gateway } = await start(upstream)
    const abandoned = new AbortController()
    const request = fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: initialize(),
      signal: abandoned.signal,
    }).catch((error) => error.name)
    await expect.poll(() => upstream.handshakes).toBe(1)
    abandoned.abort()
    expect(await request).toBe('AbortError')
    // A later request has been served: the gateway has seen the end of the earlier one.
    await send(`${endpoint}-none`, { body: initialize() })
    resolve(handshake)
    await send(`${endpoint}-none`, { body: initialize() })
    expect(gateway.state().sessions).toBe(0)
  })

  test('a client that takes only events gets the answer as an event', async () => {
    const { endpoint } = await start()
    const response = await open(endpoint, {
      headers: { accept: 'text/event-stream' },
      body: initialize('2025-11-25', 1),
    })
    expect(response.headers['mcp-session-id']).toBeDefined()
    const events = await sse(response).all()
    expect(JSON.parse(events[0]?.data ?? '').result.serverInfo.name).toBe('scripted')
  })

  test('a second initialize in a session is refused', async () => {
    const { endpoint } = await start()
    const session = await openSession(endpoint)
    const inBatch = await openSession(endpoint, '2025-03-26')
    expect((await inBatch.post(`[${initialize()}]`)).status).toBe(400)
    expect((await session.post(initialize())).headers['mcp-session-id']).not.toBe(session.headers['mcp-session-id'])
  })
})

describe('the session header', () => {
  test('missing is 400, unknown is 404 with -32001, for every method; the id is echoed', async () => {
    const { endpoint } = await start()
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = method === 'POST' ? rpc('tools/list', {}, 'me') : ''
      const missing = await send(endpoint, { method, body })
      const unknown = await send(endpoint, { method, body, headers: { 'mcp-session-id': 'nobody' } })
      const id = method === 'POST' ? 'me' : null
      expect([missing.status, missing.json.error.code, missing.json.id]).toEqual([400, -32000, id])
      expect([unknown.status, unknown.json.error.code, unknown.json.id]).toEqual([404, -32001, id])
    }
  })

  test('a session of another upstream is unknown', async () => {
    const { url, endpoint } = await startGateway({
      upstreams: [new ScriptedUpstream('one'), new ScriptedUpstream('two')],
    }).then((started) => ({ ...started, endpoint: `${started.url}/mcp/one` }))
    const { headers } = await openSession(endpoint)
    expect((await send(`${url}/mcp/two`, { headers, body: rpc('ping') })).status).toBe(404)
  })

  test('DELETE ends the session: 200, then 404', async () => {
    const { endpoint, gateway } = await start()
    const session = await openSession(endpoint)
    const closed: unknown[] = []
    gateway.events.on('session.closed', (event) => closed.push(event))
    expect((await send(endpoint, { method: 'DELETE', headers: session.headers })).status).toBe(200)
    expect((await session.post(rpc('ping'))).status).toBe(404)
    expect((await send(endpoint, { method: 'DELETE', headers: session.headers })).status).toBe(404)
    expect(closed).toMatchObject([{ session: 1, upstream: 'one', reason: 'deleted', requests: 1 }])
  })

  test('MCP-Protocol-Version: one that is no legacy revision is 400; absent means what was agreed', async () => {
    const { endpoint } = await start()
    const session = await openSession(endpoint)
    const withVersion = (version: string | undefined) =>
      session.post(rpc('ping'), {
        headers: { ...session.headers, 'mcp-protocol-version': version } as Record<string, string>,
      })
    expect((await withVersion('2025-06-18')).status).toBe(200)
    expect((await withVersion(undefined)).status).toBe(200)
    const bad = await withVersion('1999-01-01')
    expect([bad.status, bad.json.error.code]).toEqual([400, -32000])
  })

  test('two sessions are told apart, and counted', async () => {
    const { endpoint, gateway, upstream } = await start()
    const a = await openSession(endpoint)
    const b = await openSession(endpoint)
    expect(a.headers).not.toEqual(b.headers)
    expect(gateway.state()).toMatchObject({ state: 'listening', sessions: 2, requestsInFlight: 0 })
    expect(upstream.handshakes).toBe(2)
  })
})

describe('what the gateway answers by itself', () => {
  test('ping', async () => {
    const { endpoint, upstream } = await start()
    const session = await openSession(endpoint)
    expect((await session.post(rpc('ping', undefined, 5))).text).toBe('{"jsonrpc":"2.0","id":5,"result":{}}')
    expect(upstream.requests).toHaveLength(0)
  })

  test('logging/setLevel, checked', async () => {
    const { endpoint, upstream } = await start()
    const session = await openSession(endpoint)
    expect((await session.post(rpc('logging/setLevel', { level: 'warning' }))).json.result).toEqual({})
    expect((await session.post(rpc('logging/setLevel', { level: 'loud' }))).json.error.code).toBe(-32602)
    expect(upstream.requests).toHaveLength(0)
  })

  test('logging/setLevel is unknown where the server does not log', async () => {
    const upstream = new ScriptedUpstream('one')
    upstream.shake = async () => ({ ...handshake, capabilities: {} })
    const { endpoint } = await start(upstream)
    const session = await openSession(endpoint)
    expect((await session.post(rpc('logging/setLevel', { level: 'info' }))).json.error.code).toBe(-32601)
  })

  test('notifications and answers get 202 and an empty body', async () => {
    const { endpoint, upstream } = await start()
    const session = await openSession(endpoint)
    for (const body of [
      note('notifications/initialized'),
      note('notifications/roots/list_changed'),
      '{"jsonrpc":"2.0","id":1,"result":{}}',
    ]) {
      const reply = await session.post(body)
      expect([reply.status, reply.text]).toEqual([202, ''])
    }
    expect(upstream.requests).toHaveLength(0)
  })
})

describe('the life of a session', () => {
  test('it ends after 30 idle minutes, and a request puts that off', async () => {
    const clock = new FakeClock()
    const { endpoint, gateway } = await start(undefined, { clock })
    const session = await openSession(endpoint)
    await clock.advance(29 * minuteMs)
    expect((await session.post(rpc('ping'))).status).toBe(200)
    await clock.advance(29 * minuteMs)
    expect((await session.post(rpc('ping'))).status).toBe(200)
    const closed: GatewayEvents['session.closed'][] = []
    gateway.events.on('session.closed', (event) => closed.push(event))
    await clock.advance(31 * minuteMs)
    expect((await session.post(rpc('ping'))).status).toBe(404)
    expect(closed).toMatchObject([{ reason: 'idle', requests: 3 }])
  })

  test('a request under way and an open stream keep it alive', async () => {
    const clock = new FakeClock()
    const { promise, resolve } = Promise.withResolvers<string>()
    const { endpoint, gateway } = await start(new ScriptedUpstream('one', () => promise), { clock })
    const busy = await openSession(endpoint)
    const listening = await openSession(endpoint)
    const stream = await open(endpoint, { method: 'GET', headers: listening.headers })
    const call = busy.post(rpc('tools/call', { name: 'slow' }))
    await expect.poll(() => gateway.state().requestsInFlight).toBe(1)
    await clock.advance(60 * minuteMs)
    expect(gateway.state().sessions).toBe(2)
    resolve('{}')
    expect((await call).status).toBe(200)
    stream.destroy()
    await expect.poll(() => clock.advance(31 * minuteMs).then(() => gateway.state().sessions)).toBe(0)
  })

  test('at the limit the longest idle one gives way; with none idle a new one is refused', async () => {
    const clock = new FakeClock()
    const { promise, resolve } = Promise.withResolvers<string>()
    const upstream = new ScriptedUpstream('one', () => promise)
    const { endpoint, gateway } = await start(upstream, { clock, limits: { maxSessions: 2 } })
    const first = await openSession(endpoint)
    await clock.advance(1)
    const second = await openSession(endpoint)
    await clock.advance(1)
    await first.post(rpc('ping'))
    const third = await openSession(endpoint)
    expect((await second.post(rpc('ping'))).status).toBe(404)
    expect(gateway.state().sessions).toBe(2)
    const calls = [first.post(rpc('a')), third.post(rpc('b'))]
    await expect.poll(() => upstream.inFlight).toBe(2)
    const refused = await send(endpoint, { body: initialize('2025-11-25', 9) })
    expect([refused.status, refused.json.id, refused.json.error.code]).toEqual([503, 9, -32000])
    resolve('{}')
    for (const call of calls) expect((await call).status).toBe(200)
  })

  test('it survives that its upstream is stopped, removed and added again', async () => {
    const { endpoint, upstreams, upstream } = await start(new ScriptedUpstream('one', () => '{"from":"old"}'))
    const session = await openSession(endpoint)
    upstream.config = { ...upstream.config, enabled: false }
    const stopped = (await session.post(rpc('tools/list'))).json.error
    expect(stopped).toMatchObject({ code: -32603, data: { code: 'POOL_CLOSED' } })
    expect(stopped.message).toContain('stopped')
    upstreams.delete('one')
    expect((await session.post(rpc('tools/list'))).status).toBe(404)
    upstreams.set('one', new ScriptedUpstream('one', () => '{"from":"new"}'))
    expect((await session.post(rpc('tools/list'))).json.result).toEqual({ from: 'new' })
    expect(upstream.events.listenerCount).toBe(0)
  })

  test('nothing listens to an upstream without sessions', async () => {
    const { endpoint, upstream } = await start()
    const session = await openSession(endpoint)
    expect(upstream.events.listenerCount).toBe(1)
    await send(endpoint, { method: 'DELETE', headers: session.headers })
    expect(upstream.events.listenerCount).toBe(0)
  })
})
