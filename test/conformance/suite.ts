import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'

export const revisions = ['2025-11-25', '2026-07-28'] as const
export type Revision = (typeof revisions)[number]

/** One assertion of a scenario, as the suite writes it. INFO is neither good nor bad. */
export interface Check {
  id: string
  /** Tells checks with one id apart. */
  name: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string
}

/** What each scenario found, by its name. */
export type Findings = Map<string, Check[]>

export const suite = resolve(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js')

/** All scenarios of a revision take two seconds; each has its own deadline within. */
const timeoutMs = 180_000

/**
 * Runs the public suite's command line against a server.
 * @param only one scenario; default: every one that applies to the revision
 */
export async function runSuite(url: string, revision: Revision, only?: string): Promise<Findings> {
  const dir = await mkdtemp(join(tmpdir(), 'poolscope-conformance-'))
  try {
    const which = only === undefined ? ['--suite', 'all'] : ['--scenario', only]
    const args = ['server', '--url', url, ...which, '--spec-version', revision, '-o', dir]
    const child = spawn(process.execPath, [suite, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const findings = await readFindings(dir)
    if (findings.size === 0) throw new Error(`The conformance suite found nothing:\n${stdout}\n${stderr}`)
    return findings
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** The suite writes server-<scenario>-<time>/checks.json. */
async function readFindings(dir: string): Promise<Findings> {
  const findings: Findings = new Map()
  for (const folder of await readdir(dir)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(folder)?.[1]
    if (scenario === undefined) continue
    findings.set(scenario, JSON.parse(await readFile(join(dir, folder, 'checks.json'), 'utf8')) as Check[])
  }
  return findings
}
