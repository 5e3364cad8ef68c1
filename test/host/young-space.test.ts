import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const module = resolve(import.meta.dirname, '../../electron/host/young-space.ts')

/** Holds on to much of what it makes, turn by turn, as a host under load; tells how large the young space has become. */
const load = `
  import { getHeapSpaceStatistics } from 'node:v8'
  const kept = []
  for (let turn = 0; turn < 300; turn++) {
    for (let i = 0; i < 5000; i++) kept.push({ i, list: [i] })
    if (kept.length > 100_000) kept.splice(0, 50_000)
    await new Promise((done) => setImmediate(done))
  }
  console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 1024 / 1024)
`

const youngMiB = async (before: string) => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', before + load])
  return Number(stdout)
}

test('the young space of a host stops growing at 8 MiB, where it would take several times that', async () => {
  const setUp = `import { keepYoungSpaceSmall } from ${JSON.stringify(module)}; keepYoungSpaceSmall();`
  const [small, usual] = await Promise.all([youngMiB(setUp), youngMiB('')])
  // It is looked at after a collection: one step more may have been taken.
  expect(small).toBeLessThanOrEqual(16)
  expect(small).toBeGreaterThan(1)
  expect(usual).toBeGreaterThan(16)
})
