import type { Chaos } from './chaos.ts'
import type { Rest } from './rest.ts'
import type { Measurement } from './soak-host.ts'
import type { Count, Tally } from './tally.ts'
import { upstreamNames } from './upstreams.ts'
import { brokenCounters, type Watcher } from './watcher.ts'

/** What the host tells of the servers' own ends, which this run brings about; its own errors end otherwise. */
const tellsOfUpstream = / upstream=(echo|crash|slow|once)$/

export interface Check {
  name: string
  expected: string
  found: string
  ok: boolean
}

/**
 * How much more heap may be in use after the load than after the warm-up. What the host keeps on purpose is bounded and
 * nearly full by then (500 events, 300 points for each upstream, logs of the 20 connections that ended last); the rest of
 * a rise is a leak. An object of 100 bytes kept for each call exceeds it after 16,000 calls.
 */
const heapBoundBytes = 1.5 * 1024 * 1024
/** Buffers, which the heap does not count: Node pools them in pieces of 64 KiB. */
const externalBoundBytes = 512 * 1024
/** A timer or a promise may be the one of a sample that is just being taken. */
const objectSlack = {
  Timeout: 3,
  ChildProcess: 0,
  Socket: 0,
  ServerResponse: 0,
  AbortController: 8,
  AbortSignal: 8,
  Promise: 100,
} as const
/**
 * The stack of the error that an upstream tells as its last failure keeps the child that it is about: one for each
 * upstream, which a short warm-up may not have met yet. With a child go its three pipes and a timer.
 */
const childrenKept = 1 + upstreamNames.length
const heldByChild: Readonly<Record<string, number>> = { Timeout: 1, ChildProcess: 1, Socket: 3 }

const check = (name: string, expected: unknown, found: unknown, ok: boolean): Check => ({
  name,
  expected: String(expected),
  found: String(found),
  ok,
})
const equal = (name: string, expected: number | string, found: number | string): Check =>
  check(name, expected, found, expected === found)
const none = (name: string, found: readonly string[]): Check =>
  check(
    name,
    'none',
    found.length === 0 ? 'none' : `${found.length}: ${found.slice(0, 5).join(' | ')}`,
    found.length === 0,
  )
const atMost = (name: string, bound: number, found: number): Check =>
  check(name, `at most ${bound}`, found, found <= bound)

export interface Ending {
  code: number | null
  signal: string | null
  ms: number
  /** PIDs that run on although the host has ended, with what they are. */
  left: string[]
  /** Calls that were under way at SIGTERM, and how they ended. */
  interrupted: Record<string, number>
  unsettled: number
}

export interface Run {
  tally: Tally
  chaos: Chaos
  watcher: Watcher
  baseline: Rest
  end: Rest
  ending: Ending
  stderr: string
}

export function judge(run: Run): Check[] {
  const { tally, watcher, chaos, end, baseline, ending } = run
  const { started, ended } = tally.total()
  return [
    check('calls to the gateway, each ended in one way', started, ended, started === ended && started > 0),
    none('calls unanswered, answered wrongly, or without a stable code', tally.bad),
    none('counters that disagree in a snapshot under load', watcher.broken),
    equal('gaps in the frames', 0, watcher.gaps),
    none('commands refused without a good reason', chaos.failures),
    ...[...watcher.peaks].map(([name, { live, max }]) => atMost(`${name}: live processes at a time`, max, live)),
    ...upstreamNames.flatMap((name) => atRest(run, name)),
    ...growth(baseline.measured, end.measured),
    equal('exit code after SIGTERM', 0, ending.signal ?? ending.code ?? 'none'),
    atMost('milliseconds from SIGTERM to the end', 10_000, ending.ms),
    equal('calls under way at SIGTERM that never ended', 0, ending.unsettled),
    none('processes left after the end', ending.left),
    none(
      'errors and warnings of Node on stderr',
      run.stderr
        .split('\n')
        .filter((line) => /Warning:| error |unexpected|Unhandled/.test(line) && !tellsOfUpstream.test(line)),
    ),
  ]
}

/** The counters of one upstream with nothing under way. */
function atRest({ end, tally }: Run, name: string): Check[] {
  const settled = end.settled.upstreams.find((upstream) => upstream.name === name)
  const drained = end.drained.upstreams.find((upstream) => upstream.name === name)
  if (!settled || !drained) return [check(`${name} is in the snapshot`, 'yes', 'no', false)]
  const { pool } = settled
  const metric = metricsOf(end.metrics, name)
  const acquires = metric('poolscope_pool_acquires_total')
  const calls = tally.tools.get(name)
  return [
    none(`${name}: counters at rest`, [...brokenCounters(settled), ...brokenCounters(drained)]),
    equal(
      `${name}: acquires ${pool.acquires} = granted ${pool.granted} + timed out ${pool.timedOut} + aborted ${pool.aborted} + rejected ${pool.rejected}`,
      pool.acquires,
      pool.granted + pool.timedOut + pool.aborted + pool.rejected,
    ),
    equal(
      `${name}: acquires of /metrics, by result`,
      [pool.granted, pool.timedOut, pool.aborted, pool.rejected].join(' '),
      [acquires('granted'), acquires('timed-out'), acquires('aborted'), acquires('rejected')].join(' '),
    ),
    equal(`${name}: opened of /metrics`, pool.opened, metric('poolscope_connections_opened_total')()),
    equal(`${name}: closed of /metrics`, pool.dead, metric('poolscope_connections_closed_total')()),
    equal(`${name}: opened = dead after the drain`, drained.pool.opened, drained.pool.dead),
    equal(`${name}: leases reclaimed from the garbage`, 0, pool.leaked),
    equal(`${name}: trees in quarantine`, 0, pool.quarantined),
    equal(`${name}: exceptions in maintenance`, 0, metric('poolscope_pool_maintenance_errors_total')()),
    served(name, calls, metric('poolscope_requests_total')),
  ]
}

/** What clients counted beside what the host counted. A call that was given up may or may not have got that far. */
function served(name: string, calls: Count | undefined, requests: (...labels: string[]) => number): Check {
  const of = (outcome: string) => calls?.outcomes.get(outcome) ?? 0
  const ok = of('ok') + of('tool-error')
  const found = requests('"tools/call"', '"ok"') + requests('"tools/call"', '"tool_error"')
  const expected = of('aborted') === 0 ? `${ok}` : `${ok} to ${ok + of('aborted')}`
  return check(
    `${name}: calls answered with a result, as host and clients count them`,
    expected,
    found,
    found >= ok && found <= ok + of('aborted') && ok > 0,
  )
}

function growth(before: Measurement, after: Measurement): Check[] {
  const total = (counts: Record<string, number> | null) => Object.values(counts ?? {}).reduce((sum, n) => sum + n, 0)
  const told = (counts: Record<string, number> | null) =>
    Object.entries(counts ?? {})
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  const missing = Math.max(0, childrenKept - (before.objects.ChildProcess ?? 0))
  return [
    grownBy('heap in use, after collections', before.heapUsed, after.heapUsed, heapBoundBytes),
    grownBy('memory of buffers', before.external, after.external, externalBoundBytes),
    check(
      'file descriptors',
      `at most ${total(before.descriptors)} (${told(before.descriptors)})`,
      `${total(after.descriptors)} (${told(after.descriptors)})`,
      total(after.descriptors) <= total(before.descriptors),
    ),
    check(
      'what keeps the loop alive',
      `at most ${total(before.resources)} (${told(before.resources)})`,
      `${total(after.resources)} (${told(after.resources)})`,
      total(after.resources) <= total(before.resources),
    ),
    ...Object.entries(objectSlack).map(([name, slack]) =>
      atMost(
        `objects of class ${name}`,
        (before.objects[name] ?? 0) + slack + missing * (heldByChild[name] ?? 0),
        after.objects[name] ?? 0,
      ),
    ),
  ]
}

function grownBy(name: string, before: number, after: number, bound: number): Check {
  const bytes = after - before
  return check(
    name,
    `at most ${mib(bound)} above ${mib(before)}`,
    `${mib(after)} (${bytes < 0 ? '' : '+'}${mib(bytes)})`,
    bytes <= bound,
  )
}

/** Sums the samples of one upstream; each label must stand in the sample's own. */
function metricsOf(text: string, upstream: string): (metric: string) => (...labels: string[]) => number {
  const lines = text.split('\n').filter((line) => line.includes(`upstream="${upstream}"`))
  return (metric) =>
    (...labels) =>
      lines
        .filter((line) => line.startsWith(`${metric}{`) && labels.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

export const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(2)} MiB`
