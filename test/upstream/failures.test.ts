import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ErrorShape } from '../../shared/errors.ts'
import { failureOf } from './failure.ts'
import { callTool, eventually, own, settled, start, textOf } from './support.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'poolscope-upstream-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The pool's own retries would hide the first failure behind a wait. */
const quick = { pool: { acquireTimeoutMs: 700 } }

describe('a process that ends under a request', () => {
  test('processes that one cause ends together are one failure: the breaker stays closed, each is replaced', async () => {
    const { upstream, pids, told } = start({ pool: { maxConnections: 6, minIdle: 6 } })
    await expect.poll(() => upstream.view().pool.idle, eventually).toBe(6)
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await expect.poll(() => told['connection.closing']?.length, eventually).toBe(6)
    expect(upstream.view().pool.breaker.state).toBe('closed')
    expect((await upstream.request({ method: 'tools/list' })).kind).toBe('result')
    expect(told['breaker.opened']).toBeUndefined()
  })

  test('POOL 22: SIGKILL in the middle of a request fails it at once with CONNECTION_LOST', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 } })
    await upstream.request(callTool('echo'))
    const failed = failureOf(upstream.request(callTool('sleep', { ms: 60_000 })))
    await settled(upstream, { leased: 1 })
    const [pid = 0] = pids
    const killedAt = performance.now()
    process.kill(pid, 'SIGKILL')
    const error = await failed
    expect(performance.now() - killedAt).toBeLessThan(1_000)
    expect(error.code).toBe('CONNECTION_LOST')
    expect(error.data).toMatchObject({ code: null, signal: 'SIGKILL', pid, upstream: 'echo', pool: { max: 1 } })
    expect(upstream.view().lastFailure).toMatchObject({ code: 'CONNECTION_LOST', signal: 'SIGKILL' })
    // It is replaced, and the next request is served.
    await upstream.request(callTool('echo'))
    expect(pids.size).toBe(2)
  })

  test('an exit says its code and what stderr said last', async () => {
    const { upstream, told } = start({ child: 'crash' })
    const error = await failureOf(upstream.request(callTool('crash', { how: 'exit', code: 3 })))
    expect(error.code).toBe('CONNECTION_LOST')
    expect(error.data).toMatchObject({ code: 3, signal: null })
    expect(error.data?.stderrTail).toContain('crashing: exit')
    expect(error.message).toContain('exited with code 3')
    await settled(upstream, { dead: 1 })
    expect(told['connection.dead']?.[0]).toMatchObject({ reason: 'exited', exitCode: 3, forced: false, served: 0 })
    const { connectionId } = told['connection.dead']?.[0] ?? { connectionId: '' }
    expect(upstream.logs(connectionId)?.lines.map(({ text }) => text)).toContain('crashing: exit')
  })

  test('half an answer is none, a whole one right before the exit is one', async () => {
    const { upstream } = start({ child: 'crash' })
    expect((await failureOf(upstream.request(callTool('crash', { how: 'half' })))).code).toBe('CONNECTION_LOST')
    expect(textOf(await upstream.request(callTool('crash', { how: 'answer' })))).toBe('crashed')
  })

  test('reviews: a closed stdout is the end of a connection, though the process lives on', async () => {
    const { upstream, pids, told } = start({ child: 'closesStdout', args: ['--at=call'] })
    const error = await failureOf(upstream.request(callTool('close')))
    expect(error.code).toBe('CONNECTION_LOST')
    expect(error.message).toContain('closed its stdout')
    await settled(upstream, { dead: 1, idle: 0 })
    expect(pids.size).toBe(1)
    expect(told['connection.dead']?.[0]?.reason).toBe('exited')
  })
})

describe('a process that hangs', () => {
  test('RESPONSE_TIMEOUT tells counts and stderr, and its process is ended without ceremony', async () => {
    const { upstream, told } = start({
      child: 'hang',
      pool: { maxConnections: 1 },
      timeouts: { responseTimeoutMs: 200 },
    })
    const error = await failureOf(upstream.request(callTool('hang')))
    expect(error.code).toBe('RESPONSE_TIMEOUT')
    expect(error.data).toMatchObject({
      method: 'tools/call',
      responseTimeoutMs: 200,
      attempts: 1,
      pool: { max: 1, active: 1, idle: 0, waiting: 0 },
      stderrTail: ['hang: ready'],
    })
    await settled(upstream, { dead: 1 })
    expect(told['connection.closing']?.[0]?.reason).toBe('unhealthy')
    expect(told['request.done']?.[0]).toMatchObject({ outcome: 'timeout', error: { code: 'RESPONSE_TIMEOUT' } })
    expect(upstream.view().lastFailure).toMatchObject({ code: 'RESPONSE_TIMEOUT', stderrTail: expect.any(Array) })
  })

  test('a request lowers its response timeout and never raises it', async () => {
    const { upstream } = start({ child: 'hang', timeouts: { responseTimeoutMs: 300 } })
    const lower = await failureOf(upstream.request(callTool('hang', {}, { timeouts: { responseTimeoutMs: 50 } })))
    expect(lower.data?.responseTimeoutMs).toBe(50)
    const higher = await failureOf(upstream.request(callTool('hang', {}, { timeouts: { responseTimeoutMs: 9_999 } })))
    expect(higher.data?.responseTimeoutMs).toBe(300)
  })

  test('POOL 15: one deadline spans queue, start and request', async () => {
    const { upstream } = start({ child: 'slow', args: ['--handshake-ms=150'], pool: { maxConnections: 1 } })
    const started = performance.now()
    const request = (ms: number) =>
      failureOf(upstream.request(callTool('slow', { ms }, { timeouts: { requestTimeoutMs: 400 } })))
    // The first has its connection after 150 ms and more, and less than 250 ms are left; the second only queues.
    const [sending, queueing] = await Promise.all([request(5_000), request(0)])
    const took = performance.now() - started
    expect(sending.code).toBe('DEADLINE_EXCEEDED')
    expect(queueing.code).toBe('DEADLINE_EXCEEDED')
    expect(queueing.data).toMatchObject({ pool: { waiting: expect.any(Number), max: 1 } })
    expect(took).toBeGreaterThanOrEqual(395)
    expect(took).toBeLessThan(1_500)
  })

  test('the acquire timeout is another limit, with its own code', async () => {
    const { upstream } = start({ pool: { maxConnections: 1, acquireTimeoutMs: 100, minIdle: 1 } })
    await settled(upstream, { idle: 1 })
    const slow = upstream.request(callTool('sleep', { ms: 400 }))
    const error = await failureOf(upstream.request(callTool('echo')))
    expect(error.code).toBe('ACQUIRE_TIMEOUT')
    expect(error.data).toMatchObject({ pool: { max: 1 } })
    await slow
  })
})

describe('a process that does not come up', () => {
  test('CONNECT_TIMEOUT when the handshake is not answered', async () => {
    const { upstream, told } = start({
      child: 'hang',
      args: ['--from=initialize'],
      timeouts: { connectTimeoutMs: 200 },
      pool: { acquireTimeoutMs: 700, maxConnections: 1 },
    })
    const error = await failureOf(upstream.request(callTool('hang')))
    expect(error.code).toBe('ACQUIRE_TIMEOUT')
    expect(error.data).toMatchObject({ lastFailure: { code: 'CONNECT_TIMEOUT', data: { connectTimeoutMs: 200 } } })
    expect(told['connection.failed']?.[0]?.error).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      data: { stderrTail: ['hang: ready'] },
    })
    expect(upstream.view()).toMatchObject({ state: 'failing', lastFailure: { code: 'CONNECT_TIMEOUT' } })
  })

  test('a request may lower how long it waits for the first connection', async () => {
    const { upstream } = start({ child: 'hang', args: ['--from=initialize'] })
    const started = performance.now()
    const error = await failureOf(upstream.request(callTool('hang', {}, { timeouts: { connectTimeoutMs: 100 } })))
    expect(error.code).toBe('CONNECT_TIMEOUT')
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('POOL 23: a command that is not on PATH: SPAWN_FAILED names the PATH that was searched', async () => {
    const { upstream, told } = start({ command: 'no-such-command-here', env: { PATH: '/nowhere:/neither' }, ...quick })
    const error = await failureOf(upstream.request({ method: 'tools/list' }))
    expect(error.data).toMatchObject({ lastFailure: { code: 'SPAWN_FAILED' } })
    expect(error.message).toContain('/nowhere:/neither')
    expect(told['connection.failed']?.[0]?.error).toMatchObject({
      code: 'SPAWN_FAILED',
      data: { errno: 'ENOENT', command: 'no-such-command-here', path: '/nowhere:/neither' },
    })
    expect(told['connection.failed']?.[0]?.pid).toBeNull()
  })

  test('a folder that is not there, a file that may not be run', async () => {
    const folder = temporaryFolder()
    const notExecutable = join(folder, 'server')
    writeFileSync(notExecutable, '#!/bin/sh\n', { mode: 0o600 })
    const cause = async (overrides: Parameters<typeof start>[0]) => {
      const { upstream, told } = start({ ...overrides, pool: { acquireTimeoutMs: 300 } })
      await failureOf(upstream.request({ method: 'tools/list' }))
      return told['connection.failed']?.[0]?.error
    }
    expect(await cause({ cwd: join(folder, 'missing') })).toMatchObject({
      code: 'SPAWN_FAILED',
      message: expect.stringContaining('working folder'),
    })
    expect(await cause({ command: notExecutable })).toMatchObject({ code: 'SPAWN_FAILED', data: { errno: 'EACCES' } })
  })

  test('a variable that is not set is told at once: nothing is opened, and nothing counts as a failure', async () => {
    const { upstream, told } = start({ env: { A: '${POOLSCOPE_TEST_UNSET}' } })
    expect(upstream.view()).toMatchObject({ state: 'failing', lastFailure: { code: 'CONFIG_INVALID' } })
    expect(await failureOf(upstream.request({ method: 'tools/list' }))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('POOLSCOPE_TEST_UNSET'),
    })
    expect(told['connection.opening']).toBeUndefined()
    expect(upstream.view().pool).toMatchObject({ opened: 0, breaker: { failures: 0 } })
    upstream.reconfigure({ ...upstream.config, env: {} } as typeof upstream.config)
    expect(upstream.view()).toMatchObject({ lastFailure: null })
    expect(upstream.view().state).not.toBe('failing')
    await upstream.request({ method: 'tools/list' })
    expect(upstream.view()).toMatchObject({ state: 'ready' })
  })

  test('an exit before the handshake and a refusal of it are HANDSHAKE_FAILED with the cause', async () => {
    const crashed = start({ child: 'crashLoop', args: ['--code=3'], ...quick })
    await failureOf(crashed.upstream.request({ method: 'tools/list' }))
    expect(crashed.told['connection.failed']?.[0]?.error).toMatchObject({ code: 'HANDSHAKE_FAILED', data: { code: 3 } })
    const refused = start({ ...own('bytes', '--refuse'), ...quick })
    const error = await failureOf(refused.upstream.request({ method: 'tools/list' }))
    expect(error.message).toContain('modern only')
    expect(refused.told['connection.failed']?.[0]?.error).toMatchObject({
      code: 'HANDSHAKE_FAILED',
      data: { error: { code: -32022 } },
    })
  })

  test('POOL 8: a crash loop is bounded by the spawn rate and opens the breaker', async () => {
    const { upstream, told } = start({ child: 'crashLoop', pool: { maxConnections: 4, acquireTimeoutMs: 20_000 } })
    const errors = await Promise.all(
      Array.from({ length: 10 }, () => failureOf(upstream.request({ method: 'tools/list' }))),
    )
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['CIRCUIT_OPEN']))
    expect(errors[0]?.data).toMatchObject({
      retryAfterMs: expect.any(Number),
      lastFailure: { code: 'HANDSHAKE_FAILED' },
    })
    expect(told['breaker.opened']).toHaveLength(1)
    // Five failures open it; two starts may be under way at a time.
    expect(told['connection.opening']?.length).toBeLessThanOrEqual(6)
    const refusedAt = performance.now()
    expect((await failureOf(upstream.request({ method: 'tools/list' }))).code).toBe('CIRCUIT_OPEN')
    expect(performance.now() - refusedAt).toBeLessThan(100)
    expect(upstream.view().state).toBe('failing')
  })

  test('a handshake followed by an exit does not count as recovery', async () => {
    const { upstream, told } = start({
      child: 'exitAfterHandshake',
      pool: { maxConnections: 1, minIdle: 1, acquireTimeoutMs: 300 },
    })
    await expect.poll(() => told['connection.dead']?.length ?? 0, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    const opened = told['connection.opening']?.length ?? 0
    expect(opened).toBeLessThanOrEqual(6)
    expect(upstream.view().pool.reconnect.attempts).toBeGreaterThan(0)
  })
})

describe('streams without measure', () => {
  test('a server that refuses in a megabyte does not make every refusal as long', async () => {
    const { upstream } = start({ ...own('bytes', '--refuse', '--huge'), ...quick })
    const error = await failureOf(upstream.request(callTool('exact')))
    expect(error.message).toContain('modern only')
    expect(JSON.stringify(error.toShape()).length).toBeLessThan(20_000)
    expect(JSON.stringify(upstream.view()).length).toBeLessThan(20_000)
  })

  test('nor does one with a megabyte of a name make every snapshot as long', async () => {
    const { upstream } = start(own('bytes', '--huge'))
    await upstream.request(callTool('exact'))
    expect(upstream.view().serverInfo?.name).toMatch(/^bytesx+…$/)
    expect(JSON.stringify(upstream.view()).length).toBeLessThan(20_000)
  })

  test('of long lines of stderr a failure tells the beginning', async () => {
    const wordy = "for (let i = 0; i < 30; i++) console.error(i + 'x'.repeat(8000)); process.exitCode = 1"
    const { upstream } = start({ commandArgs: ['-e', wordy], ...quick })
    const error = await failureOf(upstream.request(callTool('echo')))
    const failure = error.data?.lastFailure as ErrorShape | undefined
    const tail = failure?.data?.stderrTail as string[]
    expect(tail.length).toBeGreaterThan(2)
    expect(tail.at(-1)).toMatch(/^29x{998}$/)
  })

  test('an answer over the line limit fails its request alone', async () => {
    const { upstream, pids } = start({ child: 'giantLine', pool: { maxConnections: 1 } })
    const bytes = 17 * 1024 * 1024
    for (const idFirst of [true, false]) {
      const error = await failureOf(upstream.request(callTool('giant', { bytes, idFirst })))
      expect(error.code).toBe('LINE_TOO_LONG')
    }
    expect(textOf(await upstream.request(callTool('echo', { text: 'next' })))).toBe('next')
    expect(pids.size).toBe(1)
  })

  test('POOL 24: a child that does not read is found out, and the rest is refused instead of buffered', async () => {
    const { upstream } = start({
      child: 'deaf',
      args: ['--after-handshake'],
      pool: { maxConnections: 1 },
      timeouts: { responseTimeoutMs: 300 },
    })
    const big = 'x'.repeat(2 * 1024 * 1024)
    const error = await failureOf(upstream.request(callTool('echo', { big })))
    expect(error.code).toBe('RESPONSE_TIMEOUT')
    await settled(upstream, { dead: 1 })
  })

  test('POOL 25: a flood of stderr does not hold up requests, and its end is kept', async () => {
    const { upstream } = start({ child: 'floodStderr', args: ['--mb=20'] })
    const reply = await upstream.request(callTool('echo', { text: 'through' }))
    expect(textOf(reply)).toBe('through')
    await expect
      .poll(() => upstream.logs(reply.connectionId)?.droppedBytes ?? 0, { timeout: 20_000 })
      .toBeGreaterThan(0)
  })
})
