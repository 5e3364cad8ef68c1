/**
 * What `npm run bench:pool` runs, one after the other, so that they don't measure each other:
 *
 *     node test/bench/main.ts [--json FILE] [--against FILE] [--quick]
 *
 * `--json` keeps every figure; `--against` compares the ratios with those of an earlier file (see compare.ts) and fails
 * when one is worse. `--quick` shows that everything runs; its figures mean little.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compare, printComparison } from './compare.ts'

const { values } = parseArgs({
  options: { json: { type: 'string' }, against: { type: 'string' }, quick: { type: 'boolean', default: false } },
})

const benches = [
  { name: 'pool', quick: ['--ms', '50', '--rounds', '1'] },
  { name: 'stdio', quick: ['--ms', '50', '--rounds', '1'] },
  { name: 'prespawn', quick: ['--rounds', '1', '--calls', '4'] },
] as const

const folder = mkdtempSync(join(tmpdir(), 'poolscope-bench-'))
const report: Record<string, unknown> = {
  node: process.version,
  at: new Date().toISOString(),
  cores: availableParallelism(),
}
try {
  for (const { name, quick } of benches) {
    const json = join(folder, `${name}.json`)
    process.stdout.write(`\n${name}\n`)
    const args = [join(import.meta.dirname, `${name}.bench.ts`), '--json', json, ...(values.quick ? quick : [])]
    const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit')) as [number | null]
    if (code !== 0) throw new Error(`${name}.bench.ts ended with ${code}`)
    report[name] = JSON.parse(readFileSync(json, 'utf8'))
  }
} finally {
  rmSync(folder, { recursive: true })
}

if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
if (values.against !== undefined) {
  const changes = compare(JSON.parse(readFileSync(values.against, 'utf8')), report)
  if (!printComparison(changes)) process.exitCode = 1
}
