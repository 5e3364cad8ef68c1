import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

export const root = resolve(import.meta.dirname, '../../..')
export const builtCli = join(root, 'out/cli/cli.js')

export interface ReadyLine {
  ready: true
  url: string
  dashboard: string
  mcp: Record<string, string>
  metrics: string
  token: string
}

export interface Serving {
  process: ChildProcess
  pid: number
  ready: ReadyLine
  stdout: string[]
  stderr(): string
  /** How it ended: the exit code, or the signal's name. */
  ended: Promise<number | NodeJS.Signals | null>
  /** Sends a signal and waits for the end. @returns the exit code, or the signal's name */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
}

/** Starts a program that ends up serving, and waits for its ready line. @throws Error with its stderr when it ends before */
export async function startServing(command: string, args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const ready = await new Promise<ReadyLine>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      stdout.push(line)
      if (line.startsWith('{"ready":true')) resolve(JSON.parse(line) as ReadyLine)
    })
    exited.then(([code]) => reject(new Error(`ended with ${code} before it was ready:\n${stderr}`)), reject)
  })
  const serving: Serving = {
    process: child,
    pid: child.pid ?? 0,
    ready,
    stdout,
    stderr: () => stderr,
    ended: exited.then(([code, signal]) => code ?? signal),
    end(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return serving.ended
    },
  }
  return serving
}

export const serve = (args: readonly string[]) => startServing(process.execPath, [builtCli, 'serve', ...args])
