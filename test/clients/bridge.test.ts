import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { expect, onTestFinished, test, vi } from 'vitest'
import { children } from '../fixtures/children/index.ts'
import { cli, isAlive, type Served, serve, temporaryDir } from '../support/serve.ts'

const config = (pool = {}) => ({
  mcpServers: { 'my echo': { command: process.execPath, args: [children.echo], pool: { maxConnections: 2, ...pool } } },
})

/** A client of the SDK that knows only stdio, with `poolscope bridge` for its server. */
async function connect(args: string[], mode: 'legacy' | 'auto' = 'legacy') {
  const client = new Client({ name: 'stdio only', version: '1.0.0' }, { versionNegotiation: { mode } })
  const transport = new StdioClientTransport({ command: process.execPath, args: [cli, 'bridge', ...args] })
  await client.connect(transport)
  onTestFinished(() => client.close())
  return { client, pid: transport.pid ?? 0 }
}

async function started(options: Parameters<typeof serve>[0]): Promise<Served> {
  const served = await serve(options)
  onTestFinished(async () => void (served.process.exitCode === null && (await served.stop())))
  return served
}

const echo = async (client: Client, text: string) => {
  const { content } = (await client.callTool({ name: 'echo', arguments: { text } })) as { content: { text: string }[] }
  return content[0]?.text
}

const childrenOf = (pid: number) =>
  readdirSync('/proc').filter((entry) => {
    try {
      return (
        /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === `${pid}`
      )
    } catch {
      return false // gone meanwhile
    }
  })

test.each(['legacy', 'auto'] as const)(
  'a client that takes only stdio (%s) reaches the pool, and leaves no session and no process behind',
  async (mode) => {
    const served = await started({ config: config() })
    const { client, pid } = await connect(['--user-data-dir', served.dir, 'my echo'], mode)
    expect(client.getServerVersion()).toMatchObject({ name: 'fixture' })
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo')
    expect(await echo(client, 'grüße 数')).toBe('grüße 数')
    if (process.platform === 'linux') expect(childrenOf(pid)).toEqual([])
    await client.close()
    expect(isAlive(pid)).toBe(false)
    await vi.waitFor(async () => expect((await served.command('snapshot.get', {})).gateway.sessions).toBe(0))
  },
)

test('what the host says about Claude Desktop starts a server that works', async () => {
  const served = await started({ config: config() })
  const { snippets } = await served.command('client.connect', { upstream: 'my echo' })
  const text = snippets.find(({ client }) => client === 'Claude Desktop')?.text ?? ''
  const { command, args, env } = JSON.parse(text).mcpServers['my echo']
  const client = new Client({ name: 'desktop', version: '1.0.0' })
  // Desktop clients start with little in their environment.
  const transport = new StdioClientTransport({ command, args, env: { ...env } })
  await client.connect(transport)
  onTestFinished(() => client.close())
  expect(await echo(client, 'hello')).toBe('hello')
  expect(text).not.toContain(served.ready.token)
})

test('several bridges share the processes of one pool', async () => {
  const served = await started({ config: config() })
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => connect(['--user-data-dir', served.dir, 'my echo'])),
  )
  await Promise.all(
    clients.map(async ({ client }, c) => {
      for (let i = 0; i < 20; i++) expect(await echo(client, `${c}:${i}`)).toBe(`${c}:${i}`)
    }),
  )
  expect((await served.command('snapshot.get', {})).upstreams[0]?.pool.opened).toBeLessThanOrEqual(2)
})

test('a host that was restarted, at another port, is found again; until then calls fail with the reason', async () => {
  const dir = await temporaryDir()
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const first = await started({ dir, config: config() })
  const { client } = await connect(['--user-data-dir', dir, 'my echo'])
  expect(await echo(client, 'before')).toBe('before')
  await first.stop()
  await expect(echo(client, 'meanwhile')).rejects.toThrow(/Poolscope is not running/)
  await started({ dir, config: config() })
  expect(await echo(client, 'after')).toBe('after')
})

test('an upstream that is not there, and a wrong token, are errors with a reason', async () => {
  const served = await started({ config: config() })
  await expect(connect(['--user-data-dir', served.dir, 'nobody'])).rejects.toThrow(/no upstream "nobody"/)
  const wrong = ['--url', served.ready.url, '--token', 'wrong', 'my echo']
  await expect(connect(wrong)).rejects.toThrow(/Unauthorized/)
  const right = await connect(['--url', served.ready.url, '--token', served.ready.token, 'my echo'])
  expect(await echo(right.client, 'x')).toBe('x')
})
