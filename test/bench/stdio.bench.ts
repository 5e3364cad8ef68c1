/**
 * A stdio round trip through ChildTree beside a bare pipe of node:child_process, at 1, 8 and 32 in flight: what framing,
 * the write cap and the rest of the tree add. Ratios within a round, medians over the rounds: the machine is noisy.
 *
 *   node test/bench/stdio.bench.ts [--json FILE] [--rounds 9] [--ms 400]
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemClock } from '../../electron/kit/clock.ts'
import { spawnTree } from '../../electron/process/spawn.ts'

/** Sends lines to a child that sends them back. */
interface Pipe {
  write(line: string): void
  onLine: () => void
  close(): Promise<unknown>
}

const echo = ['-e', 'process.stdin.pipe(process.stdout)']
const env = { PATH: process.env.PATH ?? '' }

function barePipe(): Pipe {
  // Detached as the tree's child is: Linux shares a busy machine out among sessions (autogroup), and one in the parent's
  // own session would be woken up to ten times sooner.
  const child = spawn(process.execPath, echo, { env, stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const pipe: Pipe = {
    write: (line) => void child.stdin.write(`${line}\n`),
    onLine: () => {},
    close: () => new Promise((resolve) => child.once('exit', resolve).kill('SIGKILL')),
  }
  let rest = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const _ of lines) pipe.onLine()
  })
  return pipe
}

function childTree(): Pipe {
  const tree = spawnTree({ command: process.execPath, args: echo, env }, { clock: systemClock })
  const pipe: Pipe = {
    write: (line) => tree.write(line),
    onLine: () => {},
    close: () => tree.terminate('kill'),
  }
  tree.onLine = () => pipe.onLine()
  return pipe
}

interface Measured {
  callsPerSecond: number
  cpuMicrosPerCall: number
}

/** Keeps `inFlight` calls of 64 bytes under way for `ms`; each answer resolves a promise that sends the next. */
async function measure(pipe: Pipe, inFlight: number, ms: number): Promise<Measured> {
  const waiting: (() => void)[] = []
  pipe.onLine = () => waiting.shift()?.()
  const line = JSON.stringify({ jsonrpc: '2.0', id: 123456, method: 'tools/call', params: {} }).padEnd(63)
  let calls = 0
  let end = Number.POSITIVE_INFINITY
  const loop = async () => {
    while (performance.now() < end) {
      pipe.write(line)
      await new Promise<void>((resolve) => waiting.push(resolve))
      calls++
    }
  }
  const start = performance.now()
  const cpu = process.cpuUsage()
  end = start + ms
  await Promise.all(Array.from({ length: inFlight }, loop))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { callsPerSecond: calls / seconds, cpuMicrosPerCall: (user + system) / calls }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '400' },
  },
})
const rounds = Number(values.rounds)
const ms = Number(values.ms)

const bare = barePipe()
const tree = childTree()
const rows = []
for (const inFlight of [1, 8, 32]) {
  await measure(bare, inFlight, ms)
  await measure(tree, inFlight, ms)
  const pairs: { bare: Measured; tree: Measured }[] = []
  for (let round = 0; round < rounds; round++) {
    // Takes turns at going first.
    const first = round % 2 === 0 ? await measure(bare, inFlight, ms) : await measure(tree, inFlight, ms)
    const second = round % 2 === 0 ? await measure(tree, inFlight, ms) : await measure(bare, inFlight, ms)
    pairs.push(round % 2 === 0 ? { bare: first, tree: second } : { bare: second, tree: first })
  }
  const of = (which: 'bare' | 'tree', figure: keyof Measured) => median(pairs.map((pair) => pair[which][figure]))
  rows.push({
    inFlight,
    bareCallsPerSecond: Math.round(of('bare', 'callsPerSecond')),
    treeCallsPerSecond: Math.round(of('tree', 'callsPerSecond')),
    bareCpuMicros: Number(of('bare', 'cpuMicrosPerCall').toFixed(2)),
    treeCpuMicros: Number(of('tree', 'cpuMicrosPerCall').toFixed(2)),
    speedRatio: Number(median(pairs.map((pair) => pair.tree.callsPerSecond / pair.bare.callsPerSecond)).toFixed(2)),
    cpuRatio: Number(median(pairs.map((pair) => pair.tree.cpuMicrosPerCall / pair.bare.cpuMicrosPerCall)).toFixed(2)),
  })
}
await bare.close()
await tree.close()

process.stdout.write(
  'in flight | calls/s bare | calls/s tree | CPU us/call bare | CPU us/call tree | speed tree/bare | CPU tree/bare\n',
)
for (const row of rows) process.stdout.write(`${Object.values(row).join(' | ')}\n`)
if (values.json) writeFileSync(values.json, `${JSON.stringify({ node: process.version, rounds, ms, rows }, null, 2)}\n`)
