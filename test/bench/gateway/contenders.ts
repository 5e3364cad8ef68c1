import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { cli } from '../../support/serve.ts'
import type { BenchEra } from './client.ts'
import { ourMultiplexName, ourName } from './figures.ts'
import { installPeers } from './peers.ts'

/** Something that answers MCP over HTTP, running. */
export interface Contender {
  name: string
  url: string
  headers: Record<string, string>
  pid: number
  eras: readonly BenchEra[]
  /** Processes of the upstream that it has started so far. */
  started(): number
  stop(): Promise<void>
}

const programs = resolve(import.meta.dirname, 'programs')
const echo = join(programs, 'echo.mjs')
const bothEras = ['legacy', 'modern'] as const

const startTimeoutMs = 20_000
const stopTimeoutMs = 5_000

interface Start {
  name: string
  eras?: readonly BenchEra[]
  /** @param dir a folder of its own, @param port a free one, for those that can't find one by themselves */
  args(dir: string, port: number): string[]
  /** Reads where it listens from its first line; default: at /mcp of the given port, as soon as that is open. */
  ready?(line: string): { url: string; headers?: Record<string, string> }
}

const own: Start[] = [
  { name: 'bare node:http', args: () => [join(programs, 'bare-echo.mjs')], ready: (url) => ({ url }) },
  { name: 'minimal relay', args: () => [join(programs, 'minimal-relay.mjs'), echo], ready: (url) => ({ url }) },
  {
    name: 'exclusive relay',
    args: () => [join(programs, 'exclusive-relay.mjs'), '4', echo],
    ready: (url) => ({ url }),
  },
  poolscope(ourName, {}),
  poolscope(ourMultiplexName, { isolation: 'multiplex', pool: { maxInFlight: 32 } }),
]

function poolscope(name: string, settings: object): Start {
  return {
    name,
    args(dir) {
      const config = join(dir, 'servers.json')
      const server = { command: process.execPath, args: [echo], ...settings }
      writeFileSync(config, JSON.stringify({ mcpServers: { echo: server } }))
      return [cli, 'serve', '--config', config, '--port', '0', '--user-data-dir', dir, '--log-level', 'error']
    },
    ready(line) {
      const { mcp, token } = JSON.parse(line) as { mcp: { echo: string }; token: string }
      return { url: mcp.echo, headers: { Authorization: `Bearer ${token}` } }
    },
  }
}

/** @returns those that could be installed; the reason goes to stderr */
function others(): Start[] {
  const peers = installPeers()
  if ('why' in peers) {
    process.stderr.write(`Without the peers: ${peers.why}\n`)
    return []
  }
  const command = `${process.execPath} ${echo}`
  const http = ['--outputTransport', 'streamableHttp', '--logLevel', 'none']
  return [
    {
      name: 'mcp-proxy',
      args: (_, port) => [peers.mcpProxy, '--host', '127.0.0.1', '--port', `${port}`, '--', process.execPath, echo],
    },
    { name: 'supergateway', args: (_, port) => [peers.supergateway, '--stdio', command, ...http, '--port', `${port}`] },
    {
      name: 'supergateway --stateful',
      eras: ['legacy'],
      args: (_, port) => [peers.supergateway, '--stdio', command, ...http, '--stateful', '--port', `${port}`],
    },
  ]
}

export async function startContenders(withPeers: boolean): Promise<Contender[]> {
  const running: Contender[] = []
  try {
    for (const start of [...own, ...(withPeers ? others() : [])]) running.push(await startOne(start))
  } catch (error) {
    await Promise.all(running.map((each) => each.stop()))
    throw error
  }
  return running
}

async function startOne({ name, eras = bothEras, args, ready }: Start): Promise<Contender> {
  const dir = mkdtempSync(join(tmpdir(), 'poolscope-bench-'))
  const starts = join(dir, 'starts')
  const port = await freePort()
  const child = spawn(process.execPath, args(dir, port), {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, BENCH_STARTS: starts },
    // A group of its own: peers that are stopped may leave their children behind.
    detached: process.platform !== 'win32',
  })
  const stop = async () => {
    await end(child)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const where = ready ? ready(await firstLine(child.stdout)) : await whenOpen(port)
    child.stdout.resume()
    const started = () => (existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').length - 1 : 0)
    return { name, eras, headers: {}, ...where, pid: child.pid ?? 0, started, stop }
  } catch (error) {
    await stop()
    throw new Error(`${name} did not start`, { cause: error })
  }
}

async function firstLine(stdout: Readable): Promise<string> {
  const [line] = (await once(createInterface(stdout), 'line', { signal: AbortSignal.timeout(startTimeoutMs) })) as [
    string,
  ]
  return line
}

async function whenOpen(port: number): Promise<{ url: string }> {
  const url = `http://127.0.0.1:${port}/mcp`
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    try {
      await (await fetch(url, { method: 'OPTIONS' })).text()
      return { url }
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(100)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await Promise.race([exited, delay(stopTimeoutMs, undefined, { ref: false })])
  }
  try {
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Nobody is left in its group.
  }
}
