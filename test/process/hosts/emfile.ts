/** Uses up its file descriptors, tries to spawn, frees them, spawns again; prints what happened. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { systemClock } from '../../../electron/kit/clock.ts'
import { spawnTree } from '../../../electron/process/spawn.ts'

const uncaught: string[] = []
process.on('uncaughtException', (error) => uncaught.push(String(error)))
process.on('unhandledRejection', (error) => uncaught.push(String(error)))

const spec = { command: process.execPath, args: ['-e', '0'], env: {} }
const held: number[] = []
try {
  for (;;) held.push(openSync('/dev/null', 'r'))
} catch {
  // None is left.
}
const tree = spawnTree(spec, { clock: systemClock })
const { error } = await tree.exited
const outcome = await tree.terminate('gentle')
for (const fd of held) closeSync(fd)

const next = spawnTree(spec, { clock: systemClock })
const { code } = await next.exited
await next.terminate('gentle')
writeSync(1, JSON.stringify({ error: error?.code, outcome, uncaught, afterwards: code }))
