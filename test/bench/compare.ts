/**
 * Compares the ratios of two runs of `npm run bench:pool`. Only ratios: each was taken within one run, so that a slower
 * or busier machine moves both of its sides.
 *
 *     node test/bench/compare.ts OLD.json NEW.json [--tolerance 0.3]
 *
 * Exits with 1 when a ratio has got worse by more than the tolerance, or is missing.
 */
import { Console } from 'node:console'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** The files of main.ts, as far as ratios go. */
export interface BenchReport {
  pool?: { rows: { scenario: string; timesOurs: Record<string, number> }[] }
  stdio?: { rows: { inFlight: number; speedRatio: number; cpuRatio: number }[] }
  prespawn?: { rows: { load: string; way: string; p50OfOnDemand: number; p95OfOnDemand: number }[] }
}

interface Ratio {
  name: string
  value: number
  better: 'higher' | 'lower'
}

export interface Change {
  name: string
  before: number
  after: number
  /** 1.2: better by a fifth; 0.8: worse by a fifth. */
  gain: number
  worse: boolean
}

/** On two shared cores, differences below this were noise. */
const defaultTolerance = 0.3

function ratiosOf({ pool, stdio, prespawn }: BenchReport): Ratio[] {
  return [
    ...(pool?.rows ?? []).flatMap(({ scenario, timesOurs }) =>
      Object.entries(timesOurs).map(
        ([peer, value]): Ratio => ({ name: `pool, ${scenario}: ${peer} / poolscope`, value, better: 'higher' }),
      ),
    ),
    ...(stdio?.rows ?? []).flatMap(({ inFlight, speedRatio, cpuRatio }): Ratio[] => [
      { name: `stdio, ${inFlight} in flight: speed of a bare pipe's`, value: speedRatio, better: 'higher' },
      { name: `stdio, ${inFlight} in flight: CPU of a bare pipe's`, value: cpuRatio, better: 'lower' },
    ]),
    ...(prespawn?.rows ?? [])
      .filter(({ way }) => way.startsWith('prespawn'))
      .flatMap(({ load, way, p50OfOnDemand, p95OfOnDemand }): Ratio[] => [
        { name: `${way}, ${load}: p50 of a start for each request's`, value: p50OfOnDemand, better: 'lower' },
        { name: `${way}, ${load}: p95 of a start for each request's`, value: p95OfOnDemand, better: 'lower' },
      ]),
  ]
}

/** Each ratio of `before` beside the one of `after`; one that is missing is worse. */
export function compare(before: BenchReport, after: BenchReport, tolerance = defaultTolerance): Change[] {
  const now = new Map(ratiosOf(after).map(({ name, value }) => [name, value]))
  return ratiosOf(before).map(({ name, value, better }) => {
    const found = now.get(name) ?? Number.NaN
    const gain = better === 'higher' ? found / value : value / found
    return { name, before: value, after: found, gain: Number(gain.toFixed(2)), worse: !(gain >= 1 - tolerance) }
  })
}

/** @returns whether nothing got worse; nothing to compare is no success */
export function printComparison(changes: readonly Change[]): boolean {
  new Console(process.stdout).table(changes)
  const worse = changes.filter(({ worse }) => worse).length
  process.stdout.write(`${changes.length - worse} ratios held, ${worse} worse\n`)
  return changes.length > 0 && worse === 0
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { tolerance: { type: 'string', default: String(defaultTolerance) } },
  })
  const [before, after] = positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')) as BenchReport)
  if (!before || !after) throw new Error('compare.ts OLD.json NEW.json')
  if (!printComparison(compare(before, after, Number(values.tolerance)))) process.exitCode = 1
}
