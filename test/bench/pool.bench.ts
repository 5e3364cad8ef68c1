/**
 * What an acquire and a release cost, beside generic-pool and tarn in the same process.
 *
 *     node test/bench/pool.bench.ts [--json FILE] [--ms 1000] [--rounds 5]
 *
 * One iteration is a batch of 1,000 leases, so that the timer is no part of what is measured. The contenders take turns
 * within a round; figures are medians over the rounds, ratios are taken within a round, so that a noisy machine moves
 * both sides. Our pool runs with everything on: leak watch and sampling, budget, limits, listeners for every event of
 * the hot path. The others run with their defaults, validation off.
 */
import { Console } from 'node:console'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

// As in a shipped build: without the checks that development adds. Before the pool is loaded.
process.env.NODE_ENV = 'production'

const { Bench } = await import('tinybench')
const { createPool } = await import('generic-pool')
const { Pool: TarnPool } = await import('tarn')
const { Pool } = await import('../../electron/pool/pool.ts')
const { PermitBudget } = await import('../../electron/pool/budget.ts')
const { systemClock } = await import('../../electron/kit/clock.ts')
const { defaultPoolLimits } = await import('../../shared/config.ts')

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    ms: { type: 'string', default: '600' },
    rounds: { type: 'string', default: '5' },
  },
})
const leasesPerIteration = 1_000
const waiters = 100

/** Acquires and releases; the same for every contender. */
interface Contender {
  name: string
  /** One lease at a time: nobody waits. */
  alone(): Promise<void>
  /** A hundred loops share the pool: all but `size` of them wait at any time. */
  contended(): Promise<void>
  close(): Promise<unknown>
}

/** Each of `loops` callers acquires and releases in turn until all leases of the iteration are used up. */
async function share(loops: number, once: () => Promise<void>): Promise<void> {
  const each = Math.floor(leasesPerIteration / loops)
  const loop = async (): Promise<void> => {
    for (let i = 0; i < each; i++) await once()
  }
  await Promise.all(Array.from({ length: loops }, loop))
}

const nothing = (): void => {}

function poolscope(size: number): Contender {
  const pool = new Pool({
    name: 'bench',
    limits: { ...defaultPoolLimits, maxConnections: size, maxLifetimeMs: 3_600_000, maxUses: 1_000_000_000 },
    clock: systemClock,
    random: Math.random,
    budget: new PermitBudget(32),
    open: () => ({
      ready: Promise.resolve(),
      alive: true,
      onDown: nothing,
      ping: () => Promise.resolve(),
      close: () => Promise.resolve('gone' as const),
    }),
  })
  pool.events.on('changed', nothing)
  pool.events.on('acquire.settled', nothing)
  pool.events.on('connection.closing', nothing)
  const once = async (): Promise<void> => {
    const lease = await pool.acquire()
    lease.release()
  }
  return {
    name: 'poolscope',
    async alone() {
      for (let i = 0; i < leasesPerIteration; i++) (await pool.acquire()).release()
    },
    contended: () => share(waiters, once),
    close: () => pool.close('shutdown'),
  }
}

function genericPool(size: number): Contender {
  const pool = createPool({ create: async () => ({}), destroy: async () => {} }, { max: size, min: 0 })
  const once = async (): Promise<void> => {
    const resource = await pool.acquire()
    await pool.release(resource)
  }
  return {
    name: 'generic-pool',
    async alone() {
      for (let i = 0; i < leasesPerIteration; i++) await once()
    },
    contended: () => share(waiters, once),
    close: () => pool.drain().then(() => pool.clear()),
  }
}

function tarn(size: number): Contender {
  const pool = new TarnPool({ create: async () => ({}), destroy: nothing, min: 0, max: size })
  const once = async (): Promise<void> => {
    const resource = await pool.acquire().promise
    pool.release(resource)
  }
  return {
    name: 'tarn',
    async alone() {
      for (let i = 0; i < leasesPerIteration; i++) await once()
    },
    contended: () => share(waiters, once),
    close: () => pool.destroy(),
  }
}

const scenarios = [
  { name: 'alone', size: 1, run: (contender: Contender) => contender.alone(), targetNs: 500 },
  { name: '100 waiters, size 1', size: 1, run: (contender: Contender) => contender.contended(), targetNs: 700 },
  { name: '100 waiters, size 10', size: 10, run: (contender: Contender) => contender.contended(), targetNs: 700 },
]
const make = [poolscope, genericPool, tarn]
const peers = ['generic-pool', 'tarn']

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN

/** Nanoseconds for each lease, by contender, one number a round. */
async function measure(scenario: (typeof scenarios)[number]): Promise<Map<string, number[]>> {
  const nanoseconds = new Map<string, number[]>()
  for (let round = 0; round < Number(values.rounds); round++) {
    const contenders = make.map((create) => create(scenario.size))
    const bench = new Bench({ time: Number(values.ms), warmupTime: 200 })
    for (const contender of contenders) {
      // `async`: otherwise tinybench calls it once without waiting, to see what it returns.
      bench.add(contender.name, () => scenario.run(contender), { async: true })
    }
    await bench.run()
    for (const task of bench.tasks) {
      const { result } = task
      if (result.state !== 'completed')
        throw new Error(`${scenario.name}: ${task.name} ${result.state}`, { cause: result })
      const perLease = (result.latency.p50 * 1e6) / leasesPerIteration
      nanoseconds.set(task.name, [...(nanoseconds.get(task.name) ?? []), perLease])
    }
    for (const contender of contenders) await contender.close()
  }
  return nanoseconds
}

const rows = []
for (const scenario of scenarios) {
  const nanoseconds = await measure(scenario)
  const ours = nanoseconds.get('poolscope') ?? []
  const ratio = (peer: string): number =>
    median((nanoseconds.get(peer) ?? []).map((theirs, round) => theirs / (ours[round] ?? Number.NaN)))
  rows.push({
    scenario: scenario.name,
    targetNs: scenario.targetNs,
    ns: Object.fromEntries([...nanoseconds].map(([name, numbers]) => [name, Math.round(median(numbers))])),
    timesOurs: Object.fromEntries(peers.map((peer) => [peer, Number(ratio(peer).toFixed(2))])),
  })
}

// The table is what this program is for, not a trace: straight to stdout.
new Console(process.stdout).table(
  Object.fromEntries(
    rows.map((row) => [
      row.scenario,
      {
        'poolscope ns': row.ns.poolscope,
        'target ns': row.targetNs,
        ...Object.fromEntries(peers.map((peer) => [`${peer} ns`, row.ns[peer]])),
        ...Object.fromEntries(peers.map((peer) => [`${peer} / poolscope`, row.timesOurs[peer]])),
      },
    ]),
  ),
)
if (values.json) {
  const report = { node: process.version, leasesPerIteration, waiters, rounds: Number(values.rounds), rows }
  writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
}
