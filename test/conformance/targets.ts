import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Isolation } from '../../shared/config.ts'
import { serve } from '../support/serve.ts'
import type { ServerEra } from './excuses.ts'

const fixture = resolve(import.meta.dirname, 'fixture/server.ts')

/** Runs the fixture over HTTP while `use` runs. */
export async function withFixture<T>(use: (url: string) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [fixture, 'http'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  try {
    for await (const line of createInterface(child.stdout)) return await use(line)
    throw new Error('The fixture ended before it listened')
  } finally {
    child.kill()
    await ended
  }
}

/** Runs the built gateway in front of the fixture while `use` runs. */
export async function withGateway<T>(
  era: ServerEra,
  isolation: Isolation,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const entry = { command: process.execPath, args: [fixture, 'stdio', '--era', era], isolation }
  const served = await serve({
    config: { mcpServers: { fixture: entry } },
    args: ['--port', '0', '--auth', 'none', '--log-level', 'error'],
  })
  try {
    return await use(served.ready.mcp.fixture ?? '')
  } finally {
    await served.stop()
  }
}
