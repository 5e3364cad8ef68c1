import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readCommandLine } from '../../electron/process/procfs.ts'
import { Chaos } from './chaos.ts'
import { load } from './clients.ts'
import { Dice } from './dice.ts'
import { childrenOf, look, marked, type Seen, stillRuns } from './processes.ts'
import { comeToRest, type Rest } from './rest.ts'
import { type Break, type SoakHost, startHost } from './soak-host.ts'
import { Tally } from './tally.ts'
import { soakConfig } from './upstreams.ts'
import { type Check, type Ending, judge, mib, type Run } from './verdict.ts'
import { Watcher } from './watcher.ts'

export interface LoadRunOptions {
  minutes: number
  seed: number
  /** Another build than out/cli/cli.js. */
  cli?: string | undefined
  /** Writes a heap snapshot of the host at each rest into this folder. */
  snapshotDir?: string | undefined
  breakOnPurpose?: Break | undefined
  say(line: string): void
}

export interface LoadReport {
  seed: number
  minutes: number
  checks: Check[]
  calls: Record<string, Record<string, Record<string, number>>>
  chaos: Record<string, number>
  refused: Record<string, number>
  /** What was measured at each rest: after the warm-up, then after each part of the load. */
  rests: { afterMinutes: number; measured: Rest['measured']; calls: number }[]
  processesStarted: number
  snapshots: number
  frames: number
  ending: Ending
}

/** A third of the time fills what the host keeps on purpose (up to five minutes of points); then it must not grow. */
const warmUpShare = 1 / 3
const parts = 3

/** Mixed load and faults against the built `serve`; see docs/benchmarks.md. */
export async function loadRun(options: LoadRunOptions): Promise<LoadReport> {
  const mark = randomUUID()
  const host = await startHost({ config: soakConfig, mark, cli: options.cli })
  try {
    if (options.breakOnPurpose) await host.breakOnPurpose(options.breakOnPurpose)
    return await observe(host, mark, options)
  } finally {
    host.kill()
    for (const pid of marked(mark)) process.kill(pid, 'SIGKILL')
  }
}

async function observe(host: SoakHost, mark: string, options: LoadRunOptions): Promise<LoadReport> {
  const { minutes, seed, say } = options
  const dice = new Dice(seed)
  const tally = new Tally()
  const chaos = new Chaos(host, dice, mark)
  const watcher = new Watcher(host)
  const rests: { rest: Rest; afterMinutes: number; calls: number }[] = []
  let loaded = 0

  const work = async (ms: number): Promise<void> => {
    const clients = new AbortController()
    const watching = new AbortController()
    const watched = watcher.run(watching.signal)
    const working = Promise.all([load({ host, tally, dice, until: clients.signal }), chaos.run(clients.signal)])
    await Promise.race([delay(ms), working, watched])
    clients.abort()
    await working
    const rest = await comeToRestWhile(host, watching, watched)
    loaded += ms
    const afterMinutes = loaded / 60_000
    rests.push({ rest, afterMinutes, calls: tally.total().started })
    say(
      `${afterMinutes.toFixed(1)} min: ${tally.total().started} calls, heap ${mib(rest.measured.heapUsed)}, ` +
        `descriptors ${JSON.stringify(rest.measured.descriptors)}, objects ${JSON.stringify(rest.measured.objects)}`,
    )
    await snapshot(host, options.snapshotDir, rests.length)
  }

  const totalMs = minutes * 60_000
  await work(totalMs * warmUpShare)
  for (let part = 0; part < parts; part++) await work((totalMs * (1 - warmUpShare)) / parts)

  const [first] = rests
  const last = rests.at(-1)
  if (!first || !last) throw new Error('no load')
  const ending = await end(host, mark, watcher)
  const run: Run = { tally, chaos, watcher, baseline: first.rest, end: last.rest, ending, stderr: host.stderr() }
  const plain = (counts: Tally['tools']) =>
    Object.fromEntries(
      [...counts].map(([name, { started, outcomes }]) => [name, { started, ...Object.fromEntries(outcomes) }]),
    )
  return {
    seed,
    minutes,
    checks: judge(run),
    calls: { tools: plain(tally.tools), others: plain(tally.others) },
    chaos: Object.fromEntries(chaos.done),
    refused: Object.fromEntries(chaos.refused),
    rests: rests.map(({ rest, afterMinutes, calls }) => ({ afterMinutes, calls, measured: rest.measured })),
    processesStarted: last.rest.drained.upstreams.reduce((sum, { pool }) => sum + pool.opened, 0),
    snapshots: watcher.snapshots,
    frames: watcher.frames,
    ending,
  }
}

/** The stream of frames goes first: at rest the host has no client at all. */
async function comeToRestWhile(host: SoakHost, watching: AbortController, watched: Promise<void>): Promise<Rest> {
  watching.abort()
  await watched
  return comeToRest(host)
}

async function snapshot(host: SoakHost, folder: string | undefined, number: number): Promise<void> {
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await host.heapSnapshot(join(folder, `rest-${number}.heapsnapshot`))
}

/** SIGTERM with calls under way; then nothing that the host has started may run. */
async function end(host: SoakHost, mark: string, watcher: Watcher): Promise<Ending> {
  const interrupted: Record<string, number> = {}
  let unsettled = 0
  const calls = Array.from({ length: 6 }, async (_, i) => {
    const upstream = i % 2 === 0 ? 'slow' : 'echo'
    const params = { name: i % 2 === 0 ? 'slow' : 'sleep', arguments: { ms: 250 } }
    unsettled++
    const outcome = await host
      .command('request.send', { upstream, method: 'tools/call', params })
      .then(() => 'ok')
      .catch((error: { code?: string; message: string }) => error.code ?? error.message)
    unsettled--
    interrupted[outcome] = (interrupted[outcome] ?? 0) + 1
  })
  await untilBusy(host)
  const seen: Seen[] = [...watcher.processes.values(), ...childrenOf(host.pid)]
  const ended = await host.stop()
  await Promise.race([Promise.all(calls), delay(5_000)])
  const left = new Set([...seen.filter(stillRuns).map(({ pid }) => pid), ...marked(mark).filter((pid) => look(pid))])
  return { ...ended, left: [...left].map(describe), interrupted, unsettled }
}

async function untilBusy(host: SoakHost): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const { upstreams } = await host.command('snapshot.get', {})
    if (upstreams.some(({ pool }) => pool.leased > 0)) return
    await delay(10)
  }
}

const describe = (pid: number): string => `${pid} ${readCommandLine(pid).replaceAll('\0', ' ')}`
