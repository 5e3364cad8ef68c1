import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { UpstreamConfig } from '../../shared/config.ts'
import { childUpstream } from '../fixtures/children/index.ts'
import { openSession, rpc, startGateway } from './support/harness.ts'
import { open, send, sse } from './support/http.ts'
import { modern, modernSent } from './support/modern.ts'
import { isFree, startReal } from './support/real.ts'
import { ScriptedUpstream } from './support/scripted-upstream.ts'

const call = (name: string, args: Record<string, unknown> = {}, id: string | number = 1) =>
  rpc('tools/call', { name, arguments: args }, id)

describe('10,000 idle sessions', () => {
  test('cost little memory and no process, and leave nothing when they end', async () => {
    const upstream = new ScriptedUpstream('one')
    const { gateway, url } = await startGateway({ upstreams: [upstream] })
    const endpoint = `${url}/mcp/one`
    const agents = 50
    const memory = async () => {
      globalThis.gc?.()
      await turn()
      return process.memoryUsage().heapUsed
    }
    const before = await memory()
    const ids: string[] = []
    await Promise.all(
      Array.from({ length: agents }, async () => {
        for (let i = 0; i < 10_000 / agents; i++) {
          const { initialized } = await openSession(endpoint)
          ids.push(String(initialized.headers['mcp-session-id']))
        }
      }),
    )
    expect(gateway.state().sessions).toBe(10_000)
    expect(new Set(ids).size).toBe(10_000)
    // Also what the test itself keeps; without a forced collection, garbage too.
    expect(((await memory()) - before) / 10_000).toBeLessThan(10_000)
    expect(upstream.requests).toEqual([])
    const reply = await send(endpoint, { headers: { 'mcp-session-id': ids[5_000] ?? '' }, body: rpc('ping') })
    expect(reply.status).toBe(200)
    await gateway.close({ drainMs: 0 })
    expect([gateway.state().sessions, upstream.events.listenerCount]).toEqual([0, 0])
  }, 60_000)
})

describe('a client that goes away in the middle of a call', () => {
  test('cancels it in the modern era: the server hears of it, the process serves on', async () => {
    const { endpoint, upstream, gateway, pids } = await startReal(
      childUpstream('echo', { pool: { maxConnections: 1 }, timeouts: { requestTimeoutMs: 60_000 } }),
    )
    const gone = new AbortController()
    const { body, headers = {} } = modernSent('tools/call', { name: 'sleep', arguments: { ms: 60_000 } })
    const dropped = fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(headers as Record<string, string>),
      },
      body: String(body),
      signal: gone.signal,
    }).catch((error) => error.name)
    await expect.poll(() => upstream.view().pool.leased).toBe(1)
    gone.abort()
    expect(await dropped).toBe('AbortError')
    await expect.poll(() => isFree(upstream)).toBe(true)
    expect(gateway.state().requestsInFlight).toBe(0)
    const reply = await modern(endpoint).post('tools/call', { name: 'echo', arguments: { text: 'on' } })
    expect(reply.json.result.content[0].text).toBe('on')
    expect(pids.size).toBeLessThanOrEqual(2)
  })
})

describe.each(['legacy', 'modern'] as const)('a %s client whose server dies in the middle of its call', (era) => {
  test('hears of it at once with the cause; the next call works', async () => {
    const { endpoint, upstream } = await startReal(childUpstream('crash'))
    const session = era === 'legacy' ? await openSession(endpoint) : undefined
    const post = (name: string, args: object) =>
      session
        ? session.post(rpc('tools/call', { name, arguments: args }))
        : modern(endpoint).post('tools/call', { name, arguments: args })
    const failed = await post('crash', { how: 'exit', code: 7 })
    expect(failed.status).toBe(200)
    expect(failed.json.error).toMatchObject({ code: -32603, data: { code: 'CONNECTION_LOST', exitCode: 7 } })
    expect((await post('echo', { text: 'on' })).json.result.content[0].text).toBe('on')
    await expect.poll(() => isFree(upstream)).toBe(true)
  })
})

describe('a client with a process of its own', () => {
  const start = () =>
    startReal(childUpstream('session', { protocol: 'legacy', isolation: 'session', pool: { maxConnections: 2 } }))

  test('keeps it from call to call, apart from others, and gives it back when it leaves', async () => {
    const { endpoint, upstream, pids } = await start()
    const [mine, other] = [await openSession(endpoint), await openSession(endpoint)]
    const recall = async ({ post }: typeof mine) => (await post(call('recall'))).json.result.content[0].text
    await mine.post(call('remember', { value: 'mine' }))
    await other.post(call('remember', { value: 'theirs' }))
    expect([await recall(mine), await recall(other)]).toEqual(['mine', 'theirs'])
    expect(pids.size).toBe(2)
    await send(endpoint, { method: 'DELETE', headers: mine.headers })
    await send(endpoint, { method: 'DELETE', headers: other.headers })
    await expect.poll(() => upstream.pids().size).toBe(0)
    const next = await openSession(endpoint)
    expect(await recall(next)).not.toBe('mine')
  })

  test('loses it and what it remembered when it dies; the session goes on with another', async () => {
    const { endpoint, pids } = await start()
    const session = await openSession(endpoint)
    await session.post(call('remember', { value: 'mine' }))
    expect((await session.post(call('crash'))).json.error.data.code).toBe('CONNECTION_LOST')
    expect((await session.post(call('echo', { text: 'on' }))).json.result.content[0].text).toBe('on')
    expect(pids.size).toBe(2)
  })

  test('answers what its server asks for', async () => {
    const { endpoint } = await start()
    const session = await openSession(endpoint, '2025-11-25', { roots: {} })
    const events = sse(await open(endpoint, { headers: session.headers, body: call('roots', {}, 'r') }))
    for (;;) {
      const event = await events.next()
      const message = JSON.parse(event?.data || '{}')
      if (message.method === 'roots/list')
        await session.post(
          JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { roots: [{ uri: 'file:///x' }] } }),
        )
      else if (message.id === 'r') {
        expect(JSON.stringify(message.result)).toContain('file:///x')
        return
      }
    }
  })
})

test('a result passes a real pipe byte for byte', async () => {
  const bytes = fileURLToPath(new URL('../upstream/children/bytes.mjs', import.meta.url))
  const { endpoint } = await startReal({ ...childUpstream('echo', { name: 'bytes' }), args: [bytes] } as UpstreamConfig)
  const session = await openSession(endpoint)
  expect(session.initialized.text).toContain('"vendor":9007199254740993}')
  expect((await session.post(call('exact'))).text).toBe(
    '{"jsonrpc":"2.0","id":1,"result":{ "z":9007199254740993,"a":[1.0,1e2], "\\u0061":"\\u00e9" }}',
  )
  const sent =
    '{"jsonrpc":"2.0","id":1e0,"method":"tools/call","params":{"name":"mirror", "n":9007199254740993,"e":1E400}}'
  expect((await session.post(sent)).json.result.line).toContain(
    '"params":{"name":"mirror", "n":9007199254740993,"e":1E400}',
  )
})

describe('real servers of the modern era', () => {
  test('serve clients of both eras from processes of one kind', async () => {
    const { endpoint, upstream } = await startReal(childUpstream('modern', { args: ['--eras=modern'] }))
    const session = await openSession(endpoint)
    expect(session.initialized.json.result.protocolVersion).toBe('2025-11-25')
    expect((await session.post(call('echo', { text: 'old' }))).json.result.content[0].text).toBe('old')
    const reply = await modern(endpoint).post('tools/call', { name: 'echo', arguments: { text: 'new' } })
    expect([reply.json.result.content[0].text, reply.json.result.resultType]).toEqual(['new', 'complete'])
    expect((await session.post(rpc('tools/list'))).json.result.resultType).toBeUndefined()
    expect(upstream.view().era).toBe('modern')
  })

  test('speak each client’s own era where they know both', async () => {
    const { endpoint } = await startReal(childUpstream('modern'))
    const session = await openSession(endpoint)
    const legacy = (await session.post(call('era'))).json.result.content[0].text
    const newer = (await modern(endpoint).post('tools/call', { name: 'era', arguments: {} })).json.result.content[0]
      .text
    expect(legacy).not.toBe(newer)
    expect(newer).toContain('modern')
  })
})
