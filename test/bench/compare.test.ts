import { expect, test } from 'vitest'
import { type BenchReport, compare } from './compare.ts'

const report = (changes: { timesOurs?: number; cpuRatio?: number; p50?: number } = {}): BenchReport => ({
  pool: { rows: [{ scenario: 'alone', timesOurs: { tarn: changes.timesOurs ?? 4 } }] },
  stdio: { rows: [{ inFlight: 8, speedRatio: 1, cpuRatio: changes.cpuRatio ?? 1 }] },
  prespawn: {
    rows: [
      { load: 'with pauses', way: 'spawn on demand', p50OfOnDemand: 1, p95OfOnDemand: 1 },
      { load: 'with pauses', way: 'prespawn, 1 spare', p50OfOnDemand: changes.p50 ?? 0.1, p95OfOnDemand: 0.2 },
    ],
  },
})
const worse = (after: BenchReport): string[] =>
  compare(report(), after)
    .filter(({ worse }) => worse)
    .map(({ name }) => name)

test('ratios that stay within the tolerance are not worse', () => {
  expect(compare(report(), report({ timesOurs: 3, cpuRatio: 1.3 }))).toHaveLength(5)
  expect(worse(report({ timesOurs: 3, cpuRatio: 1.3 }))).toEqual([])
})

test('a ratio of which more is better is worse when it falls', () => {
  expect(worse(report({ timesOurs: 2.5 }))).toEqual(['pool, alone: tarn / poolscope'])
  expect(worse(report({ timesOurs: 8 }))).toEqual([])
})

test('a ratio of which less is better is worse when it rises', () => {
  expect(worse(report({ cpuRatio: 1.6 }))).toEqual(["stdio, 8 in flight: CPU of a bare pipe's"])
  expect(worse(report({ p50: 0.05 }))).toEqual([])
  expect(worse(report({ p50: 0.2 }))).toEqual(["prespawn, 1 spare, with pauses: p50 of a start for each request's"])
})

test('a ratio that is missing is worse', () => {
  expect(worse({ ...report(), pool: { rows: [] } })).toEqual(['pool, alone: tarn / poolscope'])
})
