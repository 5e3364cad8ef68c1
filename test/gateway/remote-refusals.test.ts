import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors.ts'
import { initialize, openSession, rpc, startGateway } from './support/harness.ts'
import { send } from './support/http.ts'
import { modern } from './support/modern.ts'
import { ScriptedUpstream } from './support/scripted-upstream.ts'

/** A remote server that refuses us must not look like a refusal of ours: a client would start to sign in, with us. */

const failing = async (error: AppError) => {
  const upstream = new ScriptedUpstream('docs', () => Promise.reject(error))
  const { url } = await startGateway({ upstreams: [upstream] })
  return { upstream, url, endpoint: `${url}/mcp/docs` }
}
const refused = {
  UPSTREAM_UNAUTHORIZED: new AppError('UPSTREAM_UNAUTHORIZED', 'the server answered 401', { status: 401 }),
  UPSTREAM_FORBIDDEN: new AppError('UPSTREAM_FORBIDDEN', 'the server answered 403', { status: 403 }),
}

describe.each([
  ['UPSTREAM_UNAUTHORIZED', 'Sign in to this server in Poolscope'],
  ['UPSTREAM_FORBIDDEN', 'Give Poolscope more rights at this server: other credentials in its configuration, or'],
] as const)('%s is a JSON-RPC error that says where to act, with HTTP 200 and no challenge', (code, remedy) => {
  const expected = {
    code: -32603,
    message: expect.stringContaining(`${refused[code].message}. ${remedy}`),
    data: { code, status: refused[code].data?.status },
  }

  test('to a call of a legacy session', async () => {
    const { endpoint } = await failing(refused[code])
    const client = await openSession(endpoint)
    const reply = await client.post(rpc('tools/call', { name: 'echo' }))
    expect([reply.status, reply.headers['www-authenticate']]).toEqual([200, undefined])
    expect(reply.json.error).toEqual(expected)
  })

  test('to initialize', async () => {
    const { upstream, endpoint } = await failing(refused[code])
    upstream.shake = () => Promise.reject(refused[code])
    const reply = await send(endpoint, { body: initialize() })
    expect([reply.status, reply.headers['www-authenticate']]).toEqual([200, undefined])
    expect(reply.json.error).toEqual(expected)
  })

  test('to a modern call and to discover', async () => {
    const { upstream, endpoint } = await failing(refused[code])
    upstream.eras = ['modern']
    upstream.shake = () => Promise.reject(refused[code])
    for (const reply of [
      await modern(endpoint).post('tools/list'),
      await modern(endpoint).post('server/discover'),
      await modern(endpoint).post('subscriptions/listen', { notifications: { toolsListChanged: true } }),
    ]) {
      expect([reply.status, reply.headers['www-authenticate']]).toEqual([200, undefined])
      expect(reply.json.error).toEqual(expected)
    }
  })
})

test('a message that names Poolscope already is left as it is', async () => {
  const message = 'sign in to docs in Poolscope'
  const { endpoint } = await failing(new AppError('UPSTREAM_UNAUTHORIZED', message))
  const client = await openSession(endpoint)
  expect((await client.post(rpc('tools/list'))).json.error.message).toBe(message)
})

test.each([
  ['CONNECT_FAILED', { code: 'ECONNREFUSED', host: '127.0.0.1', port: 9, written: false }, { errno: 'ECONNREFUSED' }],
  ['CONNECTION_LOST', { code: null, host: 'h', port: 443, written: true, reason: 'silence' }, { reason: 'silence' }],
  ['HTTP_STATUS', { status: 503, retryAfterMs: 2_000 }, { status: 503, retryAfterMs: 2_000 }],
  ['TLS_FAILED', { code: 'CERT_HAS_EXPIRED' }, { errno: 'CERT_HAS_EXPIRED' }],
] as const)('%s keeps its facts, and the stable code is where clients look for it', async (code, data, facts) => {
  const { endpoint } = await failing(new AppError(code, 'it failed', data))
  const client = await openSession(endpoint)
  const { error } = (await client.post(rpc('tools/list'))).json
  expect(error).toMatchObject({ code: -32603, message: 'it failed', data: { code, ...facts } })
  expect(error.data).not.toHaveProperty('exitCode')
})
