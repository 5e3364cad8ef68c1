/**
 * What it costs the host when a server drops every stream all the time, each after 100 ms to 1 s, and whether anything is
 * lost or told twice.
 *
 *   npm run bench:churn [-- --minutes 2 --seconds N --streams 50 --seed N --json FILE]
 */
import { Console } from 'node:console'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runChurn, type Slice } from './churn/run.ts'
import { verdict } from './churn/verdict.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seconds: { type: 'string' },
    streams: { type: 'string', default: '50' },
    seed: { type: 'string' },
    json: { type: 'string' },
  },
})
const churnMs = values.seconds === undefined ? Number(values.minutes) * 60_000 : Number(values.seconds) * 1_000
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const say = (line: string) => void process.stdout.write(`${line}\n`)

const row = (part: string, { ms, cpuPercent, reconnects, rssMiB, heap, objects }: Slice) => ({
  part,
  seconds: Number((ms / 1000).toFixed(1)),
  'CPU, % of a core': cpuPercent === null ? null : Number(cpuPercent.toFixed(1)),
  'reconnects/s': Number((reconnects / (ms / 1000)).toFixed(1)),
  'RSS, MiB': rssMiB === null ? null : Math.round(rssMiB),
  'heap, MiB': Number((heap / 1024 / 1024).toFixed(1)),
  ...objects,
})

say(`${values.streams} streams, seed ${seed}`)
const report = await runChurn({
  streams: Number(values.streams),
  calmMs: Math.min(15_000, churnMs / 4),
  churnMs,
  seed,
  lifeMs: [100, 1_000],
  updatesPerSecond: 5,
  slices: Math.max(2, Math.round(churnMs / 15_000)),
  onSlice: () => process.stderr.write('.'),
})
process.stderr.write('\n')
new Console(process.stdout).table([
  row('calm', report.calm),
  ...report.churn.map((slice, i) => row(`churn ${i + 1}`, slice)),
])
say(`a reconnect costs ${report.cpuMicrosPerReconnect ?? '?'} us of CPU`)
say(`${report.drops} drops, ${report.attempts} attempts, ${report.opened} streams opened`)
say(
  `${report.sent} notifications sent, ${report.delivered} delivered, ${report.duplicates} twice, ${report.losses} lost`,
)
const problems = verdict(report)
for (const problem of problems) say(`WRONG: ${problem}`)
if (values.json) writeFileSync(values.json, `${JSON.stringify({ ...report, problems }, null, 2)}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
