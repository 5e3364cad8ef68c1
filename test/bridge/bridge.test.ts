import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors.ts'
import {
  events,
  initialize,
  initialized,
  json,
  modernMeta,
  noStream,
  scriptedGateway,
  startBridge,
  withSessions,
} from './support.ts'

const call = (id: unknown, params: unknown = { name: 'echo', arguments: {} }) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params,
})

describe('a client of the legacy era', () => {
  test('gets a session; its lines and the answers pass byte for byte', async () => {
    const odd =
      '{"result":{"big":12345678901234567890,"z":1,"a":1.0,"text":"\\u00e9 é \\/"},"id":7,"jsonrpc":"2.0","x":[]}'
    const gateway = await scriptedGateway(
      withSessions((heard, response) =>
        heard.method === 'GET' ? noStream(heard, response) : json(response, 200, odd),
      ),
    )
    const bridge = startBridge(gateway.url)
    bridge.send(initialize)
    expect(await bridge.next()).toMatchObject({ id: 0, result: { protocolVersion: '2025-11-25' } })
    bridge.send(initialized)
    const line = '{ "id" : 7,"method":"tools/call",  "jsonrpc":"2.0","params":{"n":98765432109876543210,"name":"é"}}'
    bridge.send(line)
    expect(await bridge.nextText()).toBe(odd)
    await bridge.end()
    const post = gateway.heard.find(({ body }) => body.includes('9876'))
    expect(post?.body).toBe(line)
    expect(post?.headers).toMatchObject({ 'mcp-session-id': 'session-1', 'mcp-protocol-version': '2025-11-25' })
    expect(gateway.heard.at(-1)).toMatchObject({ method: 'DELETE', headers: { 'mcp-session-id': 'session-1' } })
  })

  test('lines that come before the handshake is over wait for it', async () => {
    const gateway = await scriptedGateway(
      withSessions((heard, response) =>
        heard.method === 'GET'
          ? noStream(heard, response)
          : json(response, 200, '{"jsonrpc":"2.0","id":1,"result":{}}'),
      ),
    )
    const bridge = startBridge(gateway.url)
    for (const message of [initialize, initialized, call(1)]) bridge.send(message)
    expect(await bridge.next()).toMatchObject({ id: 0 })
    expect(await bridge.next()).toMatchObject({ id: 1 })
    const posts = gateway.heard.filter(({ method }) => method === 'POST')
    expect(posts.map(({ headers }) => headers['mcp-session-id'])).toEqual([undefined, 'session-1', 'session-1'])
  })

  test('events of a call and of the session reach it as lines; its answers to the server go back', async () => {
    const sampling = '{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{}}'
    const changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    let finish = () => {}
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method === 'GET') return events(response, `id: 0-1\ndata: ${changed}`)
        if (heard.body.includes('"result"')) {
          finish()
          return response.writeHead(202).end()
        }
        events(response, 'id: 1-0\ndata: ', `id: 1-1\ndata: ${sampling}`)
        finish = () => response.end('id: 1-2\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')
      }),
    )
    const bridge = startBridge(gateway.url)
    bridge.send(initialize)
    await bridge.next()
    bridge.send(initialized)
    expect(await bridge.nextText()).toBe(changed)
    bridge.send(call(1))
    expect(await bridge.nextText()).toBe(sampling)
    const answer = '{"jsonrpc":"2.0","id":"s1","result":{"role":"assistant"}}'
    bridge.send(answer)
    expect(await bridge.next()).toMatchObject({ id: 1, result: {} })
    expect(gateway.heard.some(({ body }) => body === answer)).toBe(true)
  })

  test('a stream that is lost in mid-call is gone on with after its last event', async () => {
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.headers['last-event-id'] === '1-1')
          return events(response, 'id: 1-2\ndata: {"jsonrpc":"2.0","id":1,"result":{"late":true}}')
        if (heard.method === 'GET') return noStream(heard, response)
        events(response, 'id: 1-1\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}')
        response.end()
      }),
    )
    const bridge = startBridge(gateway.url)
    bridge.send(initialize)
    await bridge.next()
    bridge.send(call(1))
    expect(await bridge.next()).toMatchObject({ method: 'notifications/progress' })
    expect(await bridge.next()).toMatchObject({ id: 1, result: { late: true } })
  })

  test('a session that the gateway has lost is opened anew, with the level of the log and the followed resources', async () => {
    let lost = false
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method === 'GET') return noStream(heard, response)
        if (lost && heard.body.includes('"id":3')) {
          lost = false
          return json(
            response,
            404,
            '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}',
          )
        }
        const { id } = JSON.parse(heard.body) as { id: number }
        return json(response, 200, JSON.stringify({ jsonrpc: '2.0', id, result: {} }))
      }),
    )
    const bridge = startBridge(gateway.url)
    const standing = [
      { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'error' } },
      { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'test://a' } },
    ]
    bridge.send(initialize)
    await bridge.next()
    bridge.send(initialized)
    for (const message of standing) bridge.send(message)
    await bridge.next()
    await bridge.next()
    lost = true
    gateway.heard.length = 0
    bridge.send(call(3))
    expect(await bridge.next()).toEqual({ jsonrpc: '2.0', id: 3, result: {} })
    const posts = gateway.heard.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body))
    expect(posts).toEqual([call(3), initialize, initialized, ...standing, call(3)])
    expect(bridge.unread).toEqual([])
  })

  test('a cancel is passed on', async () => {
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method === 'GET') return noStream(heard, response)
        if (heard.body.includes('cancelled')) return response.writeHead(202).end()
        // The call stays open.
      }),
    )
    const bridge = startBridge(gateway.url)
    bridge.send(initialize)
    await bridge.next()
    bridge.send(call(1))
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    bridge.send(cancel)
    await expect.poll(() => gateway.heard.some(({ body }) => body === JSON.stringify(cancel))).toBe(true)
  })
})

describe('a client of the modern era', () => {
  const modernCall = (id: unknown, name: string, args: unknown = {}) =>
    call(id, { name, arguments: args, _meta: modernMeta })

  test('needs no session; headers repeat what its message says', async () => {
    const gateway = await scriptedGateway((heard, response) =>
      json(response, 200, `{"jsonrpc":"2.0","id":${JSON.parse(heard.body).id},"result":{}}`),
    )
    const bridge = startBridge(gateway.url)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: modernMeta } })
    await bridge.next()
    bridge.send(modernCall(2, 'grüße'))
    await bridge.next()
    bridge.send({ jsonrpc: '2.0', id: 3, method: 'resources/read', params: { uri: 'test://a', _meta: modernMeta } })
    await bridge.next()
    await bridge.end()
    expect(gateway.heard.map(({ headers }) => [headers['mcp-method'], headers['mcp-name']])).toEqual([
      ['server/discover', undefined],
      ['tools/call', '=?base64?Z3LDvMOfZQ==?='],
      ['resources/read', 'test://a'],
    ])
    expect(gateway.heard.every(({ headers }) => headers['mcp-protocol-version'] === '2026-07-28')).toBe(true)
    expect(gateway.heard.some(({ headers }) => 'mcp-session-id' in headers)).toBe(false)
  })

  test('arguments that a tool wants in headers get there, though the client has never asked for the list', async () => {
    const tools = [
      {
        name: 'deploy',
        inputSchema: {
          type: 'object',
          properties: {
            region: { type: 'string', 'x-mcp-header': 'Region' },
            place: { type: 'object', properties: { floor: { type: 'integer', 'x-mcp-header': 'Floor' } } },
          },
        },
      },
    ]
    const gateway = await scriptedGateway((heard, response) => {
      const { id, method, params } = JSON.parse(heard.body)
      if (method === 'tools/list') {
        const result = params.cursor ? { tools } : { tools: [], nextCursor: 'more' }
        return json(response, 200, JSON.stringify({ jsonrpc: '2.0', id, result }))
      }
      if (heard.headers['mcp-param-region'] === 'eu' && heard.headers['mcp-param-floor'] === '3')
        return json(response, 200, JSON.stringify({ jsonrpc: '2.0', id, result: { ok: true } }))
      return json(response, 400, JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32020, message: 'mismatch' } }))
    })
    const bridge = startBridge(gateway.url)
    bridge.send(modernCall(1, 'deploy', { region: 'eu', place: { floor: 3 } }))
    expect(await bridge.next()).toEqual({ jsonrpc: '2.0', id: 1, result: { ok: true } })
    bridge.send(modernCall(2, 'deploy', { region: 'eu', place: { floor: 3 } }))
    expect(await bridge.next()).toMatchObject({ id: 2, result: { ok: true } })
    expect(gateway.heard.map(({ body }) => JSON.parse(body).method)).toEqual([
      'tools/call',
      'tools/list',
      'tools/list',
      'tools/call',
      'tools/call',
    ])
    // A wrong one stays an error, and is asked about once.
    bridge.send(modernCall(3, 'deploy', { region: 'us', place: { floor: 3 } }))
    expect(await bridge.next()).toMatchObject({ id: 3, error: { code: -32020 } })
  })

  test('a cancel closes the request, and is heard of no further', async () => {
    let closed = false
    const gateway = await scriptedGateway((_, response) => {
      response.once('close', () => {
        closed = true
      })
    })
    const bridge = startBridge(gateway.url)
    bridge.send(modernCall('a', 'slow'))
    await expect.poll(() => gateway.heard.length).toBe(1)
    bridge.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'a' } })
    await expect.poll(() => closed).toBe(true)
    await bridge.end()
    expect(gateway.heard).toHaveLength(1)
    expect(bridge.unread).toEqual([])
  })

  test('a subscription is taken up again when its stream is lost', async () => {
    let times = 0
    const gateway = await scriptedGateway((_, response) => {
      events(response, `data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"n":${++times}}}`)
      if (times === 1) response.end()
    })
    const bridge = startBridge(gateway.url)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: { _meta: modernMeta } })
    expect(await bridge.next()).toMatchObject({ params: { n: 1 } })
    expect(await bridge.next()).toMatchObject({ params: { n: 2 } })
  })
})

describe('what goes wrong', () => {
  test('a gateway that is away is an error with a reason; when it is back, wherever, the next request works', async () => {
    let url: string | undefined
    const bridge = startBridge(async () => {
      if (!url) throw new AppError('HOST_UNREACHABLE', 'Poolscope is not running')
      return { url: new URL(url), token: undefined }
    })
    bridge.send(call(1))
    expect(await bridge.next()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32000, message: 'Poolscope is not running', data: { code: 'HOST_UNREACHABLE' } },
    })
    const answering = () =>
      scriptedGateway((heard, response) =>
        json(response, 200, `{"jsonrpc":"2.0","id":${JSON.parse(heard.body).id},"result":{}}`),
      )
    const first = await answering()
    ;({ url } = first)
    bridge.send(call(2))
    expect(await bridge.next()).toMatchObject({ id: 2, result: {} })
    await first.close()
    bridge.send({ jsonrpc: '2.0', id: 3, method: 'ping' })
    expect(await bridge.next()).toMatchObject({ id: 3, error: { data: { code: 'HOST_UNREACHABLE' } } })
    ;({ url } = await answering())
    bridge.send(call(4))
    expect(await bridge.next()).toMatchObject({ id: 4, result: {} })
  })

  test('a gateway that comes within a moment is waited for', async () => {
    const gone = await scriptedGateway(() => {})
    await gone.close()
    const bridge = startBridge(gone.url, { reachMs: 5_000 })
    bridge.send(call(1))
    await scriptedGateway((_, response) => json(response, 200, '{"jsonrpc":"2.0","id":1,"result":{}}'), gone.port)
    expect(await bridge.next()).toMatchObject({ id: 1, result: {} })
  })

  test('a call whose connection is lost is not sent again', async () => {
    const gateway = await scriptedGateway((_, response) => response.destroy())
    const bridge = startBridge(gateway.url)
    bridge.send(call(1))
    expect(await bridge.next()).toMatchObject({ id: 1, error: { code: -32000, data: { code: 'CONNECTION_LOST' } } })
    expect(gateway.heard).toHaveLength(1)
  })

  test('a stream that ends without the answer is an error when nothing could be gone on with', async () => {
    const gateway = await scriptedGateway((_, response) => {
      events(response, 'data: {"jsonrpc":"2.0","method":"notifications/progress"}')
      response.end()
    })
    const bridge = startBridge(gateway.url)
    bridge.send(call(1))
    await bridge.next()
    expect(await bridge.next()).toMatchObject({ id: 1, error: { data: { code: 'CONNECTION_LOST' } } })
  })

  test.each([
    ['with an error of its own', '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}', 'no'],
    ['with something else', '<html>', 'Poolscope answered with HTTP status 403'],
    ['with nothing', '', 'Poolscope answered with HTTP status 403'],
  ])('a gateway that refuses %s answers the request', async (_, body, message) => {
    const gateway = await scriptedGateway((_, response) => json(response, 403, body))
    const bridge = startBridge(gateway.url)
    bridge.send(call('x'))
    expect(await bridge.next()).toMatchObject({ id: 'x', error: { code: -32000, message } })
  })

  test('a token that was replaced is read again', async () => {
    let token = 'old'
    const gateway = await scriptedGateway(({ headers }, response) =>
      headers.authorization === 'Bearer new'
        ? json(response, 200, '{"jsonrpc":"2.0","id":1,"result":{}}')
        : json(response, 401, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Unauthorized"}}'),
    )
    const bridge = startBridge(async () => {
      const found = { url: new URL(gateway.url), token }
      token = 'new'
      return found
    })
    bridge.send(call(1))
    expect(await bridge.next()).toMatchObject({ id: 1, result: {} })
  })

  test('a line that is no JSON is a parse error, and the next one is served', async () => {
    const gateway = await scriptedGateway((_, response) => json(response, 200, '{"jsonrpc":"2.0","id":1,"result":{}}'))
    const bridge = startBridge(gateway.url)
    bridge.send('{"jsonrpc": nonsense')
    expect(await bridge.next()).toMatchObject({ id: null, error: { code: -32700 } })
    bridge.send('')
    bridge.send(call(1))
    expect(await bridge.next()).toMatchObject({ id: 1, result: {} })
  })

  test('each request of a batch is answered when the gateway refuses it', async () => {
    const gateway = await scriptedGateway((_, response) =>
      json(response, 400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}'),
    )
    const bridge = startBridge(gateway.url)
    bridge.send([call(1), initialized, call('two')])
    expect([await bridge.next(), await bridge.next()]).toMatchObject([
      { id: 1, error: { message: 'no batches' } },
      { id: 'two', error: { message: 'no batches' } },
    ])
  })
})

describe('the end', () => {
  test('a call under way gets a moment, then the session is given back', async () => {
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method === 'GET') return events(response, ': open')
        setTimeout(() => json(response, 200, '{"jsonrpc":"2.0","id":1,"result":{}}'), 100)
      }),
    )
    const bridge = startBridge(gateway.url, { drainMs: 5_000 })
    for (const message of [initialize, initialized, call(1)]) bridge.send(message)
    await bridge.next()
    await bridge.end()
    expect(bridge.unread.map((line) => JSON.parse(line).id)).toEqual([1])
    expect(gateway.heard.at(-1)?.method).toBe('DELETE')
  })

  test('a call that does not end, and a gateway that does not answer, keep nobody', async () => {
    const gateway = await scriptedGateway(() => {})
    const bridge = startBridge(gateway.url)
    bridge.send(call(1))
    await expect.poll(() => gateway.heard.length).toBe(1)
    const started = performance.now()
    await bridge.end()
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(bridge.unread).toEqual([])
  })
})
