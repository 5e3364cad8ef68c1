import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, type Served, serve } from '../support/serve.ts'

/** The MCP Inspector's command line, as its users run it: it has its own client, with its own ways. */

const root = resolve(import.meta.dirname, '../..')
const inspector = join(root, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js')
const fixture = join(root, 'test/conformance/fixture/server.ts')
const entry = (era: string) => ({ command: process.execPath, args: [fixture, 'stdio', '--era', era] })

let served: Served
let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'poolscope-inspector-'))
  served = await serve({ config: { mcpServers: { legacy: entry('legacy'), modern: entry('modern') } } })
})
afterAll(async () => {
  await served.stop()
  await rm(home, { recursive: true, force: true })
})

async function inspect(...args: string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [inspector, '--cli', ...args, '--format', 'json', '--stored-auth-only'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: home, USERPROFILE: home },
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const line = stdout.trim() || stderr.trim()
  return JSON.parse(line) as Record<string, unknown>
}

const http = (era: string) => [
  served.ready.mcp[era] ?? '',
  ...['--transport', 'http', '--header', `Authorization: Bearer ${served.ready.token}`],
]

describe.each(['legacy', 'modern'])('before a %s server', (era) => {
  test.each(['legacy', 'modern', 'auto'])(
    'speaking %s it lists tools, calls one, reads and prompts',
    async (speaks) => {
      const target = [...http(era), '--protocol-era', speaks, '--method']
      const [list, call, read, prompt] = await Promise.all([
        inspect(...target, 'tools/list'),
        inspect(...target, 'tools/call', '--tool-name', 'test_simple_text'),
        inspect(...target, 'resources/read', '--uri', 'test://static-text'),
        inspect(
          ...target,
          'prompts/get',
          '--prompt-name',
          'test_prompt_with_arguments',
          '--prompt-args',
          'arg1=a',
          'arg2=b',
        ),
      ])
      expect(JSON.stringify(list)).toContain('json_schema_2020_12_tool')
      expect(call).toMatchObject({ result: { content: [{ text: 'This is a simple text response for testing.' }] } })
      expect(JSON.stringify(read)).toContain('content of the static text resource')
      expect(JSON.stringify(prompt)).toContain("arg1='a', arg2='b'")
    },
  )

  test('it reaches the pool through the bridge, as a server on stdio', async () => {
    const bridge = [process.execPath, cli, 'bridge', '--user-data-dir', served.dir, era]
    const answer = await inspect(...bridge, '--method', 'tools/call', '--tool-name', 'test_simple_text')
    expect(answer).toMatchObject({ result: { content: [{ text: 'This is a simple text response for testing.' }] } })
  })
})

test('without the token it is told so', async () => {
  const answer = await inspect(served.ready.mcp.legacy ?? '', '--transport', 'http', '--method', 'tools/list')
  expect(JSON.stringify(answer.error)).toMatch(/auth|401/i)
})
