import { expect, test } from 'vitest'
import { childUpstream } from '../fixtures/children/index.ts'
import { openSession, rpc } from './support/harness.ts'
import { open, send } from './support/http.ts'
import { isFree, startReal } from './support/real.ts'

const call = (name: string, args: Record<string, unknown> = {}, id: string | number = 1) =>
  rpc('tools/call', { name, arguments: args }, id)

test('a client that disconnects in the middle of a call leaves nothing leased', async () => {
  const { endpoint, upstream, pids, gateway } = await startReal(childUpstream('echo', { pool: { maxConnections: 1 } }))
  const client = await openSession(endpoint)
  const dropped = new AbortController()
  const request = fetch(endpoint, {
    method: 'POST',
    headers: { ...client.headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: call('sleep', { ms: 300 }),
    signal: dropped.signal,
  }).catch((error) => error.name)
  await expect.poll(() => upstream.view().pool.leased).toBe(1)
  dropped.abort()
  expect(await request).toBe('AbortError')
  await expect.poll(() => isFree(upstream)).toBe(true)
  expect(gateway.state().requestsInFlight).toBe(0)
  // Not a cancel: the process answered, and serves on.
  expect((await client.post(call('echo', { text: 'on' }, 2))).json.result.content[0].text).toBe('on')
  expect(pids.size).toBe(1)
})

test('an answer of 8 MiB passes; a client that reads it slowly holds no lease', async () => {
  const { endpoint, upstream } = await startReal(childUpstream('giantLine', { pool: { maxConnections: 1 } }))
  const client = await openSession(endpoint)
  const bytes = 8 * 1024 * 1024
  const response = await open(endpoint, { headers: client.headers, body: call('giant', { bytes }) })
  response.pause()
  await expect.poll(() => isFree(upstream)).toBe(true)
  expect((await client.post(call('echo', { text: 'other' }, 2))).json.result.content[0].text).toBe('other')
  let received = 0
  for await (const chunk of response) received += (chunk as Buffer).length
  expect(received).toBeGreaterThan(bytes)
  expect(response.complete).toBe(true)
})

test('a line over the limit fails one call only', async () => {
  const { endpoint, pids } = await startReal(childUpstream('giantLine', { pool: { maxConnections: 1 } }))
  const client = await openSession(endpoint)
  const reply = await client.post(call('giant', { bytes: 17 * 1024 * 1024 }))
  expect(reply.json.error.data.code).toBe('LINE_TOO_LONG')
  expect((await client.post(call('echo', { text: 'on' }, 2))).json.result.content[0].text).toBe('on')
  expect(pids.size).toBe(1)
})

test('a request of 10 MiB passes through a real pipe', async () => {
  const { endpoint } = await startReal(childUpstream('echo'), { settings: { maxBodyBytes: 16 * 1024 * 1024 } })
  const client = await openSession(endpoint)
  const text = 'y'.repeat(10 * 1024 * 1024)
  const reply = await client.post(call('echo', { text }))
  expect(reply.json.error).toBeUndefined()
  expect(reply.json.result.content[0].text === text).toBe(true)
})

test('a full queue is refused at once, with a hint when to come back', async () => {
  const { endpoint, upstream } = await startReal(childUpstream('echo', { pool: { maxConnections: 1, maxWaiting: 1 } }))
  const client = await openSession(endpoint)
  const held = client.post(call('sleep', { ms: 500 }, 1))
  await expect.poll(() => upstream.view().pool.leased).toBe(1)
  const waiting = client.post(call('echo', { text: 'waited' }, 2))
  await expect.poll(() => upstream.view().pool.waiting).toBe(1)
  const refused = await client.post(call('echo', {}, 3))
  expect(refused.status).toBe(200)
  expect(refused.json.error).toMatchObject({ code: -32603, data: { code: 'QUEUE_FULL', retryAfterMs: 1_000 } })
  expect((await held).json.result).toBeDefined()
  expect((await waiting).json.result.content[0].text).toBe('waited')
})

test('a suspended upstream says so, and serves again after its resume', async () => {
  const { endpoint, upstream, url } = await startReal(childUpstream('echo'))
  const client = await openSession(endpoint)
  upstream.suspend()
  const refused = await client.post(call('echo', {}, 1))
  expect(refused.json.error.data).toMatchObject({ code: 'POOL_SUSPENDED', retryAfterMs: expect.any(Number) })
  expect((await send(`${url}/readyz`, { method: 'GET' })).status).toBe(503)
  upstream.resume()
  expect((await client.post(call('echo', { text: 'a' }, 2))).json.result).toBeDefined()
  expect((await send(`${url}/readyz`, { method: 'GET' })).status).toBe(200)
})

test('a remote server that is not there is told as such, with what the system says', async () => {
  const { name, enabled, protocol, isolation, pool, timeouts } = childUpstream('echo', { name: 'remote' })
  const { endpoint, url } = await startReal({
    ...{ name, enabled, protocol, isolation, pool, timeouts },
    ...{ transport: 'http', url: 'http://127.0.0.1:1/mcp', headers: {} },
  })
  const reply = await send(endpoint, { body: rpc('initialize', { protocolVersion: '2025-11-25' }) })
  expect([reply.status, reply.json.error.message]).toEqual([200, expect.stringContaining('refused the connection')])
  expect((await send(`${url}/readyz`, { method: 'GET' })).json.notReady).toMatchObject([{ upstream: 'remote' }])
})

test('a plain JSON-RPC program answers by POST without a session, a process for each request', async () => {
  const { endpoint, pids, upstream } = await startReal(
    childUpstream('singleShot', { args: ['--jsonrpc'], protocol: 'jsonrpc', pool: { maxConnections: 2 } }),
  )
  const answered = new Set<number>()
  for (let i = 0; i < 4; i++) {
    const { json } = await send(endpoint, { body: rpc('sum', [i], i) })
    expect(json).toMatchObject({ id: i, result: { method: 'sum', params: [i] } })
    answered.add(json.result.pid)
  }
  expect(answered.size).toBe(4)
  expect([...answered].every((pid) => pids.has(pid))).toBe(true)
  await expect.poll(() => isFree(upstream)).toBe(true)
})

test('a session survives that every process of its upstream is killed', async () => {
  const { endpoint, upstream, pids } = await startReal(childUpstream('echo', { pool: { maxConnections: 2 } }))
  const client = await openSession(endpoint)
  await client.post(call('pid', {}, 1))
  for (const pid of upstream.pids().values()) process.kill(pid, 'SIGKILL')
  await expect.poll(() => upstream.pids().size).toBe(0)
  expect((await client.post(call('echo', { text: 'on' }, 2))).json.result.content[0].text).toBe('on')
  expect(pids.size).toBe(2)
})

test('a client lowers the timeouts of its own call, and can not raise them', async () => {
  const { endpoint } = await startReal(childUpstream('hang', { timeouts: { responseTimeoutMs: 900 } }))
  const client = await openSession(endpoint)
  const hung = async (timeoutMs: string) => {
    const headers = { ...client.headers, 'poolscope-response-timeout-ms': timeoutMs }
    return (await send(endpoint, { headers, body: call('hang') })).json.error.data
  }
  expect(await hung('100')).toMatchObject({ code: 'RESPONSE_TIMEOUT', responseTimeoutMs: 100 })
  expect(await hung('60000')).toMatchObject({ code: 'RESPONSE_TIMEOUT', responseTimeoutMs: 900 })
})

test.each(['0', '-1', '1.5', 'soon', '99999999999'])('a timeout of %j is refused', async (timeoutMs) => {
  const { endpoint } = await startReal(childUpstream('echo'))
  const client = await openSession(endpoint)
  const headers = { ...client.headers, 'poolscope-request-timeout-ms': timeoutMs }
  const reply = await send(endpoint, { headers, body: call('echo', { text: 'x' }) })
  expect([reply.status, reply.json.error.message]).toEqual([
    400,
    expect.stringContaining('whole number of milliseconds'),
  ])
})
