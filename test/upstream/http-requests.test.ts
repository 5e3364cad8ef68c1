import { describe, expect, test } from 'vitest'
import { exactResult } from '../fixtures/http/index.ts'
import { failureOf } from './failure.ts'
import { reach, serve } from './http-support.ts'
import { callTool, modernCall, textOf } from './support.ts'

describe('a legacy server', () => {
  test('is initialized once, and answers byte for byte', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url)
    const reply = await upstream.request(callTool('exact'))
    expect(reply.text).toBe(exactResult)
    expect(reply.pid).toBeNull()
    await upstream.request(callTool('echo', { text: 'again' }))
    expect(server.records.of('initialize')).toHaveLength(1)
    expect(server.records.of('notifications/initialized')).toHaveLength(1)
    expect(upstream.view()).toMatchObject({ era: 'legacy', state: 'ready' })
  })

  test('gets its session and revision with every message after initialize, and nothing before', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    const [initialize] = server.records.of('initialize')
    expect(initialize?.headers['mcp-protocol-version']).toBeUndefined()
    expect(initialize?.session).toBeUndefined()
    for (const method of ['notifications/initialized', 'tools/call']) {
      const [record] = server.records.of(method)
      expect(record?.session).toBe(server.sessions[0])
      expect(record?.headers['mcp-protocol-version']).toBe('2025-11-25')
    }
  })

  test('is told that it is initialized before anything else is asked', async () => {
    const server = await serve({ eras: ['legacy'] })
    server.inject({ kind: 'delay', ms: 100 }, { when: ({ method }) => method === 'notifications/initialized' })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    const methods = server.records.requests.map(({ verb, method }) => method ?? verb)
    expect(methods.slice(0, 2)).toEqual(['initialize', 'notifications/initialized'])
    const [initialized] = server.records.of('notifications/initialized')
    const [call] = server.records.of('tools/call')
    expect(Number(call?.at) - Number(initialized?.at)).toBeGreaterThan(90)
  })
})

describe('a modern server', () => {
  test('is discovered, and every message names itself in its headers', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url)
    expect(await upstream.eraFor('modern')).toBe('modern')
    const reply = await upstream.request(modernCall('exact'))
    expect(reply.kind).toBe('result')
    const [call] = server.records.of('tools/call')
    expect(call?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'exact',
    })
    expect(server.records.of('initialize')).toEqual([])
  })

  test('gets arguments in headers as its tools want them, once their schemas are known', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url)
    const reply = await upstream.request(modernCall('regional', { region: 'Zürich ', limit: 7 }))
    expect(JSON.parse(textOf(reply))).toEqual({ region: 'Zürich ', limit: 7 })
    expect(server.records.runsOf('regional')).toHaveLength(1)
    const calls = server.records.of('tools/call')
    expect(calls).toHaveLength(2)
    expect(calls[1]?.headers).toMatchObject({ 'mcp-param-region': '=?base64?WsO8cmljaCA=?=', 'mcp-param-limit': '7' })
    await upstream.request(modernCall('regional', { region: 'eu', limit: null }))
    expect(server.records.of('tools/call')[2]?.headers).toMatchObject({ 'mcp-param-region': 'eu' })
    expect(server.records.of('tools/call')).toHaveLength(3)
  })

  test('an error keeps its bytes, whatever its status', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url)
    const reply = await upstream.request({ ...modernCall('echo'), method: 'no/such' })
    expect(reply).toMatchObject({ kind: 'error' })
    expect(JSON.parse(reply.text).code).toBe(-32601)
  })
})

test('a cancelled call is told to a legacy server, and a modern one sees its response closed', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    const server = await serve({ eras: [era] })
    const { upstream } = reach(server.url)
    const own = new AbortController()
    const call = era === 'legacy' ? callTool('hold') : modernCall('hold')
    await upstream.eraFor(era)
    const answer = upstream.request({ ...call, signal: own.signal })
    const record = await server.records.first(({ method }) => method === 'tools/call')
    await expect.poll(() => server.records.runsOf('hold').length).toBe(1)
    own.abort()
    expect((await failureOf(answer)).code).toBe('ABORTED')
    if (era === 'legacy') await server.records.first(({ method }) => method === 'notifications/cancelled')
    else await expect.poll(() => record.abandoned).toBe(true)
    expect(server.records.of('notifications/cancelled')).toHaveLength(era === 'legacy' ? 1 : 0)
    const again = era === 'legacy' ? callTool('echo', { text: 'on' }) : modernCall('echo', { text: 'on' })
    expect(textOf(await upstream.request(again))).toBe('on')
    expect(upstream.view().pool.opened).toBe(1)
  }
})
