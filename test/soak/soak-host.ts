import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { CommandArg, CommandName, CommandReply, CommandResult } from '../../shared/contract.ts'
import { markName } from './processes.ts'

/** What probe.mjs tells of the inside of the host. */
export interface Measurement {
  heapUsed: number
  external: number
  arrayBuffers: number
  rss: number
  objects: Record<string, number>
  resources: Record<string, number>
  descriptors: Record<string, number> | null
}

export const breaks = ['listener', 'timer', 'descriptor', 'process'] as const
export type Break = (typeof breaks)[number]

type Question = { do: 'measure' } | { do: 'heap-snapshot'; file: string } | { do: 'break'; what: Break }

export interface SoakHost {
  readonly pid: number
  readonly url: string
  readonly token: string
  readonly metrics: string
  mcp(upstream: string): string
  stderr(): string
  /** @throws the typed error of a command that failed */
  command<N extends CommandName>(name: N, arg: CommandArg<N>): Promise<CommandResult<N>>
  measure(): Promise<Measurement>
  heapSnapshot(file: string): Promise<void>
  breakOnPurpose(what: Break): Promise<void>
  /** SIGTERM. */
  stop(): Promise<{ code: number | null; signal: string | null; ms: number }>
  /** For a run that has gone wrong: nothing of it may be left. */
  kill(): void
}

const root = resolve(import.meta.dirname, '../..')

/** The built `serve` under plain Node, with the probe in it. */
export async function startHost(options: {
  config: unknown
  mark: string
  cli?: string | undefined
}): Promise<SoakHost> {
  const dir = await mkdtemp(join(tmpdir(), 'poolscope-soak-'))
  const config = join(dir, 'servers.json')
  await writeFile(config, JSON.stringify(options.config, null, 2))
  const child = spawn(
    process.execPath,
    [
      '--expose-gc',
      '--disable-warning=ExperimentalWarning',
      '--import',
      join(import.meta.dirname, 'probe.mjs'),
      options.cli ?? join(root, 'out/cli/cli.js'),
      ...['serve', '--port', '0', '--user-data-dir', dir, '--config', config],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production', [markName]: options.mark },
    },
  )
  const { pid } = child
  if (pid === undefined) throw new Error('serve did not start')
  const ended = once(child, 'close') as Promise<[number | null, string | null]>
  void ended.then(() => rm(dir, { recursive: true, force: true }))
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const ready = await Promise.race([
    readyLine(child),
    ended.then(([code]) => Promise.reject(new Error(`serve ended with ${code}: ${stderr}`))),
  ])
  const ask = questions(child)

  return {
    pid,
    ...ready,
    mcp: (upstream) => `${ready.url}/mcp/${upstream}`,
    stderr: () => stderr,
    async command(name, arg) {
      const response = await fetch(`${ready.url}/api/commands/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${ready.token}` },
        body: JSON.stringify(arg),
      })
      const reply = (await response.json()) as CommandReply
      if (!reply.ok) throw Object.assign(new Error(reply.error.message), reply.error)
      return reply.result as never
    },
    measure: () => ask({ do: 'measure' }) as Promise<Measurement>,
    heapSnapshot: async (file) => void (await ask({ do: 'heap-snapshot', file })),
    breakOnPurpose: async (what) => void (await ask({ do: 'break', what })),
    async stop() {
      const started = performance.now()
      child.kill('SIGTERM')
      const [code, signal] = await ended
      return { code, signal, ms: Math.round(performance.now() - started) }
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function readyLine(child: ChildProcess): Promise<{ url: string; token: string; metrics: string }> {
  let stdout = ''
  return new Promise((found) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
      const end = stdout.indexOf('\n')
      if (end >= 0) found(JSON.parse(stdout.slice(0, end)))
    })
  })
}

function questions(child: ChildProcess): (question: Question) => Promise<unknown> {
  const asked = new Map<number, (answer: unknown) => void>()
  child.on('message', (message: { id: number; answer: unknown }) => {
    asked.get(message.id)?.(message.answer)
    asked.delete(message.id)
  })
  let id = 0
  return (question) =>
    new Promise((answered) => {
      asked.set(++id, answered)
      child.send({ id, ...question })
    })
}
