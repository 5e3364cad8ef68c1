import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Gateway } from '../../electron/gateway/gateway.ts'
import { systemClock } from '../../electron/kit/clock.ts'
import { silentLogger } from '../../electron/kit/logger.ts'
import { upstreamStates } from '../../shared/state.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openSession, rpc, startGateway } from './support/harness.ts'
import { open, send, sse } from './support/http.ts'
import { ScriptedUpstream } from './support/scripted-upstream.ts'

const idleGateway = () =>
  new Gateway({
    settings: { auth: 'none', maxBodyBytes: 1024 },
    token: '',
    upstreams: { get: () => undefined, all: () => [] },
    clock: systemClock,
    logger: silentLogger,
    version: '0',
  })

describe('listening', () => {
  test.each(['0.0.0.0', '::', '192.168.1.1', 'example.com', '', '127.evil.example'])(
    '%j is refused: loopback only',
    async (host) => {
      await expect(idleGateway().listen(0, host)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    },
  )

  test.each(['127.0.0.1', 'localhost', '127.0.0.9'])('%s is fine', async (host) => {
    const gateway = idleGateway()
    const { url, port } = await gateway.listen(0, host)
    expect(url).toBe(`http://${host === 'localhost' ? '127.0.0.1' : host}:${port}`)
    await gateway.close({ drainMs: 0 })
  })

  test('a port in use is a typed error, and the state says so', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const gateway = idleGateway()
    await expect(gateway.listen(port)).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      data: { port, errno: 'EADDRINUSE' },
    })
    expect(gateway.state()).toMatchObject({ state: 'failed', error: expect.stringContaining(String(port)) })
    await gateway.close({ drainMs: 0 })
  })
})

describe('health', () => {
  const health = async (upstream: ScriptedUpstream) => {
    const { url } = await startGateway({ upstreams: [upstream] })
    const reply = await send(`${url}/readyz`, { method: 'GET' })
    return [reply.status, reply.json.notReady.map(({ state }: { state: string }) => state)]
  }
  const upstreamIn = (state: ScriptedUpstream['state'], config = {}) => {
    const upstream = new ScriptedUpstream('one', undefined, config)
    upstream.state = state
    return upstream
  }

  test('/healthz says that the process is up', async () => {
    const { url } = await startGateway({ upstreams: [upstreamIn('failing')] })
    const reply = await send(`${url}/healthz`, { method: 'GET' })
    expect([reply.status, reply.json]).toEqual([200, { ok: true, version: '0.0.0-test' }])
  })

  const serving = ['ready', 'busy', 'idle', 'starting'] as const
  const down = ['failing', 'unauthorized', 'suspended', 'draining', 'stopped'] as const
  test('every state of an upstream says whether it can serve', () =>
    expect([...serving, ...down].sort()).toEqual([...upstreamStates].sort()))

  test.each(serving)('/readyz: an upstream that is %s can serve', async (state) =>
    expect(await health(upstreamIn(state))).toEqual([200, []]),
  )

  test.each(down)('/readyz: one that is %s can not', async (state) =>
    expect(await health(upstreamIn(state))).toEqual([503, [state]]),
  )

  test('/readyz: one that is not enabled does not count', async () =>
    expect(await health(upstreamIn('stopped', { enabled: false }))).toEqual([200, []]))

  test('/readyz: one that must keep processes ready has to have them first', async () => {
    const upstream = upstreamIn('starting')
    upstream.config = { ...upstream.config, pool: { ...upstream.config.pool, minIdle: 1 } }
    expect(await health(upstream)).toEqual([503, ['starting']])
  })
})

describe('close', () => {
  const slow = () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    return { upstream: new ScriptedUpstream('one', () => promise), resolve }
  }

  test('lets what is in flight finish, refuses what is new, ends streams, and leaves nothing', async () => {
    const clock = new FakeClock()
    const { upstream, resolve } = slow()
    const { gateway, url } = await startGateway({ upstreams: [upstream], clock })
    const client = await openSession(`${url}/mcp/one`)
    const stream = sse(await open(client.endpoint, { method: 'GET', headers: client.headers }))
    const call = client.post(rpc('tools/call', {}))
    await expect.poll(() => upstream.inFlight).toBe(1)
    const closing = gateway.close({ drainMs: 60_000 })
    resolve('{"done":true}')
    expect((await call).json.result).toEqual({ done: true })
    await closing
    await stream.all()
    await expect(send(client.endpoint, { body: rpc('ping') })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(gateway.state()).toMatchObject({ state: 'stopped', sessions: 0, requestsInFlight: 0 })
    expect(upstream.events.listenerCount).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('answers what does not finish in time with an error', async () => {
    const { upstream } = slow()
    const { gateway, url } = await startGateway({ upstreams: [upstream] })
    const client = await openSession(`${url}/mcp/one`)
    const call = client.post(rpc('tools/call', {}))
    await expect.poll(() => upstream.inFlight).toBe(1)
    const started = performance.now()
    await gateway.close({ drainMs: 50 })
    expect(performance.now() - started).toBeLessThan(2_000)
    expect((await call).json.error).toMatchObject({
      message: expect.stringContaining('Poolscope is shutting down'),
      data: { code: 'ABORTED' },
    })
    expect(upstream.inFlight).toBe(0)
  })

  test('ten at once have one outcome, and so has one that never listened', async () => {
    const { gateway } = await startGateway()
    await Promise.all(Array.from({ length: 10 }, () => gateway.close({ drainMs: 10 })))
    expect(gateway.state().state).toBe('stopped')
    await idleGateway().close({ drainMs: 10 })
  })
})
