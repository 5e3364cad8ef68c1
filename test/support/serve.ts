import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { CommandArg, CommandName, CommandReply, CommandResult, Frame } from '../../shared/contract.ts'

export const cli = resolve(import.meta.dirname, '../../out/cli/cli.js')

export interface ReadyLine {
  ready: true
  url: string
  dashboard: string
  mcp: Record<string, string>
  metrics: string
  token: string
}

export interface Served {
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  readonly ready: ReadyLine
  readonly dir: string
  stdout(): string
  stderr(): string
  /** @throws with the typed error when the command fails */
  command<N extends CommandName>(name: N, arg: CommandArg<N>): Promise<CommandResult<N>>
  reply(name: string, arg: unknown, headers?: Record<string, string>): Promise<{ status: number; reply: CommandReply }>
  frames(signal: AbortSignal): AsyncGenerator<Frame>
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export async function temporaryDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'poolscope-serve-'))
}

/** The end of a `serve` that is expected not to start. */
export async function serveFailing(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [cli, 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const text = collect(child)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout: text.stdout(), stderr: text.stderr() }
}

/** The built command line, as a user runs it: own user-data folder, own port. */
export async function serve(
  options: { config?: unknown; args?: string[]; dir?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Served> {
  const dir = options.dir ?? (await temporaryDir())
  const args = ['serve', '--user-data-dir', dir, ...(options.args ?? ['--port', '0'])]
  if (options.config !== undefined) {
    const file = join(dir, 'servers.json')
    await writeFile(file, typeof options.config === 'string' ? options.config : JSON.stringify(options.config))
    args.push('--config', file)
  }
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: options.env ?? process.env,
  })
  const text = collect(child)
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const ready = await new Promise<ReadyLine>((resolveReady, reject) => {
    child.stdout.on('data', () => {
      const end = text.stdout().indexOf('\n')
      if (end >= 0) resolveReady(JSON.parse(text.stdout().slice(0, end)) as ReadyLine)
    })
    void ended.then(([code]) => reject(new Error(`serve ended with ${code}: ${text.stderr()}`)))
  })
  const authorized = { Authorization: `Bearer ${ready.token}` }

  const reply = async (name: string, arg: unknown, headers: Record<string, string> = authorized) => {
    const response = await fetch(`${ready.url}/api/commands/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof arg === 'string' ? arg : JSON.stringify(arg),
    })
    return { status: response.status, reply: (await response.json()) as CommandReply }
  }

  return {
    process: child,
    ready,
    dir,
    ...text,
    reply,
    async command(name, arg) {
      const { reply: answer } = await reply(name, arg)
      if (!answer.ok) throw Object.assign(new Error(answer.error.message), answer.error)
      return answer.result as never
    },
    async *frames(signal) {
      const response = await fetch(`${ready.url}/api/frames`, { headers: authorized, signal })
      let buffered = ''
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const events = (buffered + chunk).split('\n\n')
        buffered = events.pop() ?? ''
        for (const event of events) if (event.startsWith('data: ')) yield JSON.parse(event.slice(6)) as Frame
      }
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const [code, endedBy] = await ended
      if (!options.dir) await rm(dir, { recursive: true, force: true })
      return { code, signal: endedBy }
    },
  }
}

function collect(child: { stdout: Readable; stderr: Readable }) {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  return { stdout: () => stdout, stderr: () => stderr }
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
