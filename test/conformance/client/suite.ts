import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Check, suite } from '../suite.ts'
import type { ClientRevision } from './scenarios.ts'

export interface ClientRun {
  checks: Check[]
  /** The suite found fault with it, or with how the client ended. */
  failed: boolean
  /** What the client said. */
  output: string
}

const program = resolve(import.meta.dirname, 'program.ts')
/** Of one client, its host included, on a busy machine. */
const clientTimeoutMs = 60_000

/** One scenario of the public suite with our program as the client. */
export async function runClientScenario(
  scenario: string,
  revision: ClientRevision,
  how: { subject: 'host' | 'sdk'; client: 'legacy' | 'modern' },
): Promise<ClientRun> {
  const dir = await mkdtemp(join(tmpdir(), 'poolscope-conformance-'))
  try {
    const command = `"${process.execPath}" "${program}" --subject ${how.subject} --client ${how.client}`
    const which = ['--scenario', scenario, '--spec-version', revision]
    const limits = ['--timeout', String(clientTimeoutMs), '-o', dir]
    const child = spawn(process.execPath, [suite, 'client', '--command', command, ...which, ...limits], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 2 * clientTimeoutMs,
      killSignal: 'SIGKILL',
    })
    const [, output, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const files = await readdir(dir, { recursive: true })
    const file = files.find((name) => name.endsWith('checks.json'))
    const checks = file === undefined ? [] : (JSON.parse(await readFile(join(dir, file), 'utf8')) as Check[])
    return { checks, failed: code !== 0, output }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Names of the scenarios for clients that the suite has. */
export async function listClientScenarios(): Promise<string[]> {
  const child = spawn(process.execPath, [suite, 'list', '--client'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = (await text(child.stdout)).split('\n')
  return lines.flatMap((line) => /^ {2}- (\S+)/.exec(line)?.[1] ?? [])
}
