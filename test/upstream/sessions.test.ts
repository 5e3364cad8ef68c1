import { describe, expect, test, vi } from 'vitest'
import type { ServerNotification, ServerRequest, UpstreamSession } from '../../electron/upstream/types.ts'
import { failureOf } from './failure.ts'
import { callTool, eventually, modern, modernCall, settled, start, textOf } from './support.ts'

const initialize = (capabilities = '{}') =>
  `{"protocolVersion":"2025-06-18","capabilities":${capabilities},"clientInfo":{"name":"a client","version":"9"},"vendor":9007199254740993}`

const logOf = (upstream: ReturnType<typeof start>['upstream'], { connectionId }: UpstreamSession) =>
  (upstream.logs(connectionId)?.lines ?? []).map(({ text }) => text)

describe('a client’s own session', () => {
  test('gets a process of its own, to which its initialize went as it was', async () => {
    const { upstream, pids } = start({ child: 'session' })
    await upstream.request(callTool('echo'))
    const session = await upstream.openSession({ initialize: initialize('{"roots":{}}') })
    expect(pids.size).toBe(2)
    expect(session.handshake).toMatchObject({ era: 'legacy', protocolVersion: '2025-06-18' })
    expect(pids.has(session.pid ?? 0)).toBe(true)
    expect(textOf(await session.request(callTool('initialize')))).toBe(initialize('{"roots":{}}'))
    // The shared handshake is not touched by it.
    expect((await upstream.handshake()).protocolVersion).not.toBe('2025-06-18')
    session.close()
    await settled(upstream, { dead: 1, idle: 1 })
  })

  test('keeps what its process remembers, and nobody else gets it, neither before nor after its end', async () => {
    const { upstream, told } = start({ child: 'session', pool: { maxConnections: 2 } })
    const session = await upstream.openSession({ initialize: initialize() })
    await session.request(callTool('remember', { value: 'mine' }))
    const shared = await upstream.request(callTool('recall'))
    expect(textOf(shared)).toBe('nothing')
    expect(textOf(await session.request(callTool('recall')))).toBe('mine')
    session.close()
    await settled(upstream, { dead: 1 })
    expect(told['connection.dead']?.[0]).toMatchObject({ connectionId: session.connectionId, reason: 'single-use' })
    const another = await upstream.openSession({ initialize: initialize() })
    expect(textOf(await another.request(callTool('recall')))).toBe('nothing')
    expect(upstream.view()).toMatchObject({ lastFailure: null, pool: { breaker: { failures: 0 } } })
  })

  test('sends several requests at once', async () => {
    const { upstream, told } = start({ child: 'session' })
    const session = await upstream.openSession({ initialize: initialize() })
    const started = performance.now()
    const replies = await Promise.all(Array.from({ length: 5 }, () => session.request(callTool('sleep', { ms: 200 }))))
    expect(performance.now() - started).toBeLessThan(900)
    expect(new Set(replies.map(({ pid }) => pid))).toEqual(new Set([session.pid]))
    expect(told['request.done']).toHaveLength(5)
    expect(replies[0]?.timing).toMatchObject({ attempts: 1, coldStart: false })
  })

  test('hears what the server says outside of requests, what it said early too', async () => {
    const { upstream } = start({ child: 'session', args: ['--greet'] })
    const session = await upstream.openSession({ initialize: initialize() })
    const told: ServerNotification[] = []
    session.onNotification = (notification) => void told.push(notification)
    await expect.poll(() => told.map(({ message }) => JSON.parse(message).params.data), eventually).toEqual(['hello'])
    await session.request(callTool('change'))
    expect(told.at(-1)?.method).toBe('notifications/tools/list_changed')
  })

  test('answers the server’s requests, whether a request of its own is under way or not', async () => {
    const { upstream } = start({ child: 'session' })
    const session = await upstream.openSession({ initialize: initialize('{"roots":{}}') })
    const asked: string[] = []
    session.onServerRequest = ({ method, answer }: ServerRequest) => {
      asked.push(method)
      answer('result', '{"roots":[]}')
    }
    // The server asks for the roots once the client says that it is initialized.
    session.notify('notifications/initialized')
    session.notify('notifications/initialized')
    await expect.poll(() => asked, eventually).toEqual(['roots/list'])
    session.notify('notifications/roots/list_changed')
    await expect.poll(() => asked, eventually).toEqual(['roots/list', 'roots/list'])
    expect(textOf(await session.request(callTool('roots')))).toBe('{"roots":[]}')
  })

  test('says initialized before its first request, if the client has not', async () => {
    const { upstream } = start({ child: 'session' })
    const session = await upstream.openSession({ initialize: initialize() })
    expect(logOf(upstream, session)).not.toContain('notifications/initialized')
    await session.request(callTool('echo'))
    await vi.waitFor(() => expect(logOf(upstream, session)).toContain('notifications/initialized'))
    expect(logOf(upstream, session)).not.toContain('logging/setLevel')
  })

  test('ends with its process, and says why; its requests fail at once', async () => {
    const { upstream } = start({ child: 'session' })
    const session = await upstream.openSession({ initialize: initialize() })
    const failed = failureOf(session.request(callTool('crash')))
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST', data: { code: 3 } })
    expect(session.ended.aborted).toBe(true)
    expect(session.ended.reason).toMatchObject({ code: 'CONNECTION_LOST' })
    expect((await failureOf(session.request(callTool('echo')))).code).toBe('CONNECTION_LOST')
    expect(() => session.notify('notifications/roots/list_changed')).toThrow()
    await settled(upstream, { dead: 1, leased: 0 })
  })

  test('that a person kills ends with that reason', async () => {
    const { upstream } = start({ child: 'session' })
    const session = await upstream.openSession({ initialize: initialize() })
    upstream.evict(session.connectionId, 'kill')
    expect(session.ended.reason).toMatchObject({ message: expect.stringContaining('killed by a person') })
  })

  test('is held for as long as the client wants: no leak warning, no revocation', async () => {
    const { upstream } = start({ child: 'session', pool: { leakWarnMs: 50, maxLeaseMs: 100 } })
    const leaks: unknown[] = []
    upstream.events.on('lease.leak', (leak) => leaks.push(leak))
    const session = await upstream.openSession({ initialize: initialize() })
    await session.request(callTool('sleep', { ms: 300 }))
    expect(leaks).toEqual([])
    expect(session.ended.aborted).toBe(false)
  })

  test('that nobody waits for any more leaves no process', async () => {
    const { upstream } = start({ child: 'slow', args: ['--handshake-ms=300'] })
    const abort = new AbortController()
    const failed = failureOf(upstream.openSession({ initialize: initialize(), signal: abort.signal }))
    await settled(upstream, { spawning: 1 })
    abort.abort()
    expect((await failed).code).toBe('ABORTED')
    await settled(upstream, { spawning: 0, idle: 0, dead: 1 })
    expect(upstream.view().pool.breaker.failures).toBe(0)
  })

  test('of a modern client has a modern process, and its own subscription', async () => {
    const { upstream } = start({ child: 'modern' })
    const session = await upstream.openSession({})
    expect(session.handshake.era).toBe('modern')
    const told: ServerNotification[] = []
    const abort = new AbortController()
    const listening = session.request({
      method: 'subscriptions/listen',
      params: JSON.stringify({
        notifications: { toolsListChanged: true },
        _meta: JSON.parse(modernCall('x').params ?? '')._meta,
      }),
      subscriptionId: '"mine"',
      signal: abort.signal,
      onNotification: (notification) => told.push(notification),
      profile: modern,
    })
    await expect
      .poll(() => told.map(({ method }) => method), eventually)
      .toEqual(['notifications/subscriptions/acknowledged'])
    await session.request(modernCall('change'))
    await expect.poll(() => told.at(-1)?.method, eventually).toBe('notifications/tools/list_changed')
    expect(told.at(-1)?.message).toContain('"io.modelcontextprotocol/subscriptionId":"mine"')
    abort.abort()
    expect((await failureOf(listening)).code).toBe('ABORTED')
    expect(textOf(await session.request(modernCall('echo', { text: 'still' })))).toBe('still')
  })
})
