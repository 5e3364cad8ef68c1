import * as fc from 'fast-check'
import { test } from 'vitest'
import { ModelRun, schedules } from './model.ts'

/** A soak (POOLSCOPE_SOAK=1) runs a hundred thousand schedules; POOLSCOPE_SCHEDULES sets any other number. */
const numRuns = Number(process.env.POOLSCOPE_SCHEDULES ?? (process.env.POOLSCOPE_SOAK === '1' ? 100_000 : 1_000))

test(`the invariants hold after every step of ${numRuns} random schedules`, {
  timeout: 60_000 + numRuns * 60,
}, async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      await new ModelRun(schedule).run(schedule)
    }),
    { numRuns, ...(process.env.POOLSCOPE_SEED && { seed: Number(process.env.POOLSCOPE_SEED) }) },
  )
})
