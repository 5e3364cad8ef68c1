import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

export interface ModelReport {
  schedules: number
  ok: boolean
  seconds: number
  /** What the test runner said, when it failed: with the schedule that broke an invariant. */
  output: string
}

/** The pool's model (test/pool/model.ts) with this many random schedules, in a process of its own. */
export async function modelRun(schedules: number): Promise<ModelReport> {
  const started = performance.now()
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', 'test/pool/model.test.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, POOLSCOPE_SCHEDULES: String(schedules), NO_COLOR: '1' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  // The runner's own words: a run without a test, or of another number, is no run.
  const ran = output.includes(`every step of ${schedules} random schedules`) && /Tests\s+1 passed/.test(output)
  const ok = code === 0 && ran
  return { schedules, ok, seconds: Math.round((performance.now() - started) / 1_000), output: ok ? '' : output }
}
