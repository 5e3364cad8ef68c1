import { resolve } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, test, vi } from 'vitest'
import { isAlive, serve } from '../support/serve.ts'

/** A server and a client that others wrote, with the product between them as a user runs it. */

const everything = resolve(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
)

test('1,000 calls by 8 clients of the MCP SDK reach server-everything through no more processes than the limit, and nothing is left', async () => {
  const served = await serve({
    config: {
      mcpServers: { everything: { command: process.execPath, args: [everything], pool: { maxConnections: 4 } } },
    },
  })
  const pids = new Set<number>()
  const clients = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const client = new Client({ name: `client-${i}`, version: '1.0.0' })
      const url = new URL(served.ready.mcp.everything ?? '')
      await client.connect(
        new StreamableHTTPClientTransport(url, {
          requestInit: { headers: { Authorization: `Bearer ${served.ready.token}` } },
        }),
      )
      return client
    }),
  )
  await Promise.all(
    clients.map(async (client, i) => {
      for (let call = 0; call < 125; call++) {
        const message = `${i}:${call}`
        const result = await client.callTool({ name: 'echo', arguments: { message } })
        expect(result.content).toEqual([{ type: 'text', text: `Echo: ${message}` }])
      }
    }),
  )
  const snapshot = await served.command('snapshot.get', {})
  const pool = snapshot.upstreams[0]?.pool
  for (const { pid } of snapshot.upstreams[0]?.connections ?? []) if (pid) pids.add(pid)
  expect(pool?.opened).toBeLessThanOrEqual(4)
  expect(pool).toMatchObject({ dead: 0, leased: 0, waiting: 0 })
  expect(pool?.acquires).toBe(
    (pool?.granted ?? 0) + (pool?.timedOut ?? 0) + (pool?.aborted ?? 0) + (pool?.rejected ?? 0),
  )
  expect(snapshot.gateway.sessions).toBe(8)

  await Promise.all(clients.map((client) => client.close()))
  expect(await served.stop()).toEqual({ code: 0, signal: null })
  await vi.waitFor(() => expect([...pids].filter(isAlive)).toEqual([]), 1_000)
})

test('progress and log messages of server-everything reach the SDK client before the result', async () => {
  const served = await serve({
    config: { mcpServers: { everything: { command: process.execPath, args: [everything] } } },
  })
  const client = new Client({ name: 'client', version: '1.0.0' })
  const url = new URL(served.ready.mcp.everything ?? '')
  await client.connect(
    new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { Authorization: `Bearer ${served.ready.token}` } },
    }),
  )
  const { tools } = await client.listTools()
  expect(tools.length).toBeGreaterThan(5)
  const progress: number[] = []
  const name = tools.find((tool) => /longRunning|long-running/i.test(tool.name))?.name ?? ''
  await client.callTool({ name, arguments: { duration: 0.6, steps: 3 } }, undefined, {
    onprogress: (note) => progress.push(note.progress),
  })
  expect(progress).toEqual([1, 2, 3])
  await client.close()
  await served.stop()
})
