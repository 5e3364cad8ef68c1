import { describe, expect, test } from 'vitest'
import type { PooledUpstream } from '../../electron/upstream/pooled-upstream.ts'
import type { Fault } from '../fixtures/http/index.ts'
import { isCallOf } from '../fixtures/http/index.ts'
import { failureOf } from './failure.ts'
import { reach, serve, stream } from './http-support.ts'
import { callTool, eventually, modernCall, settled, textOf } from './support.ts'

const eras = ['legacy', 'modern'] as const
const call = (era: 'legacy' | 'modern', name: string, args: unknown = {}) =>
  era === 'legacy' ? callTool(name, args) : modernCall(name, args)

describe.each(eras)('a %s tool call', (era) => {
  const faults: [string, Fault][] = [
    ['reset before it is run', { kind: 'reset', at: 'request' }],
    ['reset instead of its answer', { kind: 'reset', at: 'answer' }],
    ['reset in the middle of its answer', { kind: 'reset', at: 'body' }],
    ['answered with 500', { kind: 'reply', status: 500 }],
    [
      'answered with garbage',
      { kind: 'reply', status: 200, headers: { 'content-type': 'application/json' }, body: '{"a":' },
    ],
    ['answered with nothing', { kind: 'reply', status: 202 }],
    ['answered as another type', { kind: 'content-type', value: 'text/html' }],
  ]
  test.each(faults)('that is %s fails, and is not sent again', async (_, fault) => {
    const server = await serve({ eras: [era] })
    const { upstream } = reach(server.url)
    await upstream.eraFor(era)
    await upstream.request(call(era, 'exact'))
    server.inject(fault, { when: isCallOf('echo') })
    const error = await failureOf(upstream.request(call(era, 'echo', { text: 'x' })))
    expect(['CONNECTION_LOST', 'HTTP_STATUS']).toContain(error.code)
    expect(server.records.requests.filter(isCallOf('echo'))).toHaveLength(1)
    expect(server.records.runsOf('echo').length).toBeLessThanOrEqual(1)
    // The session goes on.
    expect((await upstream.request(call(era, 'exact'))).kind).toBe('result')
    expect(upstream.view().pool.opened).toBe(1)
  })

  test('that is answered twice has one answer', async () => {
    const server = await serve({ eras: [era] })
    const { upstream } = reach(server.url)
    await upstream.eraFor(era)
    server.inject({ kind: 'answer-twice' }, { when: isCallOf('echo') })
    expect(textOf(await upstream.request(call(era, 'echo', { text: 'x' })))).toBe('x')
    expect(textOf(await upstream.request(call(era, 'echo', { text: 'y' })))).toBe('y')
  })

  test('that is never answered times out, and the connection serves on', async () => {
    const server = await serve({ eras: [era] })
    const { upstream } = reach(server.url, { timeouts: { responseTimeoutMs: 200 } })
    await upstream.eraFor(era)
    server.inject({ kind: 'silence' }, { when: isCallOf('echo') })
    expect((await failureOf(upstream.request(call(era, 'echo')))).code).toBe('RESPONSE_TIMEOUT')
    expect(textOf(await upstream.request(call(era, 'echo', { text: 'on' })))).toBe('on')
    expect(upstream.view().pool.opened).toBe(1)
  })

  test('that a list is lost is mended by asking again', async () => {
    const server = await serve({ eras: [era] })
    const { upstream } = reach(server.url)
    await upstream.eraFor(era)
    await upstream.request(call(era, 'exact'))
    server.inject({ kind: 'reset', at: 'body' }, { when: ({ method }) => method === 'tools/list' })
    const list = { ...call(era, 'x'), method: 'tools/list' }
    const reply = await upstream.request(list)
    expect(reply.timing.attempts).toBe(2)
  })

  test('three failures in a row end the session, and the next one serves', async () => {
    const server = await serve({ eras: [era] })
    const { upstream, told } = reach(server.url)
    await upstream.eraFor(era)
    await upstream.request(call(era, 'exact'))
    server.inject({ kind: 'reply', status: 500 }, { times: 3, when: isCallOf('echo') })
    for (let n = 0; n < 3; n++) await failureOf(upstream.request(call(era, 'echo')))
    await expect.poll(() => told['connection.closing'].map(({ reason }) => reason), eventually).toEqual(['unhealthy'])
    expect(textOf(await upstream.request(call(era, 'echo', { text: 'on' })))).toBe('on')
    expect(upstream.view().pool.opened).toBe(2)
  })
})

describe('a server that is not there', () => {
  test('is tried again until it is, and a request that waits goes through', async () => {
    const server = await serve({ eras: ['legacy'] })
    await server.refuse()
    const { upstream, told } = reach(server.url, { protocol: 'legacy' })
    const answer = upstream.request(callTool('echo', { text: 'late' }))
    await expect.poll(() => told['connection.failed'].length, eventually).toBeGreaterThanOrEqual(1)
    expect(told['connection.failed'][0]?.error).toMatchObject({
      code: 'CONNECT_FAILED',
      data: { code: 'ECONNREFUSED' },
    })
    await server.resume()
    expect(textOf(await answer)).toBe('late')
  })

  test('that does not complete the handshake in time is said to', async () => {
    const server = await serve({ eras: ['legacy'] })
    server.inject({ kind: 'silence' }, { times: Number.POSITIVE_INFINITY })
    const { upstream, told } = reach(server.url, {
      protocol: 'legacy',
      timeouts: { connectTimeoutMs: 150 },
      pool: { acquireTimeoutMs: 400 },
    })
    await failureOf(upstream.request(callTool('echo')))
    expect(told['connection.failed'][0]?.error.code).toBe('CONNECT_TIMEOUT')
  })
})

describe('a server that wants to know who asks', () => {
  test('blocks at once, without another attempt, until the token is right', async () => {
    const server = await serve({ eras: ['legacy'] })
    server.requireToken('right')
    let token = 'wrong'
    const { upstream, told } = reach(
      server.url,
      { headers: { Authorization: 'Bearer ${TOKEN}' }, pool: { minIdle: 1 } },
      { variables: (name) => (name === 'TOKEN' ? token : undefined) },
    )
    const [one, two] = await Promise.all([
      failureOf(upstream.request(callTool('echo'))),
      failureOf(upstream.request(callTool('echo'))),
    ])
    expect([one.code, two.code]).toEqual(['UPSTREAM_UNAUTHORIZED', 'UPSTREAM_UNAUTHORIZED'])
    expect(JSON.stringify([one, told['connection.failed']])).not.toContain('wrong')
    const { length } = server.records.requests
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('UPSTREAM_UNAUTHORIZED')
    expect(server.records.requests).toHaveLength(length)
    expect(upstream.view()).toMatchObject({ state: 'unauthorized', pool: { breaker: { failures: 0 } } })
    token = 'right'
    expect(textOf(await upstream.request(callTool('echo', { text: 'in' })))).toBe('in')
  })

  test('in the middle of a session ends it, and a person’s retry begins another', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    server.requireToken('other')
    expect((await failureOf(upstream.request(callTool('echo', { text: 'y' })))).code).toBe('UPSTREAM_UNAUTHORIZED')
    expect(upstream.view().state).toBe('unauthorized')
    server.requireToken(undefined)
    upstream.retry()
    expect(textOf(await upstream.request(callTool('echo', { text: 'z' })))).toBe('z')
    expect(server.records.runsOf('echo')).toHaveLength(2)
  })

  test('a request that is forbidden fails alone; an upstream that forbids all blocks', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    server.inject({ kind: 'reply', status: 403 }, { when: isCallOf('exact') })
    expect((await failureOf(upstream.request(callTool('exact')))).code).toBe('UPSTREAM_FORBIDDEN')
    expect(textOf(await upstream.request(callTool('echo', { text: 'y' })))).toBe('y')
    expect(upstream.view().pool.opened).toBe(1)
    server.inject({ kind: 'reply', status: 403 }, { times: Number.POSITIVE_INFINITY })
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('UPSTREAM_FORBIDDEN')
    await expect.poll(() => upstream.view().state, eventually).toBe('unauthorized')
  })
})

test('a variable that is not set is an error of the config, with its path, and no attempt', async () => {
  const server = await serve()
  const { upstream } = reach(server.url, { headers: { 'X-Key': '${NO_SUCH_VARIABLE}' } })
  expect(await failureOf(upstream.request(callTool('echo')))).toMatchObject({
    code: 'CONFIG_INVALID',
    data: expect.objectContaining({ path: 'headers.X-Key' }),
  })
  expect(server.records.requests).toEqual([])
})

describe('closing', () => {
  test('ends the session at the server', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    await upstream.close('shutdown')
    expect(server.sessions).toEqual([])
    expect(server.records.requests.filter(({ verb }) => verb === 'DELETE')).toHaveLength(1)
    await expect.poll(() => server.records.openStreams().length, eventually).toBe(0)
  })

  test.each(['initialize', 'notifications/initialized', 'server/discover', 'tools/call', ''])(
    'while %s is not answered leaves nothing, and is quick',
    async (method) => {
      const server = await serve({ eras: ['legacy'] })
      server.inject({ kind: 'silence' }, { when: (record) => (record.method ?? '') === method })
      const { upstream } = reach(server.url)
      const probed = method === 'server/discover' ? upstream.eraFor('modern') : undefined
      const answer = (probed ?? upstream.request(callTool('echo', { text: 'x' }))).catch(() => undefined)
      await server.records.first((record) => (record.method ?? '') === method)
      const startedAt = performance.now()
      await upstream.close('shutdown', 3_000)
      await answer
      expect(performance.now() - startedAt).toBeLessThan(2_900)
      await settled(upstream as PooledUpstream, { idle: 0, leased: 0, spawning: 0, draining: 0 })
    },
  )

  test('does not wait for a server that does not take note of the end', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    await stream(upstream, 'notifications', 'open')
    server.inject({ kind: 'silence' }, { when: ({ verb }) => verb === 'DELETE' })
    const startedAt = performance.now()
    await upstream.close('shutdown', 5_000)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })
})

test('many calls at once share one session, and each gets its own progress and answer', async () => {
  for (const era of eras) {
    const server = await serve({ eras: [era], jsonAnswers: false })
    const { upstream } = reach(server.url, { isolation: 'multiplex', pool: { maxInFlight: 32 } })
    await upstream.eraFor(era)
    const replies = await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        const seen: unknown[] = []
        const request = call(era, 'progress', { steps: 3, intervalMs: 2 })
        const params = JSON.parse(String(request.params))
        params._meta = { ...params._meta, progressToken: `token-${n}` }
        const reply = await upstream.request({
          ...request,
          params: JSON.stringify(params),
          onNotification: ({ message }) => seen.push(JSON.parse(message).params.progressToken),
        })
        return { n, seen, text: textOf(reply) }
      }),
    )
    for (const { n, seen, text } of replies) {
      expect(text).toBe('3 steps')
      expect(seen).toEqual([`token-${n}`, `token-${n}`, `token-${n}`])
    }
    expect(upstream.view().pool.opened).toBe(1)
  }
})
