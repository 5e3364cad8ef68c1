import { describe, expect, test } from 'vitest'
import { permitsInUse, whyNot } from '../../renderer/features/upstream/actions.ts'
import { limitRows } from '../../renderer/features/upstream/config/rows.ts'
import { diagnose } from '../../renderer/features/upstream/diagnosis.ts'
import { endedConnections } from '../../renderer/features/upstream/ended.ts'
import { killConsequence, problemsOf, untilText } from '../../renderer/features/upstream/problem-list.ts'
import { sortedIds } from '../../renderer/features/upstream/processes/sort.ts'
import { stderrHint } from '../../renderer/features/upstream/stderr-hints.ts'
import { defaultPoolLimits, defaultTimeouts } from '../../shared/config.ts'
import { ERROR_CODES } from '../../shared/errors.ts'
import type { EventRecord } from '../../shared/events.ts'
import type { ConnectionSnapshot, Failure, PoolSnapshot, UpstreamSnapshot } from '../../shared/state.ts'
import { FakeWorld } from './fake-world.ts'

const world = new FakeWorld()
const upstream = (changes: Partial<UpstreamSnapshot> = {}, pool: Partial<PoolSnapshot> = {}): UpstreamSnapshot => {
  const demo = world.upstreams.get('demo')
  if (!demo) throw new Error('the fake world has no demo')
  return { ...demo, state: 'ready', advice: [], lastFailure: null, ...changes, pool: { ...demo.pool, ...pool } }
}
const connection = (changes: Partial<ConnectionSnapshot>): ConnectionSnapshot => {
  const [first] = upstream().connections
  if (!first) throw new Error('the fake demo has no connection')
  return { ...first, leakWarned: false, ...changes }
}
const failure = (changes: Partial<Failure>): Failure => ({ code: 'INTERNAL', message: 'm', at: 1_000, ...changes })

describe('what can be done to an upstream', () => {
  const live = { max: 4, idle: 1, leased: 1, spawning: 0, returning: 0, draining: 0 }

  test('a running one can be spawned into, drained, restarted, suspended and stopped, not resumed or started', () => {
    const running = upstream({}, live)
    for (const action of ['spawn', 'drain', 'restart', 'suspend', 'stop'] as const)
      expect(whyNot(action, running)).toBeNull()
    expect(whyNot('resume', running)).not.toBeNull()
    expect(whyNot('start', running)).not.toBeNull()
  })

  test('a full pool says why nothing can be spawned; a connection that drains still counts', () => {
    const full = upstream({}, { ...live, draining: 2 })
    expect(permitsInUse(full.pool)).toBe(4)
    expect(whyNot('spawn', full)).toContain('4 permits')
  })

  test('an open breaker and a suspended pool say how to go on', () => {
    expect(whyNot('spawn', upstream({}, { ...live, breaker: { state: 'open', failures: 5, retryAt: 0 } }))).toContain(
      'breaker',
    )
    const suspended = upstream({}, { ...live, state: 'suspended' })
    expect(whyNot('spawn', suspended)).toContain('resume')
    expect(whyNot('resume', suspended)).toBeNull()
    expect(whyNot('suspend', suspended)).not.toBeNull()
  })

  test('of a stopped one nothing but the start is possible', () => {
    const stopped = upstream({ state: 'stopped', enabled: false })
    expect(whyNot('start', stopped)).toBeNull()
    for (const action of ['spawn', 'drain', 'restart', 'suspend', 'resume', 'stop'] as const)
      expect(whyNot(action, stopped)).toContain('start it first')
  })

  test('without a live connection there is nothing to drain or restart', () => {
    const none = upstream({}, { ...live, idle: 0, leased: 0, draining: 1 })
    expect(whyNot('drain', none)).not.toBeNull()
    expect(whyNot('restart', none)).not.toBeNull()
  })
})

describe('what a failure means', () => {
  test('every code has a title, a reason and something to do', () => {
    for (const code of ERROR_CODES) {
      const { title, why, steps } = diagnose(failure({ code }))
      expect(
        [title, why, ...steps].every((text) => text.length > 0),
        code,
      ).toBe(true)
      expect(steps.length, code).toBeGreaterThan(0)
    }
  })

  test('a command that is on no PATH shows the folders that were searched', () => {
    const data = { errno: 'ENOENT', command: 'mcp-x', path: '/usr/bin:/bin' }
    expect(diagnose(failure({ code: 'SPAWN_FAILED', data }))).toMatchObject({
      title: 'The command was not found',
      searched: ['/usr/bin', '/bin'],
    })
    const windows = { ...data, path: 'C:\\Windows;C:\\Program Files\\nodejs' }
    expect(diagnose(failure({ code: 'SPAWN_FAILED', data: windows })).searched).toEqual([
      'C:\\Windows',
      'C:\\Program Files\\nodejs',
    ])
  })

  test('a missing working directory, an absolute path that is not there and a file that may not be run are told apart', () => {
    const title = (data: Record<string, unknown>) => diagnose(failure({ code: 'SPAWN_FAILED', data })).title
    const titles = [
      title({ errno: 'ENOENT', command: 'x', cwd: '/nowhere' }),
      title({ errno: 'ENOENT', command: '/nowhere/x' }),
      title({ errno: 'EACCES', command: '/etc/hosts' }),
      title({ errno: 'EMFILE', command: 'x' }),
    ]
    expect(new Set(titles).size).toBe(4)
  })

  test('an end is explained by its signal or its exit code, also when it came before the handshake', () => {
    const title = (changes: Partial<Failure>) => diagnose(failure({ code: 'CONNECTION_LOST', ...changes })).title
    expect(title({ signal: 'SIGKILL' })).toContain('killed')
    expect(title({ signal: 'SIGSEGV' })).toContain('crashed')
    expect(title({ exitCode: 127 })).toContain('script')
    expect(title({ exitCode: 0 })).toContain('by itself')
    expect(diagnose(failure({ code: 'HANDSHAKE_FAILED', exitCode: 1 })).why).toContain('code 1')
    expect(diagnose(failure({ code: 'HANDSHAKE_FAILED' })).title).toContain('handshake')
  })

  test.each([
    ["Error: Cannot find module '/srv/x.js'", 'modules'],
    ["ModuleNotFoundError: No module named 'mcp'", 'modules'],
    ['npm error code E404', 'registry'],
    ['Error: getaddrinfo ENOTFOUND packages.example.org', 'network'],
    ['GITHUB_TOKEN is required: missing API key', 'key or token'],
    ['Error: listen EADDRINUSE: address already in use :::3000', 'port'],
  ])('stderr that says “%s” gives a hint, first of all steps', (line, hint) => {
    expect(stderrHint(['starting', line])).toContain(hint)
    expect(diagnose(failure({ code: 'CONNECTION_LOST', exitCode: 1, stderrTail: [line] })).steps[0]).toContain(hint)
  })

  test('ordinary stderr gives no hint', () => expect(stderrHint(['Server running on stdio', 'ready'])).toBeUndefined())
})

describe('what stands above the tabs', () => {
  const kinds = (u: UpstreamSnapshot, now = 1_000) => problemsOf(u, now).map((problem) => problem.kind)

  test('nothing, when all is well', () => expect(kinds(upstream({ connections: [] }))).toEqual([]))

  test('a failure that was got over is a warning for a minute, then gone', () => {
    const u = upstream({ connections: [], lastFailure: failure({ at: 1_000 }) })
    expect(problemsOf(u, 2_000)).toEqual([{ kind: 'failure', level: 'warning' }])
    expect(kinds(u, 70_000)).toEqual([])
  })

  test('a failing upstream shows its failure for as long as it fails, and the next attempt', () => {
    const u = upstream(
      { state: 'failing', connections: [], lastFailure: failure({ at: 0 }) },
      { reconnect: { attempts: 3, nextAt: 9_999_999, total: 3 } },
    )
    expect(problemsOf(u, 9_000_000)).toEqual([
      { kind: 'failure', level: 'error' },
      { kind: 'reconnect', attempt: 4, nextAt: 9_999_999 },
    ])
  })

  test('an open breaker stands there instead of the attempts', () => {
    const u = upstream(
      { connections: [] },
      { breaker: { state: 'open', failures: 5, retryAt: 7 }, reconnect: { attempts: 5, nextAt: 3, total: 5 } },
    )
    expect(kinds(u)).toEqual(['breaker'])
  })

  test('leases held too long, quarantine and advice are all told', () => {
    const u = upstream({ connections: [connection({ leakWarned: true })], advice: ['Use http'] }, { quarantined: 1 })
    expect(kinds(u)).toEqual(['leak', 'quarantine', 'advice'])
  })

  test('a countdown never says 0 before it is over', () => {
    expect([
      untilText(12_001, 1),
      untilText(500, 0),
      untilText(61_000, 0),
      untilText(120_000, 0),
      untilText(5, 5),
    ]).toEqual(['in 12 s', 'in 1 s', 'in 1 min 1 s', 'in 2 min', 'now'])
  })

  test('a kill says how many requests of whom it breaks', () => {
    expect(killConsequence(connection({ inFlight: 0 }))).toContain('No request')
    expect(killConsequence(connection({ inFlight: 1 }))).toContain('1 request of demo’s clients')
    expect(killConsequence(connection({ inFlight: 3 }))).toContain('3 requests')
  })
})

describe('the process table', () => {
  const rows = [
    connection({ id: 'a', pid: 3, openedAt: 10, cpuPercent: null }),
    connection({ id: 'b', pid: 1, openedAt: 30, cpuPercent: 5 }),
    connection({ id: 'c', pid: 2, openedAt: 20, cpuPercent: 9 }),
  ]

  test('stands in the order of opening until it is sorted', () =>
    expect(sortedIds(rows, undefined)).toEqual(['a', 'b', 'c']))

  test('is sorted by a column, in both directions', () => {
    expect(sortedIds(rows, { id: 'pid', desc: false })).toEqual(['b', 'c', 'a'])
    expect(sortedIds(rows, { id: 'pid', desc: true })).toEqual(['a', 'c', 'b'])
    expect(sortedIds(rows, { id: 'age', desc: false })).toEqual(['b', 'c', 'a'])
  })

  test('what is not known yet comes last in both directions', () => {
    expect(sortedIds(rows, { id: 'cpu', desc: false })).toEqual(['b', 'c', 'a'])
    expect(sortedIds(rows, { id: 'cpu', desc: true })).toEqual(['c', 'b', 'a'])
  })

  test('processes that ended are found in the events, each once, without those that live', () => {
    const dead = (id: number, connectionId: string): EventRecord => ({
      id,
      at: id,
      kind: 'connection.dead',
      level: 'info',
      upstream: 'demo',
      connectionId,
      pid: id,
      message: 'ended',
    })
    const events = [dead(4, 'x'), dead(3, 'y'), dead(2, 'x'), dead(1, 'live')]
    expect(endedConnections(events, ['live'], 10).map((ended) => ended.id)).toEqual(['x', 'y'])
    expect(endedConnections(events, ['live'], 1)).toHaveLength(1)
  })
})

describe('the table of limits', () => {
  const origin = (id: string, entry: Record<string, unknown>, changes: { pool?: object; timeouts?: object } = {}) =>
    limitRows(entry, {
      pool: { ...defaultPoolLimits, ...changes.pool },
      timeouts: { ...defaultTimeouts, ...changes.timeouts },
    }).find((row) => row.id === id)

  test('tells where each value comes from', () => {
    expect(origin('pool.maxConnections', {})).toMatchObject({ origin: 'product', value: '4', instead: null })
    expect(
      origin('pool.maxConnections', { pool: { maxConnections: 2 } }, { pool: { maxConnections: 2 } }),
    ).toMatchObject({
      origin: 'entry',
      value: '2',
      instead: '4',
    })
    expect(origin('pool.idleTimeoutMs', {}, { pool: { idleTimeoutMs: 0 } })).toMatchObject({
      origin: 'file',
      value: 'never',
    })
    expect(origin('timeouts.connectTimeoutMs', {}, { timeouts: { connectTimeoutMs: 60_000 } })?.origin).toBe('launcher')
  })

  test('a value that is set to the default is still set', () => {
    expect(origin('pool.maxUses', { pool: { maxUses: 0 } })).toMatchObject({ origin: 'entry', value: 'off' })
  })
})
