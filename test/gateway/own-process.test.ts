import { describe, expect, test } from 'vitest'
import type { Handshake } from '../../electron/upstream/types.ts'
import { AppError } from '../../shared/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { note, openSession, rpc, startGateway } from './support/harness.ts'
import { open, send, sse } from './support/http.ts'
import { handshake, type Script, ScriptedUpstream, serverRequest } from './support/scripted-upstream.ts'

const roots = { roots: { listChanged: true } }
const json = (event: { data?: string } | undefined) => JSON.parse(event?.data || 'null')

async function start(script: Script = () => '{}', config = {}, options: Parameters<typeof startGateway>[0] = {}) {
  const upstream = new ScriptedUpstream('one', script, config)
  const started = await startGateway({ upstreams: [upstream], ...options })
  const endpoint = `${started.url}/mcp/one`
  const listen = async (session: { headers: Record<string, string> }) => {
    const events = sse(await open(endpoint, { method: 'GET', headers: session.headers }))
    await events.next()
    return events
  }
  return { ...started, upstream, endpoint, listen }
}

describe('who gets a process of its own', () => {
  test.each([
    ['a client that declares roots', {}, roots, 1],
    ['any client of an upstream with isolation "session"', { isolation: 'session' }, {}, 1],
    ['nobody of an upstream that multiplexes', { isolation: 'multiplex' }, roots, 0],
    ['nobody else', {}, { sampling: {}, elicitation: {} }, 0],
  ])('%s', async (_, config, capabilities, own) => {
    const { endpoint, upstream } = await start(undefined, config)
    const session = await openSession(endpoint, '2025-11-25', capabilities)
    await session.post(rpc('tools/list'))
    expect(upstream.sessions).toHaveLength(own)
    expect(upstream.sessions[0]?.requests.length ?? 0).toBe(own)
  })

  test('clients that declare the same, in whichever order, share processes; others do not', async () => {
    const { endpoint, upstream } = await start()
    for (const capabilities of [
      { sampling: {}, elicitation: { url: {}, form: {} } },
      { elicitation: { form: {}, url: {} }, sampling: {} },
      {},
    ]) {
      const session = await openSession(endpoint, '2025-11-25', capabilities)
      await session.post(rpc('tools/list'))
    }
    const [a, b, c] = upstream.requests.map(({ profile }) => profile?.capabilities)
    expect(a).toBe('{"elicitation":{"form":{},"url":{}},"sampling":{}}')
    expect([b, c]).toEqual([a, '{}'])
  })
})

describe('a process of its own', () => {
  test('gets the client’s initialize and notifications as they are, and its answer comes back byte for byte', async () => {
    const { endpoint, upstream } = await start()
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{ "protocolVersion":"2025-06-18","capabilities":{"roots":{"x":9007199254740993}},"clientInfo":{"name":"n","version":"1"}}}'
    upstream.shake = async () => ({
      ...handshake,
      initializeResult: '{ "protocolVersion":"2025-06-18","x":1e400}',
      protocolVersion: '2025-06-18',
    })
    const reply = await send(endpoint, { body })
    expect(upstream.sessions[0]?.initialize).toBe(
      '{ "protocolVersion":"2025-06-18","capabilities":{"roots":{"x":9007199254740993}},"clientInfo":{"name":"n","version":"1"}}',
    )
    expect(reply.text).toBe('{"jsonrpc":"2.0","id":1,"result":{ "protocolVersion":"2025-06-18","x":1e400}}')
    const headers = { 'mcp-session-id': String(reply.headers['mcp-session-id']) }
    for (const method of ['notifications/initialized', 'notifications/roots/list_changed'])
      expect((await send(endpoint, { headers, body: note(method) })).status).toBe(202)
    expect(upstream.sessions[0]?.notified.map(({ method }) => method)).toEqual([
      'notifications/initialized',
      'notifications/roots/list_changed',
    ])
  })

  test.each(['DELETE', 'idle', 'shutdown', 'upstream'])('ends with its session: %s', async (how) => {
    const clock = new FakeClock()
    const { endpoint, upstream, gateway, upstreams } = await start(undefined, {}, { clock })
    const session = await openSession(endpoint, '2025-11-25', roots)
    if (how === 'DELETE') await send(endpoint, { method: 'DELETE', headers: session.headers })
    else if (how === 'idle') await clock.advance(31 * 60_000)
    else if (how === 'shutdown') await gateway.close({ drainMs: 0 })
    else {
      upstreams.set('one', new ScriptedUpstream('one', () => '{"from":"new"}'))
      expect((await session.post(rpc('tools/list'))).json.result).toEqual({ from: 'new' })
    }
    expect(upstream.sessions.map(({ closed }) => closed)).toEqual([true])
  })

  test('that dies fails what is under way; the next call opens another with the same initialize, and goes on', async () => {
    const { endpoint, upstream } = await start(({ method }) => {
      if (method === 'tools/call') throw new AppError('CONNECTION_LOST', 'gone')
      return '{}'
    })
    const session = await openSession(endpoint, '2025-11-25', roots)
    await session.post(rpc('resources/subscribe', { uri: 'a:1' }))
    await session.post(rpc('logging/setLevel', { level: 'error' }))
    expect((await session.post(rpc('tools/call'))).json.error.data.code).toBe('CONNECTION_LOST')
    upstream.sessions[0]?.end()
    expect((await session.post(rpc('tools/list'))).json.result).toEqual({})
    const [first, second] = upstream.sessions
    expect(second?.initialize).toBe(first?.initialize)
    // What it had been told before it is told again.
    expect(second?.requests.map(({ method }) => method).sort()).toEqual([
      'logging/setLevel',
      'resources/subscribe',
      'tools/list',
    ])
  })

  test('is given up when the client went away before it was ready, or there are too many sessions', async () => {
    const { promise, resolve } = Promise.withResolvers<Handshake>()
    const { endpoint, upstream, gateway } = await start(undefined, {}, { limits: { maxSessions: 0 } })
    upstream.shake = () => promise
    const impatient = new AbortController()
    const request = fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: rpc('initialize', { protocolVersion: '2025-11-25', capabilities: roots }),
      signal: impatient.signal,
    }).catch(() => undefined)
    await expect.poll(() => gateway.state().state).toBe('listening')
    impatient.abort()
    await request
    resolve(handshake)
    const refused = await openSession(endpoint, '2025-11-25', roots)
    expect(refused.initialized.status).toBe(503)
    await expect.poll(() => upstream.sessions.every(({ closed }) => closed)).toBe(true)
    expect(gateway.state().sessions).toBe(0)
  })

  test.each([
    ['shared', 200],
    ['session', 404],
  ])(
    'whose client has gone gives way when others wait; isolation %s: who comes back gets %i',
    async (isolation, status) => {
      const clock = new FakeClock()
      const { endpoint, upstream } = await start(undefined, { isolation }, { clock })
      const gone = await openSession(endpoint, '2025-11-25', roots)
      const listens = await openSession(endpoint, '2025-11-25', roots)
      const stream = await open(endpoint, { method: 'GET', headers: listens.headers })
      const ended = () => upstream.sessions.map(({ closed }) => closed)
      await clock.advance(60_000)
      expect(ended()).toEqual([false, false])
      upstream.waiting = 1
      await clock.advance(500)
      expect(ended()).toEqual([true, false])
      expect((await gone.post(rpc('tools/list'))).status).toBe(status)
      expect(upstream.sessions).toHaveLength(status === 200 ? 3 : 2)
      await clock.advance(9_000)
      expect(ended()[1]).toBe(false)
      stream.destroy()
    },
  )

  test('tells its session, and no other, what it says outside of requests', async () => {
    const { endpoint, upstream, listen } = await start()
    const mine = await openSession(endpoint, '2025-11-25', roots)
    const other = await openSession(endpoint, '2025-11-25', roots)
    const [heard, elsewhere] = [await listen(mine), await listen(other)]
    const said = { method: 'notifications/x', message: '{"jsonrpc":"2.0","method":"notifications/x"}' }
    upstream.sessions[0]?.onNotification(said)
    upstream.sessions[1]?.onNotification({ ...said, message: '{"jsonrpc":"2.0","method":"other"}' })
    expect((await heard.next())?.data).toBe(said.message)
    expect(json(await elsewhere.next()).method).toBe('other')
  })
})

describe('what a server asks', () => {
  test('outside of requests waits for the stream; the answer comes back byte for byte, and only to its own process', async () => {
    const { endpoint, upstream, listen } = await start()
    const mine = await openSession(endpoint, '2025-11-25', roots)
    const other = await openSession(endpoint, '2025-11-25', roots)
    const [one, two] = [serverRequest('roots/list'), serverRequest('roots/list')]
    upstream.sessions[0]?.onServerRequest(one.request)
    upstream.sessions[1]?.onServerRequest(two.request)
    for (const [session, question, result] of [
      [other, two, '{"roots":[2]}'],
      [mine, one, '{ "roots":[9007199254740993]}'],
    ] as const) {
      const asked = json(await (await listen(session)).next())
      expect(asked).toEqual({ jsonrpc: '2.0', id: 1, method: 'roots/list' })
      expect((await session.post(`{"jsonrpc":"2.0","id":1,"result":${result}}`)).status).toBe(202)
      expect(await question.answer).toEqual({ kind: 'result', text: result })
    }
  })

  test('during a call comes on the stream of its POST, with its params as they are', async () => {
    const { request, answer } = serverRequest('sampling/createMessage', '{"maxTokens":9007199254740993, "messages":[]}')
    const { endpoint, upstream } = await start(async ({ onServerRequest }) => {
      onServerRequest?.(request)
      return `{"got":${(await answer).text}}`
    })
    const session = await openSession(endpoint, '2025-11-25', { sampling: {} })
    const events = sse(await open(endpoint, { headers: session.headers, body: rpc('tools/call', {}, 'c') }))
    await events.next()
    const asked = await events.next()
    expect(asked?.data).toContain(
      '"method":"sampling/createMessage","params":{"maxTokens":9007199254740993, "messages":[]}',
    )
    const error = '{"code":-1,"message":"no", "data":1e400}'
    await session.post(`{"jsonrpc":"2.0","id":${json(asked).id},"error":${error}}`)
    expect((await events.next())?.data).toBe(`{"jsonrpc":"2.0","id":"c","result":{"got":${error}}}`)
    // A second answer, and one to nothing, are accepted and go nowhere.
    expect((await session.post('{"jsonrpc":"2.0","id":1,"result":{}}')).status).toBe(202)
    expect(upstream.sessions).toEqual([])
  })

  test('is taken back from the client when the server does not wait any more', async () => {
    const { request, cancel } = serverRequest('elicitation/create')
    const { endpoint } = await start(({ onServerRequest }) => {
      onServerRequest?.(request)
      cancel()
      return '{}'
    })
    const session = await openSession(endpoint, '2025-11-25', { elicitation: {} })
    const all = await sse(await open(endpoint, { headers: session.headers, body: rpc('tools/call') })).all()
    expect(all.map(json).map((message) => message?.params?.requestId ?? message?.method ?? null)).toEqual([
      null,
      'elicitation/create',
      1,
      null,
    ])
  })

  test('is not asked of who declared nothing, or takes no events', async () => {
    const { endpoint, upstream } = await start()
    const plain = await openSession(endpoint)
    await plain.post(rpc('tools/call'))
    const able = await openSession(endpoint, '2025-11-25', { sampling: {} })
    await able.post(rpc('tools/call'), { headers: { accept: 'application/json' } })
    await able.post(rpc('tools/call'))
    expect(upstream.requests.map(({ onServerRequest }) => onServerRequest !== undefined)).toEqual([false, false, true])
  })

  test('is refused to the server when the session ends first', async () => {
    const { endpoint, upstream } = await start()
    const session = await openSession(endpoint, '2025-11-25', roots)
    const { request, answer } = serverRequest('roots/list')
    upstream.sessions[0]?.onServerRequest(request)
    await send(endpoint, { method: 'DELETE', headers: session.headers })
    expect((await answer).kind).toBe('error')
  })
})

describe('a session stays with a shared process', () => {
  const told = {
    method: 'notifications/tools/list_changed',
    message: '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
  }

  test.each([
    ['that announced list_changed while it served it', { name: 't' }, true, '{}'],
    ['that created a task for it', { name: 't', task: { ttl: 1 } }, false, '{"task":{"taskId":"1"}}'],
  ])('%s, for as long as that lives', async (_, params, announces, result) => {
    const { endpoint, upstream } = await start(({ onNotification }) => {
      if (announces) onNotification?.(told)
      return result
    })
    let alive = true
    upstream.pids = () => new Map(alive ? [['one#1', 1]] : [])
    const session = await openSession(endpoint)
    const other = await openSession(endpoint)
    await session.post(rpc('tools/call', params))
    await session.post(rpc('x/y'))
    alive = false
    await session.post(rpc('x/y'))
    if (!announces) await other.post(rpc('x/y'))
    const only = upstream.requests.map((request) => request.only)
    expect(only.slice(0, 3)).toEqual([undefined, 'one#1', undefined])
    expect(only[3]).toBeUndefined()
  })
})
