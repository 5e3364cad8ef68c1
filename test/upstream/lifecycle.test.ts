import { describe, expect, test } from 'vitest'
import { failureOf } from './failure.ts'
import { callTool, isAlive, own, sent, settled, start, stdioConfig, textOf } from './support.ts'

describe('POOL 28: closing leaves nothing', () => {
  test('while it starts', async () => {
    const { upstream, pids } = start({ child: 'hang', args: ['--from=start'] })
    const failed = failureOf(upstream.request({ method: 'tools/list' }))
    expect(pids.size).toBe(1)
    await upstream.close('shutdown', 2_000)
    expect((await failed).code).toBe('POOL_CLOSED')
    for (const pid of pids) expect(isAlive(pid)).toBe(false)
  })

  test('while it shakes hands', async () => {
    const { upstream, pids } = start({ child: 'hang', args: ['--from=initialize', '--ignore-sigterm'] })
    const failed = failureOf(upstream.request({ method: 'tools/list' }))
    await expect.poll(() => upstream.view().connections[0]?.state).toBe('handshaking')
    await upstream.close('upstream-removed', 2_000)
    expect((await failed).code).toBe('POOL_CLOSED')
    for (const pid of pids) expect(isAlive(pid)).toBe(false)
  })

  test('while a request is under way: it may finish, within the time', async () => {
    const { upstream, pids } = start()
    await upstream.request(callTool('echo'))
    const finishing = upstream.request(callTool('sleep', { ms: 300 }))
    await sent(upstream)
    const closing = upstream.close('shutdown', 5_000)
    expect(textOf(await finishing)).toBe(String([...pids][0]))
    await closing
    expect(upstream.view().state).toBe('stopped')
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('POOL_CLOSED')
  })

  test('a request that does not finish in time fails, and its tree is ended though it ignores SIGTERM', async () => {
    const { upstream, pids, told } = start({ child: 'hang', args: ['--ignore-sigterm'] })
    const failed = failureOf(upstream.request(callTool('hang')))
    await sent(upstream)
    const started = performance.now()
    await upstream.close('shutdown', 1_000)
    expect(performance.now() - started).toBeLessThan(4_000)
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST', data: { closeReason: 'shutdown' } })
    expect(told['connection.dead']?.[0]).toMatchObject({ reason: 'shutdown', forced: true, signal: 'SIGKILL' })
    for (const pid of pids) expect(isAlive(pid)).toBe(false)
  })

  test('ten concurrent closes have one outcome', async () => {
    const { upstream, told } = start({ pool: { minIdle: 2 } })
    await settled(upstream, { idle: 2 })
    await Promise.all(Array.from({ length: 10 }, () => upstream.close('shutdown')))
    expect(told['connection.dead']).toHaveLength(2)
  })

  test('while an answer is awaited from nobody: the grace of a cancelled request does not hold it up for long', async () => {
    const { upstream } = start({ child: 'lateAnswer', args: ['--honour'] })
    const abort = new AbortController()
    const failed = failureOf(upstream.request(callTool('late', {}, { signal: abort.signal })))
    await sent(upstream)
    abort.abort()
    await failed
    const started = performance.now()
    await upstream.close('shutdown', 5_000)
    expect(performance.now() - started).toBeLessThan(4_000)
  })
})

describe('a person at the controls', () => {
  test('kill fails the request that is under way, says so, and the next one gets a new process', async () => {
    const { upstream, told } = start({ pool: { maxConnections: 1 } })
    const failed = failureOf(upstream.request(callTool('sleep', { ms: 60_000 })))
    await sent(upstream)
    const [connection] = upstream.view().connections
    expect(upstream.evict(connection?.id ?? '', 'kill')).toBe(true)
    expect(await failed).toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('killed by a person'),
      data: { closeReason: 'killed' },
    })
    await upstream.request(callTool('echo'))
    expect(told['connection.dead']?.[0]).toMatchObject({ reason: 'killed', forced: true })
    expect(upstream.evict('no such connection', 'kill')).toBe(false)
  })

  test('POOL 21: a request that holds its connection for too long loses it, and is told so', async () => {
    const { upstream, told } = start({ pool: { maxLeaseMs: 200 } })
    const error = await failureOf(upstream.request(callTool('sleep', { ms: 60_000 })))
    expect(error).toMatchObject({ code: 'LEASE_EXPIRED', message: expect.stringContaining('maxLeaseMs') })
    expect(told['request.done']?.[0]?.outcome).toBe('lost')
    await settled(upstream, { dead: 1, revoked: 1 })
  })

  test('suspend refuses, resume serves', async () => {
    const { upstream } = start()
    upstream.suspend()
    expect(upstream.view().state).toBe('suspended')
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('POOL_SUSPENDED')
    upstream.resume()
    await upstream.request(callTool('echo'))
  })

  test('restart replaces every process while requests go on', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 2, minIdle: 2 } })
    await settled(upstream, { idle: 2 })
    const before = new Set(upstream.pids().values())
    upstream.restart()
    for (let i = 0; i < 50; i++) await upstream.request(callTool('pid'))
    await expect
      .poll(() => [...upstream.pids().values()].filter((pid) => before.has(pid)).length, { timeout: 10_000 })
      .toBe(0)
    await settled(upstream, { idle: 2 })
    expect(pids.size).toBe(4)
  })

  test('spawn opens one more and names it', async () => {
    const { upstream } = start()
    const id = upstream.spawn()
    await settled(upstream, { idle: 1 })
    expect(upstream.view().connections[0]).toMatchObject({ id, openReason: 'person', upstream: 'echo' })
    expect(upstream.pids().get(id)).toBe(upstream.view().connections[0]?.pid)
  })

  test('the logs of what ended can still be read', async () => {
    const { upstream } = start({ child: 'crash' })
    const first = await upstream.request(callTool('echo'))
    await failureOf(upstream.request(callTool('crash')))
    await settled(upstream, { dead: 1 })
    expect(upstream.logs(first.connectionId)?.lines.at(-1)?.text).toBe('crashing: exit')
    expect(upstream.logs('unknown')).toBeUndefined()
  })
})

describe('the handshake', () => {
  test('is cached byte for byte, asked for once by many, and survives its process', async () => {
    const { upstream, pids } = start(own('bytes'))
    expect(upstream.view()).toMatchObject({ era: null, serverInfo: null, state: 'idle' })
    const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => upstream.handshake()))
    expect(pids.size).toBe(1)
    expect(new Set(others)).toEqual(new Set([first]))
    expect(first?.initializeResult).toContain('"vendor":9007199254740993')
    expect(first).toMatchObject({ protocolVersion: '2025-06-18', capabilities: { tools: {} } })
    expect(upstream.view()).toMatchObject({
      era: 'legacy',
      serverInfo: { name: 'bytes', version: '1', protocolVersion: '2025-06-18' },
    })
    upstream.drain()
    await settled(upstream, { dead: 1 })
    expect(await upstream.handshake()).toBe(first)
    expect(pids.size).toBe(1)
  })

  test('a caller that gives up does not take it from the others', async () => {
    const { upstream } = start({ child: 'slow', args: ['--handshake-ms=300'] })
    const abort = new AbortController()
    const gone = failureOf(upstream.handshake({ signal: abort.signal }))
    const late = failureOf(upstream.handshake({ timeouts: { requestTimeoutMs: 20 } }))
    const patient = upstream.handshake()
    abort.abort()
    expect((await gone).code).toBe('ABORTED')
    expect((await late).code).toBe('DEADLINE_EXCEEDED')
    expect((await patient).serverInfo.name).toBe('fixture')
  })

  test('fails with what the server failed with', async () => {
    const { upstream } = start({ ...own('bytes', '--refuse'), pool: { acquireTimeoutMs: 3_000 } })
    expect((await failureOf(upstream.handshake())).message).toContain('modern only')
  })

  test('plain JSON-RPC has none', async () => {
    const { upstream } = start({ protocol: 'jsonrpc' })
    expect((await failureOf(upstream.handshake())).code).toBe('UPSTREAM_UNSUPPORTED')
  })
})

describe('a changed configuration', () => {
  test('limits and timeouts take effect without a restart', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 } })
    await upstream.request(callTool('echo'))
    upstream.reconfigure(stdioConfig({ pool: { maxConnections: 2, minIdle: 2 }, timeouts: { responseTimeoutMs: 50 } }))
    await settled(upstream, { idle: 2, max: 2 })
    expect(pids.size).toBe(2)
    expect((await failureOf(upstream.request(callTool('sleep', { ms: 5_000 })))).data?.responseTimeoutMs).toBe(50)
  })

  test('another environment replaces the processes one by one', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 }, env: { GREETING: 'hello' } })
    const greeting = async () => textOf(await upstream.request(callTool('env', { name: 'GREETING' })))
    expect(await greeting()).toBe('hello')
    upstream.reconfigure(stdioConfig({ pool: { maxConnections: 1 }, env: { GREETING: 'goodbye' } }))
    await expect.poll(greeting, { timeout: 10_000 }).toBe('goodbye')
    expect(pids.size).toBe(2)
  })

  test('a handshake that was under way for the old command is not taken for the new one', async () => {
    const { upstream } = start({ child: 'slow', args: ['--handshake-ms=200'], pool: { maxConnections: 1 } })
    const early = upstream.handshake()
    upstream.reconfigure(stdioConfig(own('bytes')))
    expect((await early).serverInfo.name).toBe('bytes')
    expect((await upstream.handshake()).serverInfo.name).toBe('bytes')
  })

  test('a command that failed is forgotten with its failures', async () => {
    const { upstream } = start({ child: 'crashLoop', pool: { acquireTimeoutMs: 10_000 } })
    expect((await failureOf(upstream.request({ method: 'ping' }))).code).toBe('CIRCUIT_OPEN')
    upstream.reconfigure(stdioConfig({ child: 'echo' }))
    await upstream.request(callTool('echo'))
    expect(upstream.view()).toMatchObject({ state: 'ready', lastFailure: null })
  })

  test('variables are filled in at each start', async () => {
    let value = 'one'
    const { upstream } = start(
      { pool: { maxConnections: 1 }, env: { GREETING: '${NAME}-${UNSET:-none}' } },
      { variables: (name) => (name === 'NAME' ? value : undefined) },
    )
    const greeting = async () => textOf(await upstream.request(callTool('env', { name: 'GREETING' })))
    expect(await greeting()).toBe('one-none')
    value = 'two'
    upstream.restart()
    await expect.poll(greeting, { timeout: 10_000 }).toBe('two-none')
  })
})

describe('the state in one word', () => {
  test('idle, starting, busy, ready, stopped', async () => {
    const { upstream } = start({ child: 'slow', args: ['--handshake-ms=100'], pool: { maxConnections: 1 } })
    const state = () => upstream.view().state
    expect(state()).toBe('idle')
    const request = upstream.request(callTool('slow', { ms: 100 }))
    expect(state()).toBe('starting')
    await sent(upstream)
    expect(state()).toBe('busy')
    await request
    await expect.poll(state).toBe('ready')
    await upstream.close('shutdown')
    expect(state()).toBe('stopped')
  })
})
