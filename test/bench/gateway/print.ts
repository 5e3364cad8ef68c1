import { judge, type Report, type Row } from './figures.ts'

const say = (line = '') => void process.stdout.write(`${line}\n`)
const number = (value: number | null, digits = 2): string =>
  value === null || Number.isNaN(value) ? '-' : value.toFixed(digits)

function table(header: readonly string[], lines: readonly (readonly string[])[]): void {
  const widths = header.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)))
  const format = (line: readonly string[]) =>
    line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  for (const line of [header, ...lines]) say(format(line))
}

export function printReport({ rows, processes, targets }: Report): void {
  table(
    [
      'case',
      'contender',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'calls/s',
      'us CPU',
      'MiB',
      'errors',
      'p50 x',
      'calls/s x',
      'CPU x',
    ],
    rows.map((row) => [
      `${row.era} ${row.concurrency}`,
      row.contender,
      number(row.p50Ms, 3),
      number(row.p95Ms, 3),
      number(row.p99Ms, 3),
      number(row.callsPerSecond, 0),
      number(row.cpuMicrosPerCall, 0),
      number(row.rssMiB, 0),
      String(row.errors),
      number(row.ratios.p50),
      number(row.ratios.callsPerSecond),
      number(row.ratios.cpu),
    ]),
  )
  say()
  say(`Processes started for ${processes.clients} clients with ${processes.callsEach} calls each:`)
  for (const { contender, era, started } of processes.counts) say(`  ${era.padEnd(6)}  ${contender}: ${started}`)
  say()
  for (const { what, limit, value, met } of targets)
    say(`${met ? 'met    ' : 'NOT MET'}  ${what}: ${number(value)}, ${limit}`)
}

/** Ratios to the floor then and now: another machine, or a busier one, moves both. */
export function printComparison(before: Report, now: Report): void {
  const key = ({ contender, era, concurrency }: Row) => `${contender} ${era} ${concurrency}`
  const earlier = new Map(before.rows.map((row) => [key(row), row]))
  say()
  say(`Beside the run of ${before.at}: ratios to the minimal relay, then -> now`)
  table(
    ['case', 'contender', 'p50 x', 'calls/s x', 'CPU us'],
    now.rows.flatMap((row) => {
      const old = earlier.get(key(row))
      if (!old) return []
      const change = (a: number | null, b: number | null, digits = 2) => `${number(a, digits)} -> ${number(b, digits)}`
      return [
        [
          `${row.era} ${row.concurrency}`,
          row.contender,
          change(old.ratios.p50, row.ratios.p50),
          change(old.ratios.callsPerSecond, row.ratios.callsPerSecond),
          change(old.cpuMicrosPerCall, row.cpuMicrosPerCall, 0),
        ],
      ]
    }),
  )
  const lost = judge(before.rows).filter(({ what, met }) => met && !now.targets.find((it) => it.what === what)?.met)
  for (const { what } of lost) say(`was met before: ${what}`)
}
