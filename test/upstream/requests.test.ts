import { describe, expect, test } from 'vitest'
import type { ServerNotification } from '../../electron/upstream/types.ts'
import { failureOf } from './failure.ts'
import { callTool, own, sent, settled, start, textOf } from './support.ts'

describe('reuse (reviews: a persistent server is reused with one connection)', () => {
  test('1,000 requests one at a time are served by exactly one process', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 } })
    const seen = new Set<string>()
    for (let i = 0; i < 1000; i++) seen.add(textOf(await upstream.request(callTool('pid'))))
    expect([...seen]).toEqual([...pids].map(String))
    expect(seen.size).toBe(1)
    await settled(upstream, { idle: 1, leased: 0, waiting: 0, opened: 1, dead: 0, granted: 1000 })
    expect(upstream.view().connections[0]).toMatchObject({ served: 1000, errors: 0, inFlight: 0 })
  })

  test('1,000 requests 32 at a time are served by exactly one process', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 } })
    const seen = new Set<string>()
    let left = 1000
    const client = async () => {
      while (left-- > 0) seen.add(textOf(await upstream.request(callTool('pid'))))
    }
    await Promise.all(Array.from({ length: 32 }, client))
    expect([...seen]).toEqual([...pids].map(String))
    expect(seen.size).toBe(1)
    await settled(upstream, { idle: 1, leased: 0, waiting: 0, opened: 1, granted: 1000 })
  })

  test('POOL 30: 100,000 requests through one connection: one PID, idle ends at 1, counters exact', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 } })
    let ok = 0
    upstream.events.on('request.done', ({ outcome }) => {
      if (outcome === 'ok') ok++
    })
    let left = 100_000
    const client = async () => {
      while (left-- > 0) await upstream.request({ method: 'ping' })
    }
    await Promise.all(Array.from({ length: 32 }, client))
    expect(ok).toBe(100_000)
    expect(pids.size).toBe(1)
    await settled(upstream, { idle: 1, leased: 0, waiting: 0, opened: 1, dead: 0, acquires: 100_000, granted: 100_000 })
  }, 60_000)

  test('several connections open under load, within the limit, and requests prefer the one that was used before', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 3 } })
    await Promise.all(Array.from({ length: 30 }, () => upstream.request(callTool('sleep', { ms: 5 }))))
    expect(pids.size).toBeGreaterThan(1)
    expect(pids.size).toBeLessThanOrEqual(3)
    await settled(upstream, { leased: 0, returning: 0, spawning: 0 })
    const last = upstream.view().connections.at(-1)?.id ?? ''
    for (const { id } of upstream.view().connections) {
      const reply = await upstream.request(callTool('pid', {}, { prefer: id }))
      expect(reply.connectionId).toBe(id)
    }
    expect((await upstream.request(callTool('pid', {}, { prefer: last }))).connectionId).toBe(last)
  })
})

describe('byte for byte', () => {
  test('a result is relayed as it stood in its line', async () => {
    const { upstream } = start(own('bytes'))
    const reply = await upstream.request(callTool('exact'))
    expect(reply.kind).toBe('result')
    expect(reply.text).toBe('{ "z":9007199254740993,"a":[1.0,1e2], "\\u0061":"\\u00e9" }')
  })

  test('an error of the server is a reply, not a failure', async () => {
    const { upstream, told } = start(own('bytes'))
    const reply = await upstream.request(callTool('refuse'))
    expect(reply).toMatchObject({ kind: 'error', text: '{"code":-32602,"message":"no","data":9007199254740993}' })
    expect(told['request.done']?.[0]).toMatchObject({ outcome: 'protocol_error', tool: 'refuse', error: null })
    expect((await upstream.request(callTool('bothNull'))).kind).toBe('result')
    expect((await upstream.request(callTool('nullId'))).kind).toBe('error')
  })

  test('params reach the server as they are, on one line, with the progress token alone replaced', async () => {
    const { upstream } = start(own('bytes'))
    const params =
      '{"name":"mirror",\n "arguments":{"n":9007199254740993,"s":"\\u00e9\\n"},"_meta":{"progressToken":"mine","x":1e2}}'
    const { line } = JSON.parse((await upstream.request({ method: 'tools/call', params })).text)
    const id = JSON.parse(line).id
    expect(line).toBe(
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params.replace('\n', ' ').replace('"mine"', String(id))}}`,
    )
  })

  test("answers under ids that were not asked for are nobody's", async () => {
    const { upstream, told } = start(own('bytes'))
    expect((await upstream.request(callTool('wrongIds'))).text).toBe('{"content":[]}')
    expect(told['line.invalid']).toHaveLength(3)
  })

  test('lines that are no messages are told, kept in the log, and harm nothing', async () => {
    const { upstream, told } = start({ child: 'noise' })
    const reply = await upstream.request(callTool('echo', { text: 'still here' }))
    expect(textOf(reply)).toBe('still here')
    expect(told['line.invalid']?.length).toBeGreaterThan(0)
    const lines = upstream.logs(reply.connectionId)?.lines ?? []
    expect(lines.some(({ text }) => text.startsWith('[stdout] '))).toBe(true)
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map(({ seq }) => seq).sort((a, b) => a - b))
  })

  test('an answer whose UTF-8 is split at every byte arrives whole', async () => {
    const { upstream } = start({ child: 'splitUtf8', args: ['--bytewise', '--crlf'] })
    expect(textOf(await upstream.request(callTool('echo', { text: 'grüße 🐘 \r\n' })))).toBe('grüße 🐘 \r\n')
  })
})

describe('progress and messages', () => {
  test.each(['"a token"', '"7"', '7', '0', '9007199254740993'])(
    'progress for %s comes back under exactly that',
    async (token) => {
      const { upstream } = start({ child: 'progress' })
      const told: ServerNotification[] = []
      await upstream.request({
        method: 'tools/call',
        params: `{"name":"work","arguments":{"steps":3,"stepMs":2},"_meta":{"progressToken":${token}}}`,
        onNotification: (notification) => told.push(notification),
      })
      const progress = told.filter(({ method }) => method === 'notifications/progress')
      expect(progress).toHaveLength(3)
      for (const { message } of progress) expect(message).toContain(`"progressToken":${token},`)
      expect(told.filter(({ method }) => method === 'notifications/message')).toHaveLength(3)
    },
  )

  test('progress keeps a slow request alive beyond its response timeout', async () => {
    const { upstream } = start({ child: 'progress', timeouts: { responseTimeoutMs: 300 } })
    const params = '{"name":"work","arguments":{"steps":8,"stepMs":100},"_meta":{"progressToken":1}}'
    const reply = await upstream.request({ method: 'tools/call', params })
    expect(reply.timing.callMs).toBeGreaterThan(600)
  })

  test('what nobody listens for at its request is told as an event of the upstream', async () => {
    const { upstream, told } = start({ child: 'progress' })
    await upstream.request(callTool('change'))
    expect(told.notification?.map(({ method }) => method)).toContain('notifications/tools/list_changed')
    const holder: ServerNotification[] = []
    await upstream.request(callTool('change', {}, { onNotification: (notification) => holder.push(notification) }))
    expect(holder.map(({ method }) => method)).toContain('notifications/tools/list_changed')
  })

  test('a server that asks the client gets its ping answered and everything else refused', async () => {
    const { upstream } = start({ child: 'serverRequest' })
    const ask = async (method: string) => JSON.parse(textOf(await upstream.request(callTool('ask', { method }))))
    expect(await ask('ping')).toEqual({ result: {} })
    expect((await ask('roots/list')).error).toMatchObject({ code: -32601 })
  })
})

describe('cancelling', () => {
  test('the server is told; a late answer within the grace keeps its process', async () => {
    const { upstream, pids } = start({ child: 'lateAnswer', pool: { maxConnections: 1 } })
    await upstream.request(callTool('echo'))
    const abort = new AbortController()
    const failed = failureOf(upstream.request(callTool('late', {}, { signal: abort.signal })))
    await sent(upstream)
    abort.abort()
    expect((await failed).code).toBe('ABORTED')
    // While the answer is owed nobody is given the connection.
    expect(upstream.view().pool).toMatchObject({ idle: 0, leased: 1 })
    await upstream.request(callTool('echo'))
    expect(pids.size).toBe(1)
  })

  test('a process that never answers what was cancelled is replaced', async () => {
    const { upstream, pids, told } = start({ child: 'lateAnswer', args: ['--honour'], pool: { maxConnections: 1 } })
    await upstream.request(callTool('echo'))
    const abort = new AbortController()
    const failed = failureOf(upstream.request(callTool('late', {}, { signal: abort.signal })))
    await sent(upstream)
    abort.abort()
    await failed
    await upstream.request(callTool('echo'))
    expect(pids.size).toBe(2)
    expect(told['connection.closing']?.[0]?.reason).toBe('unhealthy')
    expect(told['request.done']?.map(({ outcome }) => outcome)).toEqual(['ok', 'cancelled', 'ok'])
  })

  test('a request that is cancelled before it is sent, or in the queue, reaches no server', async () => {
    const { upstream } = start({ pool: { maxConnections: 1 } })
    expect((await failureOf(upstream.request({ method: 'ping', signal: AbortSignal.abort() }))).code).toBe('ABORTED')
    const slow = upstream.request(callTool('sleep', { ms: 100 }))
    const abort = new AbortController()
    const queued = failureOf(upstream.request(callTool('echo', {}, { signal: abort.signal })))
    await settled(upstream, { leased: 1, waiting: 1 })
    abort.abort()
    expect((await queued).code).toBe('ABORTED')
    await slow
    expect(upstream.view().connections[0]?.served).toBe(1)
  })
})
