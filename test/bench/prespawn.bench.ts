/**
 * A program that answers one request and exits, through `mode: "prespawn"` with 1 and 2 spares, beside a start for each
 * request: what a caller waits. Through the same upstream as in the product, real children, no HTTP.
 *
 *     node test/bench/prespawn.bench.ts [--json FILE] [--rounds 3] [--calls 30] [--start-ms 100]
 *
 * The ways take turns within a round; figures are medians over the rounds, ratios are taken within a round, so that a
 * noisy machine moves both sides. Two loads: one caller that thinks between two calls for as long as a program takes to
 * start, so that a spare can be ready; and one that calls without a pause, where each start is waited for in any case
 * and prespawn can only overlap them (two at a time). `--start-ms` stands for what a real program does before it reads its first line.
 */
import { Console } from 'node:console'
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

process.env.NODE_ENV = 'production'

const { systemClock } = await import('../../electron/kit/clock.ts')
const { silentLogger } = await import('../../electron/kit/logger.ts')
const { PermitBudget } = await import('../../electron/pool/budget.ts')
const { createUpstream } = await import('../../electron/upstream/create.ts')
const { childEnv, childUpstream } = await import('../fixtures/children/index.ts')

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '30' },
    'start-ms': { type: 'string', default: '100' },
  },
})
const rounds = Number(values.rounds)
const calls = Number(values.calls)
const startMs = Number(values['start-ms'])

const ways = [
  // `maxUses: 1`: known to be single-shot from the first request on, as it is after two exits.
  { name: 'spawn on demand', pool: { maxUses: 1 } },
  { name: 'prespawn, 1 spare', pool: { mode: 'prespawn', spares: 1 } },
  { name: 'prespawn, 2 spares', pool: { mode: 'prespawn', spares: 2 } },
] as const
const loads = [
  { name: 'with pauses', pause: true },
  { name: 'without a pause', pause: false },
] as const

interface Latency {
  mean: number
  p50: number
  p95: number
}

/** The nearest rank: of few calls, what one of them really took. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

const median = (numbers: readonly number[]): number =>
  percentile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  )

async function measure(way: (typeof ways)[number], pause: boolean): Promise<Latency> {
  const upstream = createUpstream(
    childUpstream('singleShot', {
      name: 'bench',
      args: [`--start-ms=${startMs}`],
      protocol: 'legacy',
      pool: { maxConnections: 4, ...way.pool },
    }),
    {
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      budget: new PermitBudget(32),
      variables: (name) => process.env[name],
      environment: () => ({ ...childEnv }),
      clientInfo: { name: 'bench', version: '1.0.0' },
    },
  )
  const call = async (): Promise<number> => {
    const started = performance.now()
    const { kind, text } = await upstream.request({ method: 'tools/call', params: '{"name":"once","arguments":{}}' })
    if (kind !== 'result') throw new Error(`the call failed: ${text}`)
    return performance.now() - started
  }
  try {
    // The first start of all, and how long one takes, handshake included.
    const coldMs = await call()
    const took: number[] = []
    for (let i = 0; i < calls; i++) {
      if (pause) await delay(coldMs * 1.5)
      took.push(await call())
    }
    took.sort((a, b) => a - b)
    return {
      mean: took.reduce((sum, ms) => sum + ms, 0) / took.length,
      p50: percentile(took, 0.5),
      p95: percentile(took, 0.95),
    }
  } finally {
    await upstream.close('shutdown')
  }
}

const rows = []
for (const load of loads) {
  const measured = new Map<string, Latency[]>(ways.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    // Each way is the first one now and then.
    for (let turn = 0; turn < ways.length; turn++) {
      const way = ways[(round + turn) % ways.length]
      if (way) measured.get(way.name)?.push(await measure(way, load.pause))
    }
  }
  const onDemand = measured.get(ways[0].name) ?? []
  for (const { name } of ways) {
    const own = measured.get(name) ?? []
    const share = (figure: keyof Latency) =>
      Number(
        median(own.map((latency, round) => latency[figure] / (onDemand[round]?.[figure] ?? Number.NaN))).toFixed(3),
      )
    rows.push({
      load: load.name,
      way: name,
      meanMs: Number(median(own.map(({ mean }) => mean)).toFixed(2)),
      p50Ms: Number(median(own.map(({ p50 }) => p50)).toFixed(2)),
      p95Ms: Number(median(own.map(({ p95 }) => p95)).toFixed(2)),
      meanOfOnDemand: share('mean'),
      p50OfOnDemand: share('p50'),
      p95OfOnDemand: share('p95'),
    })
  }
}

new Console(process.stdout).table(rows)
if (values.json) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, rounds, calls, startMs, rows }, null, 2)}\n`)
}
