import { connect } from 'node:net'
import {
  isJsonContentType,
  ProtocolErrorCode,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { acceptsOf, isJsonBody } from '../../electron/gateway/checks/media.ts'
import { isAllowedHost, isAllowedOrigin } from '../../electron/gateway/checks/origin.ts'
import { bearerCheck } from '../../electron/gateway/checks/token.ts'
import { rpcCodes } from '../../electron/gateway/rpc.ts'
import { initialize, openSession, rpc, startGateway } from './support/harness.ts'
import { open, send } from './support/http.ts'
import { ScriptedUpstream } from './support/scripted-upstream.ts'

const loopback = ['localhost', '127.0.0.1', '[::1]']

describe('verdicts agree with the SDK', () => {
  test.each([
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1:7411',
    '[::1]:80',
    '[::1]',
    'evil.example',
    'evil.example:7411',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.2',
    '::1',
    '',
    'localhost:',
    'localhost:x',
    '10.0.0.1',
  ])('Host %j', (host) => {
    // An empty port is legal in a URL and in no Host header that a client sends: we refuse it.
    const sdk = host === 'localhost:' ? false : validateHostHeader(host, loopback).ok
    expect(isAllowedHost(host)).toBe(sdk)
  })

  test.each([
    'http://localhost',
    'https://localhost:5173',
    'http://127.0.0.1:7411',
    'http://[::1]:7411',
    'null',
    'file://',
    'http://evil.example',
    'http://localhost.evil.example',
    'https://127.0.0.1.nip.io',
    'http://[::2]',
    'localhost',
  ])('Origin %j', (origin) => expect(isAllowedOrigin(origin)).toBe(validateOriginHeader(origin, loopback).ok))

  test('a user-info part that ends in a loopback name is refused, though a URL parser sees only that name', () => {
    expect(isAllowedHost('evil.example@localhost')).toBe(false)
    expect(isAllowedOrigin('http://evil.example@localhost')).toBe(false)
    expect(isAllowedHost(undefined)).toBe(false)
    expect(isAllowedOrigin(undefined)).toBe(true)
  })

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'text/plain',
    'application/jsonp',
    'application/json-patch+json',
    '',
    'text/plain; application/json',
  ])('Content-Type %j', (type) => expect(isJsonBody(type)).toBe(isJsonContentType(type)))

  test('error codes', () => {
    expect(rpcCodes).toMatchObject({
      parseError: ProtocolErrorCode.ParseError,
      invalidRequest: ProtocolErrorCode.InvalidRequest,
      methodNotFound: ProtocolErrorCode.MethodNotFound,
      invalidParams: ProtocolErrorCode.InvalidParams,
      internalError: ProtocolErrorCode.InternalError,
    })
  })
})

test.each([
  [undefined, { json: true, stream: false }],
  ['*/*', { json: true, stream: false }],
  ['application/json', { json: true, stream: false }],
  ['text/event-stream', { json: false, stream: true }],
  ['text/event-stream, application/json;q=0.5', { json: true, stream: true }],
  ['application/json, text/event-stream;q=0', { json: true, stream: false }],
  ['text/html', { json: false, stream: false }],
])('Accept %j', (accept, expected) => expect(acceptsOf(accept)).toEqual(expected))

test.each([
  ['Bearer secret', true],
  ['bearer secret', true],
  ['Bearer secre', false],
  ['Bearer secrets', false],
  ['secret', false],
  ['Basic secret', false],
  ['Bearer ', false],
  [undefined, false],
])('Authorization %j', (header, expected) => expect(bearerCheck('secret')(header)).toBe(expected))

test('a check goes on to tell tokens apart, whatever it has seen', () => {
  const matches = bearerCheck('sécret')
  const headers = ['Bearer sécret', 'Bearer xsecret', 'Bearer x', 'Bearer sécret', undefined, 'Bearer sécreu']
  expect(headers.map((header) => matches(header))).toEqual([true, false, false, true, false, false])
})

test('an empty token is matched by no header', () => {
  expect(bearerCheck('')(undefined)).toBe(false)
  expect(bearerCheck('')('Bearer ')).toBe(false)
})

const forbidden = async (headers: Record<string, string>, path = '/mcp/one') => {
  const { url } = await startGateway({
    upstreams: [new ScriptedUpstream('one')],
    fallback: (_, r) => void r.end('fallback'),
  })
  return send(url + path, { headers, body: initialize() })
}

test('a foreign Host is answered with 403 and a JSON-RPC error, on every path', async () => {
  for (const path of ['/mcp/one', '/healthz', '/anything']) {
    const reply = await forbidden({ host: 'evil.example' }, path)
    expect([reply.status, reply.json.jsonrpc, reply.json.error.code]).toEqual([403, '2.0', -32000])
  }
})

test('a foreign Origin is answered with 403, a loopback one on any port is served', async () => {
  expect((await forbidden({ origin: 'http://evil.example' })).status).toBe(403)
  expect((await forbidden({ origin: 'http://localhost:5173' })).status).toBe(200)
  expect((await forbidden({ host: 'localhost:9', origin: 'http://127.0.0.1:1' })).status).toBe(200)
})

describe('with auth: bearer', () => {
  const start = () => startGateway({ upstreams: [new ScriptedUpstream('one')], settings: { auth: 'bearer' } })

  test('/mcp without the token is answered with 401 and a challenge', async () => {
    const { url } = await start()
    for (const [authorization, challenge] of [
      [undefined, 'Bearer'],
      ['Bearer wrong', 'Bearer error="invalid_token"'],
    ] as const) {
      const reply = await send(`${url}/mcp/one`, { headers: { authorization }, body: initialize() })
      expect([reply.status, reply.headers['www-authenticate'], reply.json.error.code]).toEqual([401, challenge, -32000])
    }
    expect((await send(`${url}/mcp/one`, { method: 'DELETE' })).status).toBe(401)
  })

  test('the token opens /mcp, and health needs none', async () => {
    const { url } = await start()
    const reply = await send(`${url}/mcp/one`, { headers: { authorization: 'Bearer secret' }, body: initialize() })
    expect(reply.status).toBe(200)
    expect((await send(`${url}/healthz`, { method: 'GET' })).status).toBe(200)
    expect((await send(`${url}/readyz`, { method: 'GET' })).status).toBe(200)
  })
})

describe('bodies', () => {
  const post = async (body: string | Buffer, headers?: Record<string, string | undefined>) => {
    const { url } = await startGateway({ upstreams: [new ScriptedUpstream('one')], settings: { maxBodyBytes: 2048 } })
    const reply = await send(`${url}/mcp/one`, { body, ...(headers && { headers }) })
    return { status: reply.status, code: reply.json?.error?.code, id: reply.json?.id, headers: reply.headers }
  }

  test('another Content-Type is 415', async () =>
    expect(await post(initialize(), { 'content-type': 'text/plain' })).toMatchObject({ status: 415, code: -32000 }))
  test('no Content-Type is 415', async () =>
    expect(await post(initialize(), { 'content-type': undefined })).toMatchObject({ status: 415 }))
  test('an Accept that allows neither JSON nor events is 406', async () =>
    expect(await post(initialize(), { accept: 'text/html' })).toMatchObject({ status: 406, code: -32000 }))
  test.each(['{', '', '{"a":1,}', '{"jsonrpc":"2.0","id":1,"method":"a\nb"}'])(
    '%j is no JSON: 400, -32700',
    async (body) => expect(await post(body)).toMatchObject({ status: 400, code: -32700, id: null }),
  )
  test('bytes that are not UTF-8: 400, -32700', async () =>
    expect(await post(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({ status: 400, code: -32700 }))
  test.each([
    ['5', null],
    ['"x"', null],
    ['null', null],
    ['[]', null],
    ['[1]', null],
    ['{}', null],
    ['{"id":1,"method":"ping"}', 1],
    ['{"jsonrpc":"1.0","id":"a","method":"ping"}', 'a'],
    ['{"jsonrpc":"2.0","id":7,"method":1}', 7],
    ['{"jsonrpc":"2.0","id":7,"method":"ping","params":3}', 7],
    ['{"jsonrpc":"2.0","id":7,"method":"ping","params":null}', 7],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', null],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', null],
    ['{"jsonrpc":"2.0","id":8}', 8],
  ])('%s is no JSON-RPC message: 400, -32600, the id echoed', async (body, id) =>
    expect(await post(body)).toMatchObject({ status: 400, code: -32600, id }),
  )

  test('a declared length over the limit is 413 at once', async () =>
    expect(await post('x'.repeat(2049))).toMatchObject({ status: 413, code: -32600, headers: { connection: 'close' } }))
  test('a body of exactly the limit is read', async () =>
    expect(await post(initialize().padEnd(2048))).toMatchObject({ status: 200 }))
})

test('a chunked body without end is refused with 413 while memory stays flat', async () => {
  const { url } = await startGateway({
    upstreams: [new ScriptedUpstream('one')],
    settings: { maxBodyBytes: 1024 * 1024 },
  })
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(
    'POST /mcp/one HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  const before = process.memoryUsage().arrayBuffers
  const chunk = Buffer.alloc(64 * 1024, 0x20)
  const frame = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text
  })
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  let peak = 0
  for (let sent = 0; sent < 32 * 1024 * 1024 && !socket.destroyed; sent += chunk.length) {
    if (!socket.write(frame)) await Promise.race([closed, new Promise((resolve) => socket.once('drain', resolve))])
    if (sent % (4 * 1024 * 1024) !== 0) continue
    globalThis.gc?.()
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
  }
  await expect.poll(() => answer).toContain('413')
  expect(answer).toContain('"code":-32600')
  expect(peak).toBeLessThan(10 * 1024 * 1024)
  socket.destroy()
})

test('headers that never end are cut off', async () => {
  const { url } = await startGateway({ limits: { headersTimeoutMs: 200, receiveTimeoutMs: 400 } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('POST /mcp/one HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  const text = await new Promise<string>((resolve) => {
    let received = ''
    socket.on('data', (data) => {
      received += data
    })
    socket.on('close', () => resolve(received))
  })
  expect(text).toMatch(/^HTTP\/1\.1 408/)
})

test('a body that never ends is cut off', async () => {
  const { url, gateway } = await startGateway({
    upstreams: [new ScriptedUpstream('one')],
    limits: { headersTimeoutMs: 200, receiveTimeoutMs: 400 },
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(
    'POST /mcp/one HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  )
  await new Promise((resolve) => socket.on('data', () => undefined).on('close', resolve))
  expect(gateway.state().requestsInFlight).toBe(0)
})

describe('paths', () => {
  test('an unknown upstream is 404 with a JSON-RPC error', async () => {
    const { url } = await startGateway()
    for (const path of ['/mcp/none', '/mcp//', '/mcp/%E0%A4%A']) {
      const reply = await send(url + path, { body: initialize() })
      expect([reply.status, reply.json.error.code]).toEqual([404, -32000])
    }
  })

  test('a name with a slash, a space and letters of another script is found, encoded or with its slash as it is', async () => {
    const name = '@scope/größe 数'
    const { url } = await startGateway({ upstreams: [new ScriptedUpstream(name)] })
    for (const path of [
      encodeURIComponent(name),
      encodeURI(name),
      `${encodeURIComponent(name)}/`,
      `${encodeURI(name)}?a=b`,
    ])
      expect((await send(`${url}/mcp/${path}`, { body: initialize() })).status).toBe(200)
  })

  test('another method is 405 and names what is allowed', async () => {
    const { url } = await startGateway({ upstreams: [new ScriptedUpstream('one')] })
    const reply = await send(`${url}/mcp/one`, { method: 'PUT', body: '' })
    expect([reply.status, reply.headers.allow]).toEqual([405, 'GET, POST, DELETE'])
  })

  test('what is not ours goes to the fallback; without one it is 404', async () => {
    const { url } = await startGateway({ fallback: (request, response) => void response.end(`got ${request.url}`) })
    expect((await send(`${url}/api/x?y`, { method: 'GET' })).text).toBe('got /api/x?y')
    const bare = await startGateway()
    expect((await send(`${bare.url}/api/x`, { method: 'GET' })).status).toBe(404)
  })
})

test('a refusal is told as an event', async () => {
  const { url, gateway } = await startGateway()
  const rejected: number[] = []
  gateway.events.on('request.rejected', ({ status }) => rejected.push(status))
  await send(`${url}/mcp/none`, { body: initialize() })
  expect(rejected).toEqual([404])
})

test('a client that does not read its answer holds no lease, and is cut off', async () => {
  const big = JSON.stringify({ text: 'x'.repeat(16 * 1024 * 1024) })
  const upstream = new ScriptedUpstream('one', () => big)
  const { url, gateway } = await startGateway({ upstreams: [upstream], limits: { stalledReaderMs: 300 } })
  const session = await openSession(`${url}/mcp/one`)
  const response = await open(session.endpoint, { headers: session.headers, body: rpc('tools/call', { name: 'big' }) })
  response.pause()
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
  const before = sockets()
  expect(upstream.inFlight).toBe(0)
  expect(gateway.state().requestsInFlight).toBe(0)
  await expect.poll(sockets).toBe(before - 1)
  response.destroy()
})
