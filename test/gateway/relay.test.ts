import { describe, expect, test } from 'vitest'
import type { GatewayEvents } from '../../electron/gateway/types.ts'
import type { UpstreamRequest } from '../../electron/upstream/types.ts'
import { AppError } from '../../shared/errors.ts'
import { note, openSession, rpc, startGateway } from './support/harness.ts'
import { send } from './support/http.ts'
import { type Script, ScriptedUpstream } from './support/scripted-upstream.ts'

const session = async (script: Script, version?: string) => {
  const upstream = new ScriptedUpstream('one', script)
  const { url, gateway } = await startGateway({ upstreams: [upstream] })
  return { upstream, gateway, url, client: await openSession(`${url}/mcp/one`, version) }
}

describe('bytes', () => {
  const params = '{ "name":"echo",  "n":12345678901234567890, "dup":1,"dup":2, "s":"\\u0041\\/", "ü":"数" }'
  const result = '{"content":[{"type":"text","text":"\\u00e9é","extra":1e400}],  "big":98765432109876543210}'

  test('params reach the upstream and results the client as they were written', async () => {
    const { client, upstream } = await session(() => result)
    const reply = await client.post(`{"id":"q\\u0041","jsonrpc":"2.0","params":${params},"method":"tools/call"}`)
    expect(upstream.requests[0]?.params).toBe(params)
    expect(reply.text).toBe(`{"jsonrpc":"2.0","id":"q\\u0041","result":${result}}`)
    expect(reply.headers['content-length']).toBe(String(Buffer.byteLength(reply.text)))
  })

  test("the server's error too, with its data", async () => {
    const error = '{"code":-32602, "message":"no", "data":{"n":12345678901234567890}}'
    const { client } = await session(() => ({ error }))
    const reply = await client.post(rpc('tools/call', {}, 1))
    expect([reply.status, reply.text]).toEqual([200, `{"jsonrpc":"2.0","id":1,"error":${error}}`])
  })

  test('a body that is printed over several lines becomes one line, so that it can not forge a second one', async () => {
    const { client, upstream } = await session(() => '{}')
    await client.post('{\r\n "jsonrpc": "2.0",\n "id": 1,\n "method": "x",\n "params": {\n  "a": "b\\nc"\r\n }\n}\n')
    expect(upstream.requests[0]?.params).toBe('{   "a": "b\\nc"   }')
  })

  test('ids come back in value and type', async () => {
    const { client } = await session(() => '{}')
    for (const id of ['1', '"1"', '0', '-7', '""', '9007199254740993', '1.5'])
      expect((await client.post(`{"jsonrpc":"2.0","id":${id},"method":"x"}`)).text).toContain(`"id":${id},`)
  })

  test('a request without params has none at the upstream', async () => {
    const { client, upstream } = await session(() => '{}')
    await client.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
    expect(upstream.requests[0]).toMatchObject({ method: 'tools/list', params: undefined })
  })
})

describe('failures of ours are JSON-RPC errors with HTTP 200', () => {
  const failing = async (error: unknown) => {
    const { client } = await session(() => {
      throw error
    })
    const reply = await client.post(rpc('tools/call', {}, 4))
    return { status: reply.status, ...reply.json }
  }

  test('with the stable code, the counts and the cause in data', async () => {
    const data = { code: 1, signal: null, stderrTail: ['panic'], pool: { idle: 0 } }
    const reply = await failing(new AppError('CONNECTION_LOST', 'the process exited', data))
    expect(reply).toMatchObject({
      status: 200,
      id: 4,
      error: {
        code: -32603,
        message: 'the process exited',
        data: { code: 'CONNECTION_LOST', exitCode: 1, stderrTail: ['panic'] },
      },
    })
  })

  test.each([
    ['QUEUE_FULL', undefined, 1_000],
    ['POOL_SUSPENDED', undefined, 5_000],
    ['CIRCUIT_OPEN', { retryAfterMs: 1234 }, 1234],
  ] as const)('%s tells when to come back', async (code, data, retryAfterMs) => {
    const reply = await failing(new AppError(code, 'not now', data))
    expect(reply.error.data).toEqual({ code, retryAfterMs })
  })

  test('an invalid argument is -32602', async () =>
    expect((await failing(new AppError('INVALID_ARGUMENT', 'bad'))).error.code).toBe(-32602))

  test('an unexpected error says nothing of the inside', async () => {
    const reply = await failing(new Error('secret path /home/me'))
    expect(reply.error).toEqual({ code: -32603, message: 'Internal error', data: { code: 'INTERNAL' } })
  })
})

describe('cancelling', () => {
  const hanging = () => {
    const seen: UpstreamRequest[] = []
    const script: Script = (request) => {
      seen.push(request)
      return new Promise<string>(() => undefined)
    }
    return { seen, script }
  }

  test('notifications/cancelled aborts the request of that session and id, and no other', async () => {
    const { seen, script } = hanging()
    const { client, url, upstream } = await session(script)
    const other = await openSession(`${url}/mcp/one`)
    const call = client.post('{"jsonrpc":"2.0","id":"a","method":"tools/call"}')
    const numeric = client.post('{"jsonrpc":"2.0","id":1,"method":"tools/call"}')
    await expect.poll(() => upstream.inFlight).toBe(2)
    await other.post(note('notifications/cancelled', { requestId: 'a' }))
    await client.post(note('notifications/cancelled', { requestId: '1' }))
    expect(seen.map(({ signal }) => signal?.aborted)).toEqual([false, false])
    expect(
      (await client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\\u0061"}}'))
        .status,
    ).toBe(202)
    expect((await call).json).toMatchObject({ id: 'a', error: { code: -32603, data: { code: 'ABORTED' } } })
    await client.post(note('notifications/cancelled', { requestId: 1 }))
    expect((await numeric).json.error.data.code).toBe('ABORTED')
    expect(upstream.inFlight).toBe(0)
  })

  test('ids beyond 2^53 are told apart by their text', async () => {
    const { seen, script } = hanging()
    const { client, upstream } = await session(script)
    const calls = ['9007199254740993', '9007199254740992'].map((id) =>
      client.post(`{"jsonrpc":"2.0","id":${id},"method":"x"}`),
    )
    await expect.poll(() => upstream.inFlight).toBe(2)
    const cancel = (id: string) =>
      client.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`)
    await cancel('9007199254740993')
    await calls[0]
    expect(upstream.inFlight).toBe(1)
    expect(seen.filter(({ signal }) => signal?.aborted)).toHaveLength(1)
    await cancel('9007199254740992')
    await calls[1]
  })

  test('an id that is in use is refused', async () => {
    const { script } = hanging()
    const { client, upstream } = await session(script)
    const first = client.post(rpc('x', {}, 'same'))
    await expect.poll(() => upstream.inFlight).toBe(1)
    expect((await client.post(rpc('x', {}, 'same'))).json.error.code).toBe(-32600)
    await client.post(note('notifications/cancelled', { requestId: 'same' }))
    await first
    expect(upstream.requests).toHaveLength(1)
  })

  test('a dropped connection is no cancel: the call goes on, and nothing is left in flight after it', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const { client, upstream, gateway } = await session(() => promise)
    const dropped = new AbortController()
    const call = fetch(client.endpoint, {
      method: 'POST',
      headers: { ...client.headers, 'content-type': 'application/json', accept: 'application/json' },
      body: rpc('tools/call', {}),
      signal: dropped.signal,
    }).catch((error) => error.name)
    await expect.poll(() => upstream.inFlight).toBe(1)
    dropped.abort()
    expect(await call).toBe('AbortError')
    await client.post(rpc('ping'))
    expect(upstream.requests[0]?.signal?.aborted).toBe(false)
    expect(gateway.state().requestsInFlight).toBe(1)
    resolve('{}')
    await expect.poll(() => gateway.state().requestsInFlight).toBe(0)
    expect(upstream.inFlight).toBe(0)
  })

  test('the end of a session cancels what it has under way', async () => {
    const { script } = hanging()
    const { client, upstream } = await session(script)
    const call = client.post(rpc('x'))
    await expect.poll(() => upstream.inFlight).toBe(1)
    await send(client.endpoint, { method: 'DELETE', headers: client.headers })
    expect((await call).json.error.data.code).toBe('ABORTED')
  })
})

test('a session prefers the connection that served it last', async () => {
  const { client, upstream } = await session(() => '{}')
  await client.post(rpc('a'))
  await client.post(rpc('b'))
  expect(upstream.requests.map(({ prefer }) => prefer)).toEqual([undefined, 'one#1'])
})

test('three requests at once in one session are all answered', async () => {
  const { client } = await session(async ({ method }) => JSON.stringify({ method }))
  const replies = await Promise.all(['a', 'b', 'c'].map((method) => client.post(rpc(method))))
  expect(replies.map((reply) => [reply.status, reply.json.result.method])).toEqual([
    [200, 'a'],
    [200, 'b'],
    [200, 'c'],
  ])
})

describe('batches', () => {
  const body = `[${rpc('a', {}, 1)}, ${note('notifications/initialized')} ,{"jsonrpc":"2.0","id":"]},{","method":"b","params":{"s":"\\"],["}}]`

  test('of a client of 2025-03-26 are answered as an array', async () => {
    const { client, upstream } = await session(({ method }) => JSON.stringify({ method }), '2025-03-26')
    const reply = await client.post(body)
    expect(reply.json).toEqual([
      { jsonrpc: '2.0', id: 1, result: { method: 'a' } },
      { jsonrpc: '2.0', id: ']},{', result: { method: 'b' } },
    ])
    expect(upstream.requests[1]?.params).toBe('{"s":"\\"],["}')
  })

  test('without requests are 202', async () => {
    const { client } = await session(() => '{}', '2025-03-26')
    expect((await client.post(`[${note('notifications/initialized')}]`)).status).toBe(202)
  })

  test('of clients of other revisions are refused', async () => {
    for (const version of ['2024-11-05', '2025-06-18', '2025-11-25']) {
      const { client, upstream } = await session(() => '{}', version)
      const reply = await client.post(body)
      expect([reply.status, reply.json.error.code]).toEqual([400, -32600])
      expect(upstream.requests).toHaveLength(0)
    }
  })

  test('with an invalid or with too many messages are refused whole', async () => {
    const { client, upstream } = await session(() => '{}', '2025-03-26')
    expect((await client.post(`[${rpc('a')},5]`)).json.error.code).toBe(-32600)
    expect((await client.post(`[${Array(101).fill(rpc('a')).join()}]`)).json.error.code).toBe(-32600)
    expect(upstream.requests).toHaveLength(0)
  })
})

test('how each request went is told as an event', async () => {
  const { client, gateway } = await session(({ method }) => {
    if (method === 'tools/call') return '{"content":[],"isError":true}'
    if (method === 'prompts/get') return { error: '{"code":-32002,"message":"no"}' }
    if (method === 'x') throw new AppError('RESPONSE_TIMEOUT', 'late')
    return '{"content":[{"isError":true}]}'
  })
  const done: GatewayEvents['request.done'][] = []
  gateway.events.on('request.done', (event) => done.push(event))
  for (const [method, params] of [
    ['ping'],
    ['tools/list'],
    ['tools/call', { name: 'fail' }],
    ['prompts/get'],
    ['x'],
  ] as const)
    await client.post(rpc(method, params))
  expect(done.map(({ method, tool, outcome, errorType }) => [method, tool, outcome, errorType])).toEqual([
    ['ping', null, 'ok', null],
    ['tools/list', null, 'ok', null],
    ['tools/call', 'fail', 'tool_error', 'tool_error'],
    ['prompts/get', null, 'protocol_error', '-32002'],
    ['x', null, 'timeout', '-32603'],
  ])
  expect(done.every(({ durationMs, protocolVersion }) => durationMs >= 0 && protocolVersion === '2025-11-25')).toBe(
    true,
  )
})

describe('an upstream with protocol "jsonrpc"', () => {
  const start = async (script: Script) => {
    const upstream = new ScriptedUpstream('one', script, { protocol: 'jsonrpc' })
    const { url } = await startGateway({ upstreams: [upstream] })
    return { upstream, endpoint: `${url}/mcp/one` }
  }

  test('takes any request without a session', async () => {
    const { endpoint, upstream } = await start(({ method, params }) => `{"method":"${method}","params":${params}}`)
    const reply = await send(endpoint, { body: '{"jsonrpc":"2.0","id":7,"method":"sum","params":[1,2]}' })
    expect(reply.text).toBe('{"jsonrpc":"2.0","id":7,"result":{"method":"sum","params":[1,2]}}')
    expect(reply.headers['mcp-session-id']).toBeUndefined()
    await send(endpoint, { body: rpc('initialize', {}) })
    expect(upstream.requests.at(-1)?.method).toBe('initialize')
  })

  test('refuses what it could not deliver', async () => {
    const { endpoint } = await start(() => '{}')
    for (const body of [note('x'), `[${rpc('x')}]`])
      expect((await send(endpoint, { body })).json.error.code).toBe(-32600)
    for (const method of ['GET', 'DELETE']) {
      const reply = await send(endpoint, { method })
      expect([reply.status, reply.headers.allow]).toEqual([405, 'POST'])
    }
  })

  test('a dropped connection cancels: nobody could fetch the answer', async () => {
    const { endpoint, upstream } = await start(() => new Promise<string>(() => undefined))
    const dropped = new AbortController()
    const headers = { 'content-type': 'application/json' }
    const call = fetch(endpoint, { method: 'POST', headers, body: rpc('x'), signal: dropped.signal }).catch(
      () => undefined,
    )
    await expect.poll(() => upstream.inFlight).toBe(1)
    dropped.abort()
    await call
    await expect.poll(() => upstream.inFlight).toBe(0)
  })
})
