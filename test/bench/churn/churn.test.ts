import { expect, test } from 'vitest'
import { runChurn } from './run.ts'
import { verdict } from './verdict.ts'

test('a server that drops every stream all the time: nothing is lost, nothing told twice, no attempt in vain', async () => {
  const report = await runChurn({
    streams: 10,
    calmMs: 500,
    churnMs: 6_000,
    seed: 1,
    lifeMs: [100, 1_000],
    updatesPerSecond: 10,
    slices: 2,
  })
  expect(verdict(report)).toEqual([])
  // Each stream is dropped again and again, and not once.
  expect(report.drops).toBeGreaterThan(3 * report.streams)
}, 60_000)
