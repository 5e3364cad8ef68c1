import { describe, expect, test } from 'vitest'
import type { UpstreamRequest } from '../../../electron/upstream/types.ts'
import { AppError } from '../../../shared/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type ClientSession, note, openSession, rpc, startGateway } from '../support/harness.ts'
import { open, send, sse } from '../support/http.ts'
import { metaKey, modernVersion } from '../support/modern.ts'
import { handshake, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts'

const discover =
  '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"logging":{},"x":9007199254740993,"extensions":{"io.modelcontextprotocol/tasks":{},"y":{}}},"instructions":"how","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m","version":"2","title":"T"}}}'

const asks = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } }

/** A legacy client before a server that speaks only the modern era. */
async function start(
  script: Script = () => '{"resultType":"complete"}',
  options: Parameters<typeof startGateway>[0] = {},
) {
  const upstream = new ScriptedUpstream('one', script)
  upstream.eras = ['modern']
  upstream.shake = async () => ({
    ...handshake,
    era: 'modern',
    protocolVersion: modernVersion,
    initializeResult: discover,
    capabilities: { tools: { listChanged: true }, logging: {} },
    serverInfo: { name: 'm', version: '2' },
  })
  const started = await startGateway({ upstreams: [upstream], ...options })
  const endpoint = `${started.url}/mcp/one`
  const join = (capabilities: Record<string, unknown> = {}) => openSession(endpoint, '2025-11-25', capabilities)
  return { ...started, upstream, endpoint, join }
}

const meta = (request: UpstreamRequest | undefined) => JSON.parse(request?.params ?? '{}')._meta

describe('initialize', () => {
  test('tells what the server said in its DiscoverResult, as it said it; tasks of the new kind are left out', async () => {
    const { join, upstream } = await start()
    const session = await join()
    expect(session.initialized.text).toContain(
      '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"logging":{},"x":9007199254740993,"extensions":{"y":{}}},"serverInfo":{"name":"m","version":"2","title":"T"},"instructions":"how"}',
    )
    expect(upstream.sessions).toEqual([])
  })

  test('a revision older than the newest is agreed on', async () => {
    const { endpoint } = await start()
    expect((await openSession(endpoint, '2024-11-05')).initialized.json.result.protocolVersion).toBe('2024-11-05')
  })
})

describe('requests', () => {
  test('carry the envelope: version, client and what it can be asked while it waits', async () => {
    const { join, upstream } = await start()
    const session = await join(asks)
    await session.post(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":9007199254740993,"io.modelcontextprotocol/logLevel":"forged"},"name":"t", "task":{},"arguments":{"n":9007199254740993}}}',
    )
    const json = { accept: 'application/json' }
    await session.post(rpc('tools/list'), { headers: { ...session.headers, ...json } })
    expect(upstream.requests[0]?.params).toContain('"name":"t","arguments":{"n":9007199254740993}')
    expect(upstream.requests[0]?.params).toContain('"progressToken":9007199254740993')
    expect(upstream.requests[0]?.params).not.toContain('"task"')
    expect(meta(upstream.requests[0])).toMatchObject({
      [metaKey('protocolVersion')]: modernVersion,
      [metaKey('clientInfo')]: { name: 'test', version: '1' },
      [metaKey('clientCapabilities')]: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} },
      [metaKey('logLevel')]: 'debug',
    })
    // Whoever takes no events can't be asked.
    expect(meta(upstream.requests[1])[metaKey('clientCapabilities')]).toEqual({})
    expect(upstream.requests.map(({ profile }) => profile?.era)).toEqual(['modern', 'modern'])
  })

  test('a level that was set goes with each request', async () => {
    const { join, upstream } = await start()
    const session = await join()
    expect((await session.post(rpc('logging/setLevel', { level: 'error' }))).json.result).toEqual({})
    await session.post(rpc('tools/list'))
    expect(upstream.requests.map((request) => meta(request)[metaKey('logLevel')])).toEqual(['error'])
  })

  test('of the modern era, and of tasks, are -32601', async () => {
    const { join, upstream } = await start()
    const session = await join()
    for (const method of ['server/discover', 'subscriptions/listen', 'tasks/get'])
      expect((await session.post(rpc(method))).json.error.code).toBe(-32601)
    expect(upstream.requests).toEqual([])
  })
})

describe('results', () => {
  test('lose what only modern clients know, and nothing else', async () => {
    const { join } = await start(
      () =>
        '{"resultType":"complete", "z":9007199254740993,"tools":[ {"name":"a"} ],"ttlMs":1,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{},"x/y":1}}',
    )
    const reply = await (await join()).post(rpc('tools/list', {}, 1))
    expect(reply.text).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"z":9007199254740993,"tools":[ {"name":"a"} ],"_meta":{"x/y":1}}}',
    )
  })

  test('an empty one is {}', async () => {
    const { join } = await start(
      () => '{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m"}}}',
    )
    expect((await (await join()).post(rpc('x/y', {}, 1))).text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}')
  })

  test('only object schemas and structured objects remain; other content becomes a text', async () => {
    const answers: Record<string, string> = {
      'tools/list':
        '{"tools":[{"name":"a","outputSchema":{"type":"array"}},{"name":"b","outputSchema":{"type":"object"}}]}',
      list: '{"content":[],"structuredContent":[1,9007199254740993]}',
      told: '{"content":[{"type":"text","text":"t"}],"structuredContent":7}',
      object: '{"content":[],"structuredContent":{"a":9007199254740993}}',
    }
    const { join } = await start(
      ({ method, params }) => answers[method] ?? answers[JSON.parse(params ?? '').name] ?? '',
    )
    const session = await join()
    const call = async (name: string) => (await session.post(rpc('tools/call', { name }, 1))).text
    expect((await session.post(rpc('tools/list'))).json.result.tools).toEqual([
      { name: 'a' },
      { name: 'b', outputSchema: { type: 'object' } },
    ])
    expect(await call('list')).toContain('"result":{"content":[{"type":"text","text":"[1,9007199254740993]"}]}')
    expect(await call('told')).toContain('"result":{"content":[{"type":"text","text":"t"}]}')
    expect(await call('object')).toContain('"structuredContent":{"a":9007199254740993}')
  })

  test('modern errors become -32603; a missing capability is told to the model', async () => {
    const { join } = await start(() => ({
      error: '{"code":-32021,"message":"needs x", "data":{"n":9007199254740993}}',
    }))
    const session = await join()
    expect((await session.post(rpc('tools/call', { name: 't' }))).json.result).toEqual({
      content: [{ type: 'text', text: 'needs x' }],
      isError: true,
    })
    expect((await session.post(rpc('prompts/get', { name: 'p' }))).json.error.code).toBe(-32603)
  })
})

/** Answers what the server asks on the stream of a request; returns what it got. */
async function converse(session: ClientSession, body: string, answer: (question: Asked) => object | undefined) {
  const asked: Asked[] = []
  const response = await open(session.endpoint, { headers: session.headers, body })
  const events = sse(response)
  for (;;) {
    const event = await events.next()
    if (!event) throw new Error('the stream ended without an answer')
    if (!event.data) continue
    const message = JSON.parse(event.data)
    if (!message.method) return { asked, reply: message }
    asked.push(message)
    const given = message.id === undefined ? undefined : answer(message)
    if (given)
      expect((await session.post(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...given }))).status).toBe(202)
  }
}

interface Asked {
  id?: number
  method: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server asked
  params?: any
}

describe('input_required', () => {
  const required = (requests: object | undefined, state?: string) =>
    JSON.stringify({ resultType: 'input_required', inputRequests: requests, requestState: state })
  const form = {
    method: 'elicitation/create',
    params: { message: 'Name?', requestedSchema: { type: 'object', properties: {} } },
  }

  test('is asked by real requests on that POST’s stream; the retry has this round’s answers and the state', async () => {
    const replies = [
      required({ a: form, b: { method: 'roots/list' } }, 'state-1'),
      '{"resultType":"input_required","inputRequests":{"c":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":9007199254740993}}},"requestState":"s\\/2"}',
      '{"resultType":"complete","content":[]}',
    ]
    const { join, upstream } = await start(() => replies.shift() ?? '')
    const session = await join(asks)
    const { asked, reply } = await converse(session, rpc('tools/call', { name: 't' }, 'x'), ({ method }) =>
      method === 'roots/list' ? { result: { roots: [] } } : { result: { action: 'accept', n: 1 } },
    )
    expect(reply).toEqual({ jsonrpc: '2.0', id: 'x', result: { content: [] } })
    expect(asked.map(({ method }) => method)).toEqual(['elicitation/create', 'roots/list', 'sampling/createMessage'])
    expect(asked[0]?.params).toEqual(form.params)
    expect(new Set(asked.map(({ id }) => id)).size).toBe(3)
    const [first, second, third] = upstream.requests
    expect(second?.params).toContain(
      '"inputResponses":{"a":{"action":"accept","n":1},"b":{"roots":[]}},"requestState":"state-1"',
    )
    expect(third?.params).toContain('"inputResponses":{"c":{"action":"accept","n":1}},"requestState":"s\\/2"')
    expect([first?.only, second?.only, third?.only]).toEqual([undefined, 'one#1', 'one#1'])
    expect(meta(third)).toEqual(meta(first))
  })

  test('a URL gets the id that its era requires', async () => {
    const url = { method: 'elicitation/create', params: { mode: 'url', message: 'm', url: 'https://x.y' } }
    const replies = [required({ a: url }), '{"resultType":"complete","content":[]}']
    const { join } = await start(() => replies.shift() ?? '')
    const { asked } = await converse(await join(asks), rpc('tools/call', { name: 't' }), () => ({
      result: { action: 'accept' },
    }))
    expect(asked[0]?.params).toEqual({ ...url.params, elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
  })

  test('without questions it is tried again after a moment, with the state alone', async () => {
    const replies = [required(undefined, 'later'), '{"resultType":"complete"}']
    const { join, upstream } = await start(() => replies.shift() ?? '')
    expect((await (await join()).post(rpc('prompts/get', { name: 'p' }))).json.result).toEqual({})
    const retried = JSON.parse(upstream.requests[1]?.params ?? '')
    expect(retried.requestState).toBe('later')
    expect(retried.inputResponses).toBeUndefined()
  })

  test.each([
    ['a capability that was not declared', {}, required({ a: form }), /declare/],
    ['a question of an unknown kind', asks, required({ a: { method: 'x/y' } }), /unknown kind/],
    ['nothing at all', asks, required(undefined), /not for which/],
    ['the ninth round', asks, required(undefined, 's'), /8 rounds/],
  ])('%s fails a tool for the model, and anything else with -32603', async (_, capabilities, reply, message) => {
    const clock = new FakeClock()
    const { join } = await start(() => reply, { clock })
    const session = await join(capabilities)
    const post = async (method: string) => {
      const posted = session.post(rpc(method, { name: 'n' }))
      let settled = false
      void posted.then(() => {
        settled = true
      })
      await expect.poll(() => clock.advance(250).then(() => settled)).toBe(true)
      return (await posted).json
    }
    const { result } = await post('tools/call')
    expect([result.isError, result.content[0].text]).toEqual([true, expect.stringMatching(message)])
    expect((await post('prompts/get')).error).toMatchObject({ code: -32603, message: expect.stringMatching(message) })
  })

  test('a client that refuses, and one that does not answer in ten minutes, fail the call; others are told', async () => {
    const clock = new FakeClock()
    const { join } = await start(() => required({ a: form, b: form }), { clock })
    const session = await join(asks)
    const refused = await converse(session, rpc('tools/call', { name: 't' }), ({ id }) =>
      id === 1 ? { error: { code: -1, message: 'no' } } : undefined,
    )
    expect(refused.reply.result.content[0].text).toContain('no')
    expect(refused.asked.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 2 } })
    const late = converse(session, rpc('tools/call', { name: 't' }), () => {
      void clock.advance(600_000)
      return undefined
    })
    expect((await late).reply.result.isError).toBe(true)
  })

  test('a cancelled request takes its questions back', async () => {
    const { join, gateway } = await start(() => required({ a: form }))
    const session = await join(asks)
    const { asked, reply } = await converse(session, rpc('tools/call', { name: 't' }, 'c'), () => {
      void session.post(note('notifications/cancelled', { requestId: 'c' }))
      return undefined
    })
    expect(asked.map(({ method }) => method)).toEqual(['elicitation/create', 'notifications/cancelled'])
    expect(reply.error.data.code).toBe('ABORTED')
    expect(gateway.state().requestsInFlight).toBe(0)
  })
})

describe('what the server tells outside of requests', () => {
  test('is asked for when a client listens, once for all, and no longer than there are sessions', async () => {
    const { join, upstream, endpoint } = await start()
    const [a, b] = [await join(), await join()]
    expect(upstream.watches.size).toBe(0)
    const streams = []
    for (const session of [a, b]) {
      const events = sse(await open(endpoint, { method: 'GET', headers: session.headers }))
      await events.next()
      streams.push(events)
    }
    await expect.poll(() => [...upstream.watches].map(({ what }) => what)).toEqual([{ list: 'tools' }])
    const message = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    for (const { listener } of upstream.watches) listener({ method: 'notifications/tools/list_changed', message })
    for (const events of streams) expect((await events.next())?.data).toBe(message)
    for (const { headers } of [a, b]) await send(endpoint, { method: 'DELETE', headers })
    expect(upstream.watches.size + upstream.events.listenerCount).toBe(0)
  })

  test('subscriptions are watches', async () => {
    const { join, upstream } = await start()
    const session = await join()
    expect((await session.post(rpc('resources/subscribe', { uri: 'a:1' }))).json.result).toEqual({})
    expect([...upstream.watches].map(({ what }) => what)).toEqual([{ uri: 'a:1' }])
    expect(upstream.requests).toEqual([])
  })
})

test('a server whose revisions we do not speak is 400 with -32022 and what it supports', async () => {
  const { endpoint, upstream } = await start()
  upstream.shake = async () => {
    throw new AppError('HANDSHAKE_FAILED', 'speaks only later revisions', {
      error: { code: -32022, data: { supported: ['2030-01-01'] } },
    })
  }
  const reply = (await openSession(endpoint)).initialized
  expect([reply.status, reply.json.error.code, reply.json.error.data]).toEqual([
    400,
    -32022,
    { supported: ['2030-01-01'] },
  ])
})
