import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../electron/kit/clock.ts'
import { EraVerdicts } from '../../electron/upstream/era-verdicts.ts'
import type { Era, ProcessProfile, ServerNotification } from '../../electron/upstream/types.ts'
import { failureOf } from './failure.ts'
import { callTool, modern, modernCall, type Overrides, settled, start, textOf } from './support.ts'

const legacy: ProcessProfile = { era: 'legacy', capabilities: '{}' }
const demo = fileURLToPath(new URL('../../electron/demo-server.ts', import.meta.url))

const auto = (overrides: Overrides = {}) => start({ protocol: 'auto', ...overrides })
const onlyModern: Overrides = { child: 'modern', args: ['--eras=modern'] }

describe('the era probe', () => {
  test('a legacy server is asked once and initialized on the same process', async () => {
    const { upstream, pids, told } = auto()
    expect(await upstream.eraFor('modern')).toBe('legacy')
    expect(await upstream.eraFor('legacy')).toBe('legacy')
    await upstream.request(callTool('echo'))
    expect(pids.size).toBe(1)
    expect(upstream.view().era).toBe('legacy')
    expect(told['connection.failed']).toBeUndefined()
  })

  test('a modern server that takes no initialize serves clients of both eras with modern processes', async () => {
    const { upstream, pids, told } = auto(onlyModern)
    expect(await upstream.eraFor('legacy')).toBe('modern')
    expect(await upstream.eraFor('modern')).toBe('modern')
    expect(textOf(await upstream.request(modernCall('era')))).toBe('modern')
    expect(pids.size).toBe(1)
    expect(upstream.view()).toMatchObject({
      era: 'modern',
      serverInfo: { name: 'modern-fixture', version: '1.0.0', protocolVersion: '2026-07-28' },
    })
    expect(told['connection.failed']).toBeUndefined()
  })

  test('a server of both eras gives clients of each a process of their own era', async () => {
    const { upstream, pids } = auto({ child: 'modern' })
    expect(await upstream.eraFor('modern')).toBe('modern')
    expect(await upstream.eraFor('legacy')).toBe('legacy')
    expect(textOf(await upstream.request(modernCall('era')))).toBe('modern')
    expect(textOf(await upstream.request(callTool('era', {}, { profile: legacy })))).toBe('legacy')
    expect(textOf(await upstream.request(modernCall('era')))).toBe('modern')
    expect(pids.size).toBe(2)
    expect((await upstream.handshake({ profile: modern })).era).toBe('modern')
    expect((await upstream.handshake({ profile: legacy })).era).toBe('legacy')
  })

  test('a server of both eras serves both even with one permit: the idle process makes room', async () => {
    const { upstream, pids } = auto({ child: 'modern', pool: { maxConnections: 1 } })
    for (const era of ['legacy', 'modern', 'legacy'] as const) {
      expect(await upstream.eraFor(era)).toBe(era)
      const request = era === 'modern' ? modernCall('era') : callTool('era', {}, { profile: legacy })
      expect(textOf(await upstream.request(request))).toBe(era)
    }
    expect(pids.size).toBe(3)
    expect(upstream.view().pool).toMatchObject({ breaker: { failures: 0 } })
  })

  test.each(['probeExits', 'probeSilent'] as const)(
    '%s: its process is replaced by one that is initialized, and that is no failure',
    async (child) => {
      const { upstream, pids, told } = auto({ child, timeouts: { connectTimeoutMs: 4_500 } })
      expect(await upstream.eraFor('modern')).toBe('legacy')
      expect(textOf(await upstream.request(callTool('echo', { text: 'hello' })))).toBe('hello')
      expect(pids.size).toBe(2)
      expect(told['connection.failed']).toBeUndefined()
      expect(upstream.view()).toMatchObject({
        state: 'ready',
        era: 'legacy',
        lastFailure: null,
        pool: { breaker: { failures: 0 }, reconnect: { total: 0 } },
      })
      // What was found out is not asked again.
      upstream.drain()
      await settled(upstream, { dead: 2 })
      await upstream.request(callTool('echo'))
      expect(pids.size).toBe(3)
    },
  )

  test('a process that is kept ready before anybody asked finds out the era, and serves', async () => {
    const { upstream, pids } = auto({ ...onlyModern, pool: { minIdle: 1 } })
    await settled(upstream, { idle: 1 })
    expect(await upstream.eraFor('legacy')).toBe('modern')
    const [kept] = pids
    expect((await upstream.request(modernCall('echo'))).pid).toBe(kept)
  })

  test('a person’s spawn of a server that exits on the probe ends with a process that serves', async () => {
    const { upstream } = auto({ child: 'probeExits' })
    upstream.spawn()
    await settled(upstream, { idle: 1, dead: 1 })
    expect(upstream.view().lastFailure).toBeNull()
  })

  test('a command that cannot be started fails, and is no verdict', async () => {
    const { upstream } = auto({ command: '/no/such/command', pool: { acquireTimeoutMs: 300 } })
    expect((await failureOf(upstream.eraFor('legacy'))).message).toContain('/no/such/command')
    expect(upstream.view().era).toBeNull()
  })

  test('many that ask at once share one probe; one that gives up does not take it from the others', async () => {
    const { upstream, pids } = auto({ child: 'modern' })
    const abort = new AbortController()
    const gone = failureOf(upstream.eraFor('legacy', { signal: abort.signal }))
    const eras = Promise.all(Array.from({ length: 10 }, () => upstream.eraFor('legacy')))
    abort.abort()
    expect((await gone).code).toBe('ABORTED')
    expect(new Set(await eras)).toEqual(new Set<Era>(['legacy']))
    expect(pids.size).toBe(1)
  })

  test('what was found out outlives the upstream, until it expires or something else is run', async () => {
    const eras = new EraVerdicts(systemClock)
    const first = auto({ child: 'probeExits' })
    await first.upstream.eraFor('legacy')
    const second = start({ protocol: 'auto', child: 'probeExits' }, { eras })
    await second.upstream.eraFor('legacy')
    expect(second.pids.size).toBe(2)
    await second.upstream.close('shutdown')
    const third = start({ protocol: 'auto', child: 'probeExits' }, { eras })
    expect(await third.upstream.eraFor('modern')).toBe('legacy')
    expect(third.pids.size).toBe(0)
    const other = start({ protocol: 'auto', child: 'probeExits', env: { OTHER: '1' } }, { eras })
    await other.upstream.eraFor('modern')
    expect(other.pids.size).toBe(2)
  })
})

describe('the configured protocol', () => {
  test('modern: no initialize, no probe', async () => {
    const { upstream, pids } = start({ child: 'modern', protocol: 'modern' })
    expect(await upstream.eraFor('legacy')).toBe('modern')
    expect(pids.size).toBe(0)
    expect(textOf(await upstream.request(modernCall('era')))).toBe('modern')
    expect(pids.size).toBe(1)
  })

  test('legacy: no probe', async () => {
    const { upstream, pids } = start({ child: 'probeExits', protocol: 'legacy' })
    expect(await upstream.eraFor('modern')).toBe('legacy')
    await upstream.request(callTool('echo'))
    expect(pids.size).toBe(1)
  })

  test('legacy, of a server that speaks only later revisions: the failure says which', async () => {
    const { upstream } = start({ ...onlyModern, protocol: 'legacy', pool: { acquireTimeoutMs: 2_000 } })
    expect((await failureOf(upstream.handshake())).message).toContain('it speaks 2026-07-28')
  })

  test('plain JSON-RPC has no era', async () => {
    const { upstream } = start({ protocol: 'jsonrpc' })
    expect((await failureOf(upstream.eraFor('legacy'))).code).toBe('UPSTREAM_UNSUPPORTED')
    expect((await failureOf(upstream.openSession({}))).code).toBe('UPSTREAM_UNSUPPORTED')
  })
})

describe('processes of the modern era', () => {
  test('get each request with its own _meta, and give results as they stand', async () => {
    const { upstream } = start({ child: 'modern', protocol: 'modern' })
    const reply = await upstream.request(modernCall('meta'))
    expect(JSON.parse(reply.text)).toMatchObject({ resultType: 'complete' })
    const discovered = await upstream.handshake({ profile: modern })
    expect(JSON.parse(discovered.initializeResult)).toMatchObject({ supportedVersions: ['2026-07-28'] })
  })

  test('report progress under the caller’s own token', async () => {
    const { upstream } = start({ child: 'modern', protocol: 'modern' })
    const told: ServerNotification[] = []
    const request = modernCall('work', { steps: 3 }, { progressToken: 'mine' })
    await upstream.request({ ...request, onNotification: (notification) => told.push(notification) })
    expect(told.map(({ message }) => JSON.parse(message).params.progressToken)).toEqual(['mine', 'mine', 'mine'])
  })

  test('requestState and cursors go back to the process that they came from, or nowhere', async () => {
    const { upstream } = start({ child: 'modern', protocol: 'modern' })
    const one = await upstream.request(modernCall('pid'))
    const busy = upstream.request({ ...modernCall('sleep', { ms: 2_000 }), only: one.connectionId })
    await settled(upstream, { leased: 1 })
    const other = await upstream.request(modernCall('pid'))
    expect(other.connectionId).not.toBe(one.connectionId)
    const back = await upstream.request({ ...modernCall('pid'), only: one.connectionId })
    expect(back.pid).toBe(one.pid)
    await busy
    upstream.evict(one.connectionId, 'kill')
    const lost = await failureOf(upstream.request({ ...modernCall('pid'), only: one.connectionId }))
    expect(lost).toMatchObject({ code: 'CONNECTION_LOST', data: { attempts: 1 } })
  })

  test('are told of a cancelled request', async () => {
    const { upstream } = start({ child: 'modern', protocol: 'modern' })
    await upstream.request(modernCall('echo'))
    const abort = new AbortController()
    const gone = failureOf(upstream.request({ ...modernCall('sleep', { ms: 60_000 }), signal: abort.signal }))
    await settled(upstream, { leased: 1 })
    abort.abort()
    expect((await gone).code).toBe('ABORTED')
  })
})

describe('the demo server', () => {
  test('speaks both eras', async () => {
    const { upstream } = auto({ commandArgs: [demo] })
    expect(await upstream.eraFor('legacy')).toBe('legacy')
    expect(await upstream.eraFor('modern')).toBe('modern')
    expect(textOf(await upstream.request(callTool('echo', { text: 'hi' }, { profile: legacy })))).toBe('hi')
    expect(textOf(await upstream.request(modernCall('echo', { text: 'hi' })))).toBe('hi')
  })
})

describe('capabilities of a client', () => {
  test('are told in the handshake, and clients of other capabilities get other processes', async () => {
    const { upstream, pids } = start({ child: 'serverRequest' })
    const profile: ProcessProfile = { era: 'legacy', capabilities: '{"sampling":{}}' }
    const one = await upstream.request(callTool('echo', {}, { profile }))
    const other = await upstream.request(callTool('echo'))
    expect(other.connectionId).not.toBe(one.connectionId)
    expect((await upstream.request(callTool('echo', {}, { profile: { ...profile } }))).connectionId).toBe(
      one.connectionId,
    )
    expect(pids.size).toBe(2)
  })
})
