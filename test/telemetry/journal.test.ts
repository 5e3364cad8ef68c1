import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Journal } from '../../electron/telemetry/journal.ts'
import { eventSchema, eventsKept } from '../../shared/events.ts'
import { Bench } from './support/fixtures.ts'

describe('journal', () => {
  it('gives ids that increase by one and keeps the newest events only', () => {
    const journal = new Journal(() => 5, undefined, 3)
    for (let i = 1; i <= 5; i++) journal.add({ kind: 'config.saved', message: `saved ${i}` })
    expect(journal.toArray().map(({ id }) => id)).toEqual([3, 4, 5])
    expect(journal.lastId).toBe(5)
  })

  it('tells what came after an id, as far as it is kept', () => {
    const journal = new Journal(() => 5, undefined, 3)
    for (let i = 1; i <= 5; i++) journal.add({ kind: 'config.saved', message: `saved ${i}` })
    expect(journal.since(5)).toEqual([])
    expect(journal.since(4).map(({ id }) => id)).toEqual([5])
    expect(journal.since(0).map(({ id }) => id)).toEqual([3, 4, 5])
    expect(journal.since(9)).toEqual([])
  })

  it('keeps as many events as the contract says', () => {
    const journal = new Journal(() => 5)
    for (let i = 0; i < eventsKept + 50; i++) journal.add({ kind: 'config.saved', message: 'saved' })
    expect(journal.toArray()).toHaveLength(eventsKept)
  })
})

describe('what upstreams tell, in the journal', () => {
  let bench: Bench
  beforeEach(() => {
    bench = new Bench()
  })
  afterEach(() => bench.telemetry.close())

  it('says in plain sentences what happened, as records of the contract', () => {
    const { events } = bench.add('files')
    const place = { connectionId: 'c1', pid: 77 }
    events.emit('connection.opening', { ...place, reason: 'min-idle' })
    events.emit('connection.ready', { ...place, connectMs: 341.6, spawnBlockedMs: 1 })
    events.emit('connection.closing', { ...place, reason: 'exited', error: null })
    events.emit('connection.dead', {
      ...place,
      reason: 'exited',
      forced: true,
      exitCode: 3,
      signal: null,
      lifeMs: 61_000,
      served: 1,
    })
    events.emit('reconnect.scheduled', { attempt: 4, delayMs: 2_340 })
    events.emit('breaker.opened', { failures: 5, retryAfterMs: 30_000 })
    expect(bench.messages()).toEqual([
      'Process 77 is starting to keep the configured number idle',
      'Process 77 is ready after 342 ms',
      'Process 77 is closing: it ended by itself',
      'Process 77 ended with code 3 after 1 min and 1 request; it had to be killed',
      'Attempt 4 to start again follows in 2.3 s',
      '5 failures in a row: requests are refused for 30 s',
    ])
    for (const event of bench.telemetry.journal.toArray()) {
      expect(eventSchema.parse(event)).toEqual(event)
      expect(event.upstream).toBe('files')
    }
  })

  it('has a record for every event that a person should see', () => {
    const { events } = bench.add('files')
    const place = { connectionId: 'c1', pid: null }
    const error = { code: 'SPAWN_FAILED', message: 'no such file' } as const
    events.emit('connection.failed', { ...place, error })
    events.emit('connection.quarantined', place)
    events.emit('lease.leak', { connectionId: 'c1', heldMs: 61_000, stack: 'Error\n  at somewhere' })
    events.emit('lease.revoked', { connectionId: 'c1', heldMs: 900_000 })
    events.emit('lease.reclaimed', { connectionId: 'c1' })
    events.emit('breaker.half-open', undefined)
    events.emit('breaker.closed', undefined)
    events.emit('single-shot', undefined)
    bench.gateway.events.emit('session.opened', {
      session: 3,
      upstream: 'files',
      protocolVersion: '2025-11-25',
      client: { name: 'editor', version: '1.0' },
    })
    bench.gateway.events.emit('session.closed', {
      session: 3,
      upstream: 'files',
      reason: 'idle',
      lifeMs: 7_200_000,
      requests: 12,
    })
    expect(bench.telemetry.journal.toArray().map(({ kind }) => kind)).toEqual([
      'connection.failed',
      'connection.quarantined',
      'lease.leak',
      'lease.revoked',
      'lease.reclaimed',
      'breaker.half-open',
      'breaker.closed',
      'upstream.single-shot',
      'session.opened',
      'session.closed',
    ])
    expect(bench.messages().at(-2)).toBe('Session 3 opened by editor 1.0 (2025-11-25)')
    expect(bench.messages().at(-1)).toBe('Session 3 closed after 2 h and 12 requests: it was idle for too long')
  })

  it('tells a failed request, but neither a success nor a cancel nor a tool that reports an error', () => {
    const upstream = bench.add('files')
    upstream.done({ outcome: 'ok' })
    upstream.done({ outcome: 'cancelled' })
    upstream.done({ outcome: 'tool_error' })
    expect(bench.messages()).toEqual([])
    upstream.fail('the process is gone')
    expect(bench.messages()).toEqual(['tools/call echo failed after 5 ms: the process is gone'])
  })

  it('tells the first failures of a flood and then how many more there were', async () => {
    const upstream = bench.add('files')
    const other = bench.add('other')
    for (let i = 0; i < 1_000; i++) upstream.fail('gone')
    other.fail('gone too')
    expect(bench.messages()).toHaveLength(6)
    await bench.clock.advance(1_000)
    expect(bench.messages().at(-1)).toBe('995 more requests failed')
    expect(bench.telemetry.journal.toArray().at(-1)).toMatchObject({
      kind: 'request.failed',
      upstream: 'files',
      level: 'error',
      data: { suppressed: 995 },
    })
    await bench.clock.advance(5_000)
    expect(bench.messages()).toHaveLength(7)
    upstream.fail('again')
    expect(bench.messages()).toHaveLength(8)
  })

  it('accounts for every failure of an endless flood', async () => {
    const upstream = bench.add('files')
    for (let i = 0; i < 400; i++) {
      upstream.fail('gone')
      await bench.clock.advance(33)
    }
    await bench.clock.advance(2_000)
    const events = bench.telemetry.journal.toArray()
    const suppressed = events.map(({ data }) => (typeof data?.suppressed === 'number' ? data.suppressed : null))
    const told = suppressed.filter((count) => count === null).length
    expect(told + suppressed.reduce<number>((sum, count) => sum + (count ?? 0), 0)).toBe(400)
    expect(told).toBeLessThanOrEqual(15 * 5)
  })

  it('does not let a process for each request push everything else out', async () => {
    const upstream = bench.add('tool')
    upstream.events.emit('breaker.opened', { failures: 5, retryAfterMs: 30_000 })
    for (let i = 0; i < 2_000; i++) {
      upstream.events.emit('connection.opening', { connectionId: `c${i}`, pid: i + 1, reason: 'spare' })
      await bench.clock.advance(10)
    }
    expect(bench.telemetry.journal.toArray()[0]?.kind).toBe('breaker.opened')
  })

  it('never shows a value of the environment, wherever a server repeats it', () => {
    const env = {
      GITHUB_TOKEN: 'ghp_abcdefgh12345',
      AUTHORIZATION: 'Bearer open-sesame-9',
      SOMETHING: 'q8Zr4Tn1Xv7Lk2Wp9Ys3Bd',
      LOG_LEVEL: 'debug',
    }
    const upstream = bench.add('files', env)
    const data = { env, stderrTail: ['token ghp_abcdefgh12345'] }
    const message = `exited: ghp_abcdefgh12345 open-sesame-9 q8Zr4Tn1Xv7Lk2Wp9Ys3Bd at debug`
    const error = { code: 'HANDSHAKE_FAILED', message, data } as const
    upstream.fail(message, data)
    upstream.events.emit('connection.failed', { connectionId: 'c1', pid: 7, error })
    upstream.events.emit('connection.closing', { connectionId: 'c1', pid: 7, reason: 'connect-failed', error })
    // A secret at the place where long messages are cut must not be left there by half.
    upstream.fail(`${'x'.repeat(390)} ghp_abcdefgh12345`)
    const text = JSON.stringify(bench.telemetry.journal.toArray())
    for (const secret of ['ghp_', 'abcdefgh', 'open-sesame-9', 'q8Zr4Tn1Xv7Lk2Wp9Ys3Bd']) {
      expect(text).not.toContain(secret)
    }
    expect(bench.messages()[0]).toBe('tools/call echo failed after 5 ms: exited: •••• •••• •••• at debug')
  })

  it('knows the secrets of the present config, not of the one it was attached with', () => {
    const upstream = bench.add('files', { API_KEY: 'old-secret-1' })
    upstream.fail('x')
    upstream.config = { ...upstream.config, env: { API_KEY: 'new-secret-2' } } as typeof upstream.config
    upstream.fail('bad key new-secret-2')
    expect(bench.messages().at(-1)).not.toContain('new-secret-2')
  })

  it('keeps hostile text as data: one bounded line without control characters', () => {
    const upstream = bench.add('files')
    const hostile = '\u001b]0;owned\u0007\u001b[31m<img src=x onerror=alert(1)>\r\n\u202egnp.exe\u2066 \ud800'
    upstream.fail(hostile)
    upstream.fail('y'.repeat(5_000_000))
    upstream.done({ outcome: 'timeout', method: '\u001b[2J', tool: 'a\nb', error: null })
    bench.gateway.events.emit('session.opened', {
      session: 1,
      upstream: 'files',
      protocolVersion: '\u0000',
      client: { name: hostile, version: 'v'.repeat(10_000) },
    })
    for (const { message, data } of bench.telemetry.journal.toArray()) {
      expect(message.length).toBeLessThanOrEqual(400)
      expect(message).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
      expect(message.isWellFormed()).toBe(true)
      expect(JSON.stringify(data ?? {})).not.toMatch(/\\u001b|\\n/)
    }
    expect(bench.messages()[0]).toContain('<img src=x onerror=alert(1)>')
  })

  it('tells a suspend and a resume, which upstreams have no event for', async () => {
    const upstream = bench.add('files')
    await bench.clock.advance(1_000)
    upstream.pool = { ...upstream.pool, state: 'suspended' }
    await bench.clock.advance(2_000)
    upstream.pool = { ...upstream.pool, state: 'running' }
    await bench.clock.advance(2_000)
    expect(bench.telemetry.journal.toArray().map(({ kind }) => kind)).toEqual([
      'upstream.suspended',
      'upstream.resumed',
    ])
  })
})
