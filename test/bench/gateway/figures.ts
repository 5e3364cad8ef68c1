import type { BenchEra } from './client.ts'
import type { Measured } from './measure.ts'

/** What each ratio is taken to: the floor. */
export const floorName = 'minimal relay'
export const ourName = 'poolscope'
export const ourMultiplexName = 'poolscope multiplex'

/** One contender in one case, over all rounds. */
export interface Row {
  contender: string
  era: BenchEra
  concurrency: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  callsPerSecond: number
  cpuMicrosPerCall: number | null
  rssMiB: number | null
  errors: number
  /** To the floor, taken within each round: a noisy machine moves both sides. */
  ratios: { p50: number; p95: number; p99: number; callsPerSecond: number; cpu: number | null }
}

export interface Processes {
  contender: string
  era: BenchEra
  started: number
}

export interface Target {
  what: string
  limit: string
  value: number
  met: boolean
}

export interface Report {
  at: string
  node: string
  rounds: number
  ms: number
  rows: Row[]
  /** Processes of the upstream started for the same work. */
  processes: { clients: number; callsEach: number; counts: Processes[] }
  targets: Target[]
}

/** By contender: what was measured in each round of one case. */
export type Rounds = Map<string, Measured[]>

export function summarise(era: BenchEra, concurrency: number, rounds: Rounds): Row[] {
  const floor = rounds.get(floorName) ?? []
  return [...rounds].map(([contender, measured]) => {
    const of = (figure: (it: Measured) => number | null) => median(measured.map(figure))
    const ratio = (figure: (it: Measured) => number | null) =>
      median(measured.map((it, round) => divide(figure(it), floor[round] && figure(floor[round]))))
    return {
      contender,
      era,
      concurrency,
      p50Ms: of((it) => it.p50Ms) ?? Number.NaN,
      p95Ms: of((it) => it.p95Ms) ?? Number.NaN,
      p99Ms: of((it) => it.p99Ms) ?? Number.NaN,
      callsPerSecond: of((it) => it.callsPerSecond) ?? 0,
      cpuMicrosPerCall: of((it) => it.cpuMicrosPerCall),
      rssMiB: measured.reduce<number | null>((most, { rssMiB }) => Math.max(most ?? 0, rssMiB ?? 0) || null, null),
      errors: measured.reduce((sum, { errors }) => sum + errors, 0),
      ratios: {
        p50: ratio((it) => it.p50Ms) ?? Number.NaN,
        p95: ratio((it) => it.p95Ms) ?? Number.NaN,
        p99: ratio((it) => it.p99Ms) ?? Number.NaN,
        callsPerSecond: ratio((it) => it.callsPerSecond) ?? Number.NaN,
        cpu: ratio((it) => it.cpuMicrosPerCall),
      },
    }
  })
}

const divide = (a: number | null, b: number | null | undefined): number | null =>
  a === null || b === null || b === undefined || b === 0 ? null : a / b

function median(values: (number | null)[]): number | null {
  const sorted = values.filter((value): value is number => value !== null && !Number.isNaN(value))
  sorted.sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

/** Issue 4, "Speed". */
export function judge(rows: readonly Row[]): Target[] {
  return rows
    .filter(({ contender }) => contender === ourName || contender === ourMultiplexName)
    .flatMap(({ contender, era, concurrency, ratios, cpuMicrosPerCall, rssMiB, errors }) => {
      const at = `${contender}, ${era}, ${concurrency} at once`
      const atMost = (what: string, value: number | null, limit: number, unit = ''): Target[] =>
        value === null
          ? []
          : [{ what: `${what} (${at})`, limit: `at most ${limit}${unit}`, value, met: value <= limit }]
      const share = ratios.callsPerSecond
      return [
        ...atMost('errors', errors, 0),
        ...(concurrency === 1 ? atMost("p50 in times of the relay's", ratios.p50, 1.5) : []),
        ...(concurrency > 1
          ? [
              {
                what: `calls/s as a share of the relay's (${at})`,
                limit: 'at least 0.8',
                value: share,
                met: share >= 0.8,
              },
            ]
          : []),
        ...atMost('CPU a call', cpuMicrosPerCall, 60, ' us'),
        ...atMost('memory', rssMiB, 120, ' MiB'),
      ]
    })
}
