/**
 * A call through the gateway beside a bare node:http echo, a minimal relay (one pipe, ids remapped: the floor) and what
 * others put between HTTP and stdio; the same upstream, a 64-byte echo, for all of them.
 *
 *   npm run bench:gateway [-- --rounds 5 --ms 400 --quick --no-peers --json FILE --compare FILE]
 *
 * Contenders take turns within a round; ratios are taken within a round, and medians over the rounds.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Caller } from './gateway/caller.ts'
import type { BenchEra } from './gateway/client.ts'
import { type Contender, startContenders } from './gateway/contenders.ts'
import { judge, type Processes, type Report, type Rounds, summarise } from './gateway/figures.ts'
import { measure } from './gateway/measure.ts'
import { printComparison, printReport } from './gateway/print.ts'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: 'string' },
    ms: { type: 'string' },
    quick: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: true },
    json: { type: 'string' },
    compare: { type: 'string' },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5))
const ms = Number(values.ms ?? (values.quick ? 150 : 400))
const warmUpMs = values.quick ? 500 : 2_000
const before = values.compare === undefined ? undefined : (JSON.parse(readFileSync(values.compare, 'utf8')) as Report)

const cases = (['legacy', 'modern'] as const).flatMap((era) =>
  [1, 8, 32].map((concurrency) => ({ era, concurrency, rounds: new Map() as Rounds })),
)
const sameWork = { clients: 8, callsEach: 25 }

/** Sessions of a contender, by era: a client that comes again goes on with its own. */
const sessions = new Map<string, string[]>()

async function openCallers({ name, url, headers }: Contender, era: BenchEra, count: number): Promise<Caller[]> {
  const key = `${name} ${era}`
  const known = sessions.get(key) ?? []
  const callers = await Promise.all(Array.from({ length: count }, (_, i) => Caller.open(url, era, headers, known[i])))
  if (count > known.length)
    sessions.set(
      key,
      callers.map(({ session }) => session),
    )
  return callers
}

/** Runs before anything else, so that every process counts. */
async function countProcesses(contender: Contender, era: BenchEra): Promise<Processes> {
  const earlier = contender.started()
  const callers = await openCallers(contender, era, sameWork.clients)
  await Promise.all(
    callers.map(async (caller) => {
      for (let i = 0; i < sameWork.callsEach; i++) await caller.call()
    }),
  )
  for (const caller of callers) caller.close()
  return { contender: contender.name, era, started: contender.started() - (era === 'legacy' ? 0 : earlier) }
}

/** What runs hot is compiled by then: a host runs for days. */
async function warmUp(contender: Contender, era: BenchEra): Promise<void> {
  const callers = await openCallers(contender, era, 8)
  await measure(callers, warmUpMs, contender.pid)
  for (const caller of callers) caller.close()
}

async function runRound(contenders: readonly Contender[], round: number): Promise<void> {
  for (const { era, concurrency, rounds: results } of cases) {
    const turn = contenders.filter(({ eras }) => eras.includes(era))
    for (let i = 0; i < turn.length; i++) {
      const contender = turn[(i + round) % turn.length]
      if (!contender) continue
      const callers = await openCallers(contender, era, concurrency)
      const measured = await measure(callers, ms, contender.pid)
      for (const caller of callers) caller.close()
      // Who knows what has become of its sessions.
      if (measured.errors > 0) sessions.delete(`${contender.name} ${era}`)
      results.set(contender.name, [...(results.get(contender.name) ?? []), measured])
    }
    process.stderr.write('.')
  }
}

const contenders = await startContenders(values.peers)
try {
  const counts: Processes[] = []
  for (const contender of contenders)
    for (const era of contender.eras)
      if (contender.name !== 'bare node:http') counts.push(await countProcesses(contender, era))
  for (const contender of contenders) for (const era of contender.eras) await warmUp(contender, era)
  for (let round = 0; round < rounds; round++) await runRound(contenders, round)
  process.stderr.write('\n')
  const order = contenders.map(({ name }) => name)
  const rows = cases.flatMap(({ era, concurrency, rounds: results }) =>
    summarise(era, concurrency, results).toSorted((a, b) => order.indexOf(a.contender) - order.indexOf(b.contender)),
  )
  const report: Report = {
    at: new Date().toISOString(),
    node: process.version,
    rounds,
    ms,
    rows,
    processes: { ...sameWork, counts },
    targets: judge(rows),
  }
  printReport(report)
  if (before) printComparison(before, report)
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
} finally {
  await Promise.all(contenders.map((contender) => contender.stop()))
}
