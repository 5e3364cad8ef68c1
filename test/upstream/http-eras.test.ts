import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { startSdkServer, startSdkSseServer } from '../fixtures/http/sdk-servers.ts'
import { failureOf } from './failure.ts'
import { closedAfterTest, reach, serve, stream, watching } from './http-support.ts'
import { callTool, eventually, modernCall, textOf } from './support.ts'

/** Any HTTP server, for what no MCP server does. @returns its address, and the verbs and JSON-RPC methods that it got */
async function listen(answer: (response: ServerResponse) => void) {
  const got: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const method = text === '' ? '' : String(JSON.parse(text).method)
    const verb = String(request.method)
    got.push(`${verb} ${method}`.trim())
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closedAfterTest({
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, got }
}

/** A server that refuses the first request's revision and answers every other, `initialize` as well, in 2026-07-28. */
async function refusingOnce(supported: string[]) {
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { id, method } = JSON.parse(Buffer.concat(chunks).toString() || '{}')
    if (method === undefined) return response.writeHead(405).end()
    asked.push(method)
    const error = { code: -32022, message: 'unsupported', data: { supported, requested: 'x' } }
    const result = {
      resultType: 'complete',
      supportedVersions: supported,
      protocolVersion: '2026-07-28',
      capabilities: {},
      serverInfo: { name: 'odd', version: '1' },
    }
    const refused = asked.length === 1
    response.writeHead(refused ? 400 : 200, { 'Content-Type': 'application/json' })
    return response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(refused ? { error } : { result }) }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closedAfterTest({
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  const { upstream } = reach(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`)
  return { upstream, asked }
}

const spoken = (requests: readonly { verb: string; method: string | undefined }[]): string[] =>
  requests.map(({ verb, method }) => method ?? verb)

describe('what a server speaks', () => {
  test('is found out with the first connection: modern first, then initialize, and not asked again', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url)
    expect(await upstream.eraFor('modern')).toBe('legacy')
    await upstream.request(callTool('echo', { text: 'x' }))
    expect(spoken(server.records.requests).slice(0, 3)).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
    ])
    upstream.restart()
    await upstream.request(callTool('echo', { text: 'y' }))
    await expect.poll(() => server.records.of('initialize').length, eventually).toBe(2)
    expect(server.records.of('server/discover')).toHaveLength(1)
  })

  test('is both: each client gets its own', async () => {
    const server = await serve()
    const { upstream } = reach(server.url, { pool: { maxConnections: 2 } })
    expect(await upstream.eraFor('legacy')).toBe('legacy')
    expect(await upstream.eraFor('modern')).toBe('modern')
    expect(textOf(await upstream.request(callTool('echo', { text: 'old' })))).toBe('old')
    expect(textOf(await upstream.request(modernCall('echo', { text: 'new' })))).toBe('new')
  })

  test('is asked again where it refused the revision that it names: what it names is believed', async () => {
    const { upstream, asked } = await refusingOnce(['2026-07-28'])
    expect(await upstream.eraFor('legacy')).toBe('modern')
    expect(asked).toEqual(['server/discover', 'server/discover'])
  })

  test('is not the legacy era because it answers initialize in a revision that has none', async () => {
    const { upstream, asked } = await refusingOnce(['2026-07-28', '2025-11-25'])
    expect(await upstream.eraFor('legacy')).toBe('modern')
    expect(asked).toEqual(['server/discover', 'server/discover', 'initialize'])
  })

  test('is the modern era alone: legacy clients are told so', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url)
    expect(await upstream.eraFor('legacy')).toBe('modern')
  })

  test.each([400, 404, 405, 406, 415])('a plain %i to the probe means initialize', async (status) => {
    const server = await serve({ eras: ['legacy'] })
    server.inject({ kind: 'reply', status }, { when: ({ method }) => method === 'server/discover' })
    const { upstream } = reach(server.url)
    expect(await upstream.eraFor('modern')).toBe('legacy')
  })

  test.each([500, 503, 429])('a %i to the probe says nothing about it', async (status) => {
    const server = await serve()
    server.inject({ kind: 'reply', status }, { when: ({ method }) => method === 'server/discover' })
    const { upstream, told } = reach(server.url)
    expect(await upstream.eraFor('modern')).toBe('modern')
    expect(told['connection.failed']).toHaveLength(1)
    expect(told['connection.failed'][0]?.error).toMatchObject({ code: 'HTTP_STATUS', data: { status } })
  })

  test('a server that is silent when it is asked is initialized on the same connection', async () => {
    const server = await serve({ eras: ['legacy'] })
    server.inject({ kind: 'silence' }, { when: ({ method }) => method === 'server/discover' })
    const { upstream, told } = reach(server.url, { timeouts: { connectTimeoutMs: 600 } })
    expect(await upstream.eraFor('modern')).toBe('legacy')
    expect(told['connection.failed']).toEqual([])
    expect(upstream.view().pool.opened).toBe(1)
  })

  test('a recognised modern error is not answered with initialize', async () => {
    const error = { jsonrpc: '2.0', id: 1, error: { code: -32020, message: 'Header mismatch' } }
    const { url, got } = await listen((response) => {
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(error))
    })
    const { upstream } = reach(url, { pool: { acquireTimeoutMs: 300 } })
    expect((await failureOf(upstream.eraFor('modern'))).message).toContain('Header mismatch')
    expect(got).not.toContain('POST initialize')
  })

  test('a page is no MCP server, and the error shows what came as a browser would', async () => {
    const page = '<!doctype html><html><head><meta charset="utf-8"><title>Sign in to Wi-Fi</title></head><body>'
    const { url } = await listen((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(page)
    })
    const { upstream } = reach(url, { pool: { acquireTimeoutMs: 300 } })
    const error = await failureOf(upstream.request(callTool('echo')))
    expect(error.message).toMatch(/text\/html, is the URL that of an MCP server\? a web page, “Sign in to Wi-Fi”/)
    expect(error.message).not.toContain('<')
  })

  test('a server that knows nothing at all is said to know neither transport', async () => {
    const { url, got } = await listen((response) => response.writeHead(404).end('nothing here'))
    const { upstream } = reach(url, { pool: { acquireTimeoutMs: 300 } })
    const error = await failureOf(upstream.request(callTool('echo')))
    expect(error.data?.lastFailure).toMatchObject({ code: 'HTTP_STATUS', data: { status: 404 } })
    expect(error.message).toContain('nor does it speak the old HTTP+SSE transport')
    expect(got.slice(0, 2)).toEqual(['POST initialize', 'GET'])
  })
})

describe('the old HTTP+SSE', () => {
  test('is fallen back to when POSTs are refused, and remembered', async () => {
    const server = await serve({ transport: 'sse' })
    server.inject(
      { kind: 'reply', status: 405 },
      { times: 2, when: ({ verb, path }) => verb === 'POST' && path === '/sse' },
    )
    const { upstream } = reach(server.url)
    expect(textOf(await upstream.request(callTool('echo', { text: 'x' })))).toBe('x')
    upstream.restart()
    await expect.poll(async () => textOf(await upstream.request(callTool('echo', { text: 'y' }))), eventually).toBe('y')
    await expect.poll(() => server.records.of('initialize').length, eventually).toBeGreaterThanOrEqual(2)
    const posts = server.records.requests.filter(({ verb, path }) => verb === 'POST' && path === '/sse')
    expect(posts.length).toBeLessThanOrEqual(2)
  })

  test('serves requests, notifications and watches; its stream is lost with its session', async () => {
    const server = await serve({ transport: 'sse' })
    const { upstream, told } = reach(server.url, { transport: 'sse' })
    const uri = 'test://one'
    const watch = await watching(upstream, { uri })
    const progress: string[] = []
    const reply = await upstream.request({
      method: 'tools/call',
      params: JSON.stringify({ name: 'progress', arguments: { steps: 3 }, _meta: { progressToken: 'mine' } }),
      onNotification: ({ message }) => progress.push(JSON.parse(message).params.progressToken),
    })
    expect(textOf(reply)).toBe('3 steps')
    expect(progress).toEqual(['mine', 'mine', 'mine'])
    expect(await stream(upstream, 'messages', 'open')).toMatchObject({ resumable: false })

    const held = upstream.request(callTool('hold')).catch((error: unknown) => error)
    await expect.poll(() => server.records.runsOf('hold').length, eventually).toBe(1)
    server.dropStreams('sse')
    expect(await held).toMatchObject({ code: 'CONNECTION_LOST', data: { written: true } })
    await expect.poll(() => server.records.of('resources/subscribe').length, eventually).toBe(2)
    await expect.poll(() => server.world.subscribers(uri).length, eventually).toBe(1)
    // It may have changed while there was no session.
    await expect.poll(() => watch.told.length, eventually).toBe(1)
    server.world.update(uri)
    await expect.poll(() => watch.told.length, eventually).toBe(2)
    expect(server.records.runsOf('hold')).toHaveLength(1)
    expect(told['connection.dead'].length).toBeGreaterThanOrEqual(1)
  })

  test('with a stream that went silent is found out by asking', async () => {
    const server = await serve({ transport: 'sse' })
    const { upstream, told } = reach(server.url, { transport: 'sse' }, {}, { keepAliveMs: 100 })
    await watching(upstream, { uri: 'test://one' })
    // A live server answers, and keeps its session.
    await server.records.next(({ method }) => method === 'ping')
    expect(told['connection.dead']).toEqual([])
    server.halfOpen()
    await expect.poll(() => told['connection.dead'].length, eventually).toBe(1)
    expect(told['connection.closing'][0]?.error?.message).toContain('no answer to ping')
    await expect.poll(() => server.records.of('resources/subscribe').length, eventually).toBe(2)
  })

  test('takes messages nowhere but at the server that its stream comes from', async () => {
    const elsewhere = await serve()
    const { url } = await listen((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`event: endpoint\ndata: http://127.0.0.1:${elsewhere.port}/mcp\n\n`)
    })
    const { upstream } = reach(url, {
      transport: 'sse',
      headers: { Authorization: 'Bearer secret' },
      pool: { acquireTimeoutMs: 300 },
    })
    const error = await failureOf(upstream.request(callTool('echo')))
    expect(error.message).toContain('another server')
    expect(elsewhere.records.requests).toEqual([])
  })
})

test('plain JSON-RPC over HTTP needs no handshake', async () => {
  const bodies: unknown[] = []
  const { url, got } = await listen((response) => {
    bodies.push(response.req.headers['mcp-method'])
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":1.0}')
  })
  const { upstream } = reach(url, { protocol: 'jsonrpc' })
  expect((await upstream.request({ method: 'add', params: '[1]' })).text).toBe('1.0')
  expect(got).toEqual(['POST add'])
  expect(bodies).toEqual([undefined])
})

describe('servers that others wrote', () => {
  test.each(['legacy', 'modern', 'both'] as const)('the SDK’s Streamable HTTP, %s', async (era) => {
    const server = closedAfterTest(await startSdkServer(era))
    const { upstream } = reach(server.url, { pool: { maxConnections: 2 } })
    const spoke = await upstream.eraFor('modern')
    expect(spoke).toBe(era === 'legacy' ? 'legacy' : 'modern')
    const call = spoke === 'modern' ? modernCall('test_simple_text') : callTool('test_simple_text')
    expect((await upstream.request(call)).kind).toBe('result')
    if (era !== 'both') return
    expect(await upstream.eraFor('legacy')).toBe('legacy')
    expect((await upstream.request(callTool('test_simple_text'))).kind).toBe('result')
  })

  test('the SDK’s old HTTP+SSE, found out by itself', async () => {
    const server = closedAfterTest(await startSdkSseServer())
    const { upstream } = reach(server.url)
    expect(textOf(await upstream.request(callTool('echo', { text: 'x' })))).toBe('x')
    const holder: string[] = []
    const request = callTool('touch', { uri: 'test://a' }, { onNotification: ({ method }) => holder.push(method) })
    expect(textOf(await upstream.request(request))).toBe('test://a')
  })
})
