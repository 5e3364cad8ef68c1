/**
 * What `npm run test:soak` runs, after a build:
 *
 *     node test/soak/main.ts [--minutes 15] [--schedules 100000] [--seed N] [--json FILE] [--snapshots DIR]
 *                            [--cli FILE] [--break listener|timer|descriptor|process]
 *
 * First the pool's model with random schedules, then mixed load with faults against the built `serve`. 0 minutes or 0
 * schedules leave a part out. `--break` makes the host leak on purpose: the run must then fail. Linux.
 */
import { Console } from 'node:console'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadRun } from './load-run.ts'
import { modelRun } from './model-run.ts'
import { type Break, breaks } from './soak-host.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    json: { type: 'string' },
    snapshots: { type: 'string' },
    cli: { type: 'string' },
    break: { type: 'string' },
  },
})
const minutes = Number(values.minutes)
const schedules = Number(values.schedules)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const isBreak = (text: string): text is Break => (breaks as readonly string[]).includes(text)
if (values.break !== undefined && !isBreak(values.break)) throw new Error(`--break: one of ${breaks.join(', ')}`)
if (!(minutes >= 0) || !(schedules >= 0) || minutes + schedules === 0) throw new Error('nothing to do')
if (minutes > 0 && process.platform !== 'linux') throw new Error('the load is judged by /proc: Linux only')

const terminal = new Console(process.stdout)

let ok = true
const model = schedules > 0 ? await modelRun(schedules) : undefined
if (model) {
  say(`model: ${model.schedules} schedules in ${model.seconds} s: ${model.ok ? 'every invariant held' : 'FAILED'}`)
  if (!model.ok) say(model.output)
  ok &&= model.ok
}

const loaded =
  minutes > 0
    ? await loadRun({
        minutes,
        seed,
        say,
        cli: values.cli,
        snapshotDir: values.snapshots,
        breakOnPurpose: values.break,
      })
    : undefined
if (loaded) {
  const { checks, calls, chaos } = loaded
  terminal.table(calls.tools)
  terminal.table(calls.others)
  terminal.table({ times: chaos })
  for (const check of checks) {
    say(
      `${check.ok ? 'ok  ' : 'FAIL'} ${check.name}: ${check.found}${check.ok ? '' : ` (expected: ${check.expected})`}`,
    )
  }
  const failed = checks.filter((check) => !check.ok).length
  say(`seed ${seed}: ${checks.length - failed} passed, ${failed} failed`)
  ok &&= failed === 0
}

if (values.json) {
  const report = { node: process.version, at: new Date().toISOString(), ok, model, load: loaded }
  writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
}
process.exitCode = ok ? 0 : 1
