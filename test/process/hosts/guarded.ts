/**
 * A host in a process of its own: guards what it starts and waits to be killed. Arguments: stateDir, then what to start,
 * each `fixture:arg:arg`. With --close it stops everything in order and leaves, with --die it is killed in the very tick
 * in which it spawned. Prints {host, watchdog, roots}.
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../electron/kit/clock.ts'
import { silentLogger } from '../../../electron/kit/logger.ts'
import { ProcessGuard } from '../../../electron/process/guard.ts'
import { spawnTree } from '../../../electron/process/spawn.ts'
import { type ChildName, childSpec } from '../../fixtures/children/index.ts'

const [stateDir = '', ...rest] = process.argv.slice(2)
const closes = rest.includes('--close')
const dies = rest.includes('--die')
const watchdogScript = join(import.meta.dirname, '../../../electron/process/watchdog.ts')
const guard = await ProcessGuard.start({ stateDir, watchdogScript, logger: silentLogger })
const trees = rest
  .filter((argument) => !argument.startsWith('--'))
  .map((argument) => argument.split(':'))
  .map(([name, ...args]) => spawnTree(childSpec(name as ChildName, args), { clock: systemClock, guard }))

writeSync(
  1,
  `${JSON.stringify({ host: process.pid, watchdog: guard.watchdogPid, roots: trees.map(({ pid }) => pid) })}\n`,
)
if (dies) process.kill(process.pid, 'SIGKILL')
if (closes) {
  await Promise.all(trees.map((tree) => tree.terminate('kill')))
  await guard.close()
} else {
  // Stderr of the children tells the test what they are up to.
  for (const tree of trees) tree.stderr.onLine(({ text }) => writeSync(1, `${text}\n`))
  setInterval(() => {}, 1_000_000)
}
