import { describe, expect, test } from 'vitest'
import type { ServerNotification, UpstreamRequest } from '../../../electron/upstream/types.ts'
import { AppError } from '../../../shared/errors.ts'
import { openSession, rpc, startGateway } from '../support/harness.ts'
import { send, sse } from '../support/http.ts'
import { metaKey, modern, modernBody, modernSent, modernVersion } from '../support/modern.ts'
import { handshake, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts'

const discover =
  '{ "resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}},"x-big":12345678901234567890,"ttlMs":60000,"cacheScope":"public" }'

function modernUpstream(script: Script = () => '{"resultType":"complete"}', config = {}): ScriptedUpstream {
  const upstream = new ScriptedUpstream('one', script, config)
  upstream.eras = ['modern']
  upstream.shake = async () => ({
    ...handshake,
    era: 'modern',
    initializeResult: discover,
    protocolVersion: modernVersion,
    capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
  })
  return upstream
}

async function start(script?: Script, options: Parameters<typeof startGateway>[0] = {}) {
  const upstream = modernUpstream(script)
  const started = await startGateway({ upstreams: [upstream], ...options })
  const endpoint = `${started.url}/mcp/one`
  return { ...started, upstream, endpoint, client: modern(endpoint) }
}

/** Of the test's own requests: the gateway lists the tools once before the first call. */
const sentTo = (upstream: ScriptedUpstream) => upstream.requests.filter(({ method }) => method !== 'tools/list')

describe('what passes', () => {
  test('a result passes byte for byte: numbers beyond 2^53, unknown members, order and spacing', async () => {
    const result =
      '{ "z":9007199254740993,  "resultType":"complete","content":[{"type":"text","text":"é","x-new":1e400}],"a":1.0 }'
    const { client, upstream } = await start(({ method }) => (method === 'tools/call' ? result : '{"tools":[]}'))
    const params = '{"name":"t", "arguments":{"big":9007199254740993,"e":1e400}}'
    const reply = await client.post('tools/call', params, { id: 'x' })
    expect(reply.status).toBe(200)
    expect(reply.text).toBe(`{"jsonrpc":"2.0","id":"x","result":${result}}`)
    expect(sentTo(upstream)[0]?.params).toContain('"name":"t", "arguments":{"big":9007199254740993,"e":1e400}')
    expect(sentTo(upstream)[0]?.params).toContain('"io.modelcontextprotocol/clientInfo"')
  })

  test('an error passes byte for byte, under the status that its code has', async () => {
    const errors: Record<string, string> = {
      a: '{"code":-32601,"message":"?", "data":{"n":9007199254740993}}',
      b: '{"code":-32021,"message":"?","data":{"requiredCapabilities":{"sampling":{}}}}',
      c: '{"code":-32602,"message":"?"}',
      d: '{"code":-32022,"message":"?"}',
      e: '{"code":-32603,"message":"?"}',
    }
    const { client } = await start(({ method }) => ({ error: errors[method] ?? '' }))
    const statuses: Record<string, number> = {}
    for (const [method, error] of Object.entries(errors)) {
      const reply = await client.post(method, {}, { id: 1 })
      expect(reply.text).toBe(`{"jsonrpc":"2.0","id":1,"error":${error}}`)
      statuses[method] = reply.status
    }
    expect(statuses).toEqual({ a: 404, b: 400, c: 200, d: 200, e: 200 })
  })

  test('server/discover is the cached DiscoverResult, byte for byte', async () => {
    const { client, upstream } = await start()
    const reply = await client.post('server/discover', {}, { id: 7 })
    expect(reply.text).toBe(`{"jsonrpc":"2.0","id":7,"result":${discover}}`)
    expect(upstream.requests).toEqual([])
  })

  test('session and event ids are ignored; there is no session', async () => {
    const { client, gateway } = await start()
    const reply = await client.post('x/y', {}, { headers: { 'mcp-session-id': 'nobody', 'last-event-id': '1-1' } })
    expect([reply.status, reply.headers['mcp-session-id'], gateway.state().sessions]).toEqual([200, undefined, 0])
  })

  test('a notification is 202 and goes no further', async () => {
    const { endpoint, upstream } = await start()
    const body = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}'
    const reply = await send(endpoint, { body, headers: { 'mcp-protocol-version': modernVersion } })
    expect([reply.status, reply.text, upstream.requests.length]).toEqual([202, '', 0])
  })

  test('progress and what was logged come before the result; without a log level nothing is logged', async () => {
    const note = (method: string, params: object): ServerNotification => ({
      method,
      message: JSON.stringify({ jsonrpc: '2.0', method, params }),
    })
    const { client } = await start(({ onNotification }) => {
      onNotification?.(note('notifications/progress', { progressToken: 't', progress: 1 }))
      onNotification?.(note('notifications/message', { level: 'info', data: 'said' }))
      return '{"resultType":"complete"}'
    })
    const methods = async (logLevel?: string) => {
      const response = await client.open('prompts/get', { name: 'p' }, { ...(logLevel && { logLevel }) })
      expect(response.headers['x-accel-buffering']).toBe('no')
      return (await sse(response).all()).map(({ id, data }) => [id, JSON.parse(data ?? '{}').method ?? 'result'])
    }
    expect(await methods()).toEqual([
      [undefined, 'notifications/progress'],
      [undefined, 'result'],
    ])
    expect(await methods('info')).toEqual([
      [undefined, 'notifications/progress'],
      [undefined, 'notifications/message'],
      [undefined, 'result'],
    ])
  })
})

describe('what is refused', () => {
  test('methods of the legacy era are 404 with -32601, whatever the server would say', async () => {
    const { client, upstream } = await start()
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) {
      const reply = await client.post(method, {}, { id: 3 })
      expect([method, reply.status, reply.json.error.code, reply.json.id]).toEqual([method, 404, -32601, 3])
    }
    expect(upstream.requests).toEqual([])
  })

  test('GET and DELETE are 405 for who names a modern revision', async () => {
    const { endpoint } = await start()
    for (const method of ['GET', 'DELETE']) {
      const reply = await send(endpoint, { method, headers: { 'mcp-protocol-version': modernVersion } })
      expect([reply.status, reply.headers.allow]).toEqual([405, 'POST'])
    }
  })

  test.each([
    ['an unknown version', { version: 'v999.0.0' }, {}, -32022],
    ['another version in the header', {}, { 'mcp-protocol-version': '2025-11-25' }, -32020],
    ['no version header', {}, { 'mcp-protocol-version': undefined }, -32020],
    ['no method header', {}, { 'mcp-method': undefined }, -32020],
    ['another method header', {}, { 'mcp-method': 'tools/list' }, -32020],
    ['a method header in other letters', {}, { 'mcp-method': 'TOOLS/CALL' }, -32020],
    ['no name header', {}, { 'mcp-name': undefined }, -32020],
    ['another name header', {}, { 'mcp-name': 'u' }, -32020],
    ['a name header in Base64 that is none', {}, { 'mcp-name': '=?base64?dB=?=' }, -32020],
  ])('%s', async (_, options, headers, code) => {
    const { client, upstream } = await start()
    const reply = await client.post('tools/call', { name: 't' }, { ...options, headers, id: 'me' })
    expect([reply.status, reply.json.error.code, reply.json.id]).toEqual([400, code, 'me'])
    if (code === -32022) expect(reply.json.error.data).toEqual({ supported: [modernVersion], requested: 'v999.0.0' })
    expect(upstream.requests).toEqual([])
  })

  test('a name in Base64, and white space around header values, are understood', async () => {
    const { client } = await start()
    const name = 'wétter 数'
    const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`
    for (const header of [encoded, `\t ${encoded} `])
      expect((await client.post('tools/call', { name }, { headers: { 'mcp-name': header } })).status).toBe(200)
  })

  test('missing members of the envelope are 400 with -32602', async () => {
    const { endpoint, upstream } = await start()
    const headers = { 'mcp-protocol-version': modernVersion, 'mcp-method': 'tools/list' }
    for (const _meta of [{}, { 'io.modelcontextprotocol/protocolVersion': modernVersion }, undefined]) {
      const reply = await send(endpoint, { headers, body: rpc('tools/list', { _meta }, 4) })
      expect([reply.status, reply.json.error.code, reply.json.id]).toEqual([400, -32602, 4])
    }
    expect(upstream.requests).toEqual([])
  })

  test('a batch with a modern message', async () => {
    const { endpoint } = await start()
    const reply = await send(endpoint, { ...modernSent('tools/list'), body: `[${modernBody('tools/list')}]` })
    expect([reply.status, reply.json.error.code]).toEqual([400, -32600])
  })

  test('a failure of ours is 200 with -32603 and its code', async () => {
    const { client, gateway } = await start(() => {
      throw new AppError('QUEUE_FULL', 'full', { pool: { max: 4 } })
    })
    const reply = await client.post('prompts/list')
    expect([reply.status, reply.json.error.code, reply.json.error.data.code]).toEqual([200, -32603, 'QUEUE_FULL'])
    expect(gateway.state().requestsInFlight).toBe(0)
  })

  test('a stopped upstream says so', async () => {
    const { client, upstream } = await start()
    upstream.config = { ...upstream.config, enabled: false }
    expect((await client.post('server/discover')).json.error.data.code).toBe('POOL_CLOSED')
  })
})

describe('arguments in headers', () => {
  const tools = JSON.stringify({
    tools: [
      {
        name: 't',
        inputSchema: {
          type: 'object',
          properties: {
            region: { type: 'string', 'x-mcp-header': 'Region' },
            deep: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'Count' } } },
          },
        },
      },
    ],
    resultType: 'complete',
  })
  const script: Script = ({ method }) => (method === 'tools/list' ? tools : '{"resultType":"complete","content":[]}')
  const args = (region: unknown, n?: unknown) => ({ name: 't', arguments: { region, deep: { n } } })
  const base64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`

  test.each([
    ['equal', args('eu', 42), { 'mcp-param-region': 'eu', 'mcp-param-count': '42' }, 200],
    ['equal as a number', args('eu', 42), { 'mcp-param-region': 'eu', 'mcp-param-count': '42.0' }, 200],
    ['equal in Base64', args('ü', null), { 'mcp-param-region': base64('ü') }, 200],
    ['absent with its argument', args(undefined), {}, 200],
    ['other letters', args('eu'), { 'mcp-param-region': 'EU' }, 400],
    ['missing', args('eu'), {}, 400],
    ['Base64 that is none', args('eu'), { 'mcp-param-region': '=?base64?ZX?=' }, 400],
    ['another number', args('eu', 42), { 'mcp-param-region': 'eu', 'mcp-param-count': '43' }, 400],
  ])('%s', async (_, params, headers, status) => {
    const { client, upstream } = await start(script)
    const reply = await client.post('tools/call', params, { headers })
    expect([reply.status, reply.json.error?.code]).toEqual([status, status === 400 ? -32020 : undefined])
    expect(sentTo(upstream)).toHaveLength(status === 200 ? 1 : 0)
  })

  test('tools are listed once, and learnt anew from lists that pass', async () => {
    let list = '{"tools":[]}'
    const { client, upstream } = await start(({ method }) => (method === 'tools/list' ? list : '{}'))
    for (let i = 0; i < 3; i++) expect((await client.post('tools/call', args('eu'))).status).toBe(200)
    const listed = upstream.requests.filter(({ method }) => method === 'tools/list')
    expect(listed).toHaveLength(1)
    expect(JSON.parse(listed[0]?.params ?? '')._meta).toEqual({
      [metaKey('protocolVersion')]: modernVersion,
      [metaKey('clientInfo')]: { name: 'modern-test', version: '1' },
      [metaKey('clientCapabilities')]: {},
    })
    list = tools
    await client.post('tools/list')
    expect((await client.post('tools/call', args('eu'))).status).toBe(400)
  })

  test('a server that can not list its tools is called all the same', async () => {
    const { client } = await start(({ method }) =>
      method === 'tools/list' ? { error: '{"code":-32601,"message":"?"}' } : '{}',
    )
    expect((await client.post('tools/call', args('eu'))).status).toBe(200)
  })
})

describe('closing the response', () => {
  test('cancels the request, before and after events began', async () => {
    const signals: AbortSignal[] = []
    const { client, upstream, gateway } = await start((request: UpstreamRequest) => {
      if (request.signal) signals.push(request.signal)
      if (request.method === 'prompts/get')
        request.onNotification?.({
          method: 'notifications/progress',
          message: '{"jsonrpc":"2.0","method":"notifications/progress"}',
        })
      return new Promise(() => {})
    })
    const quiet = new AbortController()
    const { body, headers } = modernSent('resources/list')
    const all = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers }
    const dropped = fetch(`${gateway.state().url}/mcp/one`, {
      method: 'POST',
      body: String(body),
      headers: Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      signal: quiet.signal,
    }).catch((error) => error.name)
    await expect.poll(() => upstream.inFlight).toBe(1)
    quiet.abort()
    expect(await dropped).toBe('AbortError')
    await expect.poll(() => upstream.inFlight).toBe(0)
    const streaming = await client.open('prompts/get', { name: 'p' })
    streaming.destroy()
    await expect.poll(() => upstream.inFlight).toBe(0)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(gateway.state().requestsInFlight).toBe(0)
  })
})

describe('affinity', () => {
  test('a requestState and a cursor go back to the process that gave them, byte for byte', async () => {
    const { client, upstream } = await start(({ method }) =>
      method === 'prompts/list'
        ? '{"prompts":[],"nextCursor":"c\\u0031","resultType":"complete"}'
        : '{"resultType":"input_required","requestState":"s\\/1"}',
    )
    await client.post('prompts/get', { name: 'p' })
    await client.post('prompts/list')
    await client.post('prompts/get', '{"name":"p","requestState":"s\\/1","inputResponses":{}}')
    await client.post('prompts/list', { cursor: 'c1' })
    await client.post('prompts/get', { name: 'p', requestState: 'unknown' })
    expect(upstream.requests.map(({ only }) => only)).toEqual([undefined, undefined, 'one#1', 'one#1', undefined])
    expect(upstream.requests[2]?.params).toContain('"requestState":"s\\/1"')
  })

  test('a list goes on elsewhere when the process of its cursor is gone; a call with its state does not', async () => {
    const { client, upstream } = await start(({ method, only }) => {
      if (only !== undefined) throw new AppError('CONNECTION_LOST', 'gone')
      return method === 'prompts/list' ? '{"nextCursor":"c"}' : '{"resultType":"input_required","requestState":"s"}'
    })
    await client.post('prompts/list')
    await client.post('prompts/get', { name: 'p' })
    expect((await client.post('prompts/list', { cursor: 'c' })).json.result).toEqual({ nextCursor: 'c' })
    expect((await client.post('prompts/get', { name: 'p', requestState: 's' })).json.error.data.code).toBe(
      'CONNECTION_LOST',
    )
    expect(upstream.requests).toHaveLength(5)
  })
})

test('both eras share one URL', async () => {
  const { endpoint, client, upstream } = await start(() => '{"resultType":"complete","prompts":[]}')
  upstream.eras = ['modern', 'legacy']
  upstream.shake = async () => handshake
  const session = await openSession(endpoint)
  expect((await session.post(rpc('prompts/list'))).status).toBe(200)
  expect((await client.post('prompts/list')).status).toBe(200)
  expect(upstream.requests.map(({ profile }) => profile)).toEqual([
    { era: 'legacy', capabilities: '{}' },
    { era: 'modern', capabilities: '{}' },
  ])
})
