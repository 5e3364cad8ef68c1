import { fileURLToPath } from 'node:url'
import * as v2 from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { LoggingMessageNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { UpstreamConfig } from '../../shared/config.ts'
import { childUpstream } from '../fixtures/children/index.ts'
import { isFree, startReal } from './support/real.ts'

type Content = { text: string }[]

/** What the tests need of an SDK client, whichever generation it is. */
interface SdkClient {
  call(
    name: string,
    args?: Record<string, unknown>,
    options?: { onprogress?: (step: { progress: number }) => void; signal?: AbortSignal },
  ): Promise<{ content: Content; isError?: boolean }>
  tools(): Promise<string[]>
  setLogLevel(level: 'debug' | 'error'): Promise<unknown>
  onLog(listener: (data: unknown) => void): void
  onToolsChanged(listener: () => void): Promise<unknown>
  serverVersion(): { name: string; version: string } | undefined
  ping(): Promise<unknown>
  close(): Promise<void>
}

const info = { name: 'sdk-test', version: '1.0.0' }

async function connectV1(endpoint: string, token?: string): Promise<SdkClient> {
  const client = new ClientV1(info)
  const transport = new TransportV1(new URL(endpoint), {
    ...(token && { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
  })
  // The SDK types its optional sessionId in a way that exactOptionalPropertyTypes-free code does not mind.
  await client.connect(transport as Parameters<typeof client.connect>[0])
  return {
    call: async (name, args = {}, options) =>
      (await client.callTool({ name, arguments: args }, undefined, options)) as { content: Content; isError?: boolean },
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    setLogLevel: (level) => client.setLoggingLevel(level),
    onLog: (listener) =>
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => listener(params.data)),
    onToolsChanged: async (listener) =>
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => listener()),
    serverVersion: () => client.getServerVersion(),
    ping: () => client.ping(),
    close: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

const connectV2 =
  (mode: 'legacy' | 'auto') =>
  async (endpoint: string, token?: string): Promise<SdkClient> => {
    const client = new v2.Client(info, { versionNegotiation: { mode } })
    const transport = new v2.StreamableHTTPClientTransport(new URL(endpoint), {
      ...(token && { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
    })
    await client.connect(transport)
    // The modern era has neither pings nor a level that is set once: it goes with each request.
    const modern = mode === 'auto'
    let _meta: Record<string, unknown> | undefined
    return {
      call: async (name, args = {}, options) =>
        (await client.callTool({ name, arguments: args, ...(_meta && { _meta }) }, options)) as {
          content: Content
          isError?: boolean
        },
      tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
      setLogLevel: async (level) => {
        if (modern) _meta = { [v2.LOG_LEVEL_META_KEY]: level }
        else await client.setLoggingLevel(level)
      },
      onLog: (listener) =>
        client.setNotificationHandler('notifications/message', ({ params }) => listener(params.data)),
      onToolsChanged: async (listener) => {
        client.setNotificationHandler('notifications/tools/list_changed', () => listener())
        if (modern) await client.listen({ toolsListChanged: true })
      },
      serverVersion: () => client.getServerVersion(),
      ping: async () => {
        if (!modern) await client.ping()
      },
      close: async () => {
        if (!modern) await transport.terminateSession()
        await client.close()
      },
    }
  }

const everything: UpstreamConfig = {
  ...childUpstream('echo', { name: 'everything' }),
  args: [fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js')), 'stdio'],
}

describe.each([
  ['SDK 1', connectV1],
  ['SDK 2, legacy', connectV2('legacy')],
  // Finds out that the gateway speaks the modern era; the fixtures speak the legacy one.
  ['SDK 2, modern', connectV2('auto')],
])('%s', (_, connect) => {
  const start = async (config: UpstreamConfig, token?: string) => {
    const started = await startReal(config, token ? { token, settings: { auth: 'bearer' } } : {})
    const join = async () => {
      const client = await connect(started.endpoint, token)
      onTestFinished(() => client.close().catch(() => undefined))
      return client
    }
    return { ...started, join, client: await join() }
  }

  test('connects, lists, calls, pings and leaves', async () => {
    const { client, gateway, pids } = await start(childUpstream('echo'))
    expect(client.serverVersion()).toEqual({ name: 'fixture', version: '1.0.0' })
    expect(await client.tools()).toContain('echo')
    expect((await client.call('echo', { text: 'héllo 数' })).content[0]?.text).toBe('héllo 数')
    expect((await client.call('fail')).isError).toBe(true)
    await client.ping()
    expect(pids.size).toBe(1)
    await client.close()
    expect(gateway.state().sessions).toBe(0)
  })

  test('with the bearer token; without it, it can not', async () => {
    const { client, endpoint } = await start(childUpstream('echo'), 'token-of-this-test')
    expect(await client.tools()).toContain('echo')
    await expect(connect(endpoint)).rejects.toThrow(/401|Unauthorized/i)
  })

  test('1,000 calls of 8 clients are shared by at most 4 processes, each answer with its caller', async () => {
    const { join, client, pids, upstream } = await start(childUpstream('echo', { pool: { maxConnections: 4 } }))
    const clients = [client, ...(await Promise.all(Array.from({ length: 7 }, join)))]
    await Promise.all(
      clients.map(async (each, c) => {
        for (let i = 0; i < 125; i++) {
          const text = `client ${c} call ${i}`
          expect((await each.call('echo', { text })).content[0]?.text).toBe(text)
        }
      }),
    )
    expect(pids.size).toBeLessThanOrEqual(4)
    await expect.poll(() => isFree(upstream)).toBe(true)
    const { opened, dead, acquires, granted } = upstream.view().pool
    expect({ opened, dead }).toEqual({ opened: pids.size, dead: 0 })
    expect(granted).toBe(acquires)
  })

  test('progress and log notes arrive before the result, in order, though the child writes all at once', async () => {
    const { client } = await start(childUpstream('progress'))
    const seen: unknown[] = []
    client.onLog((data) => seen.push(data))
    await client.setLogLevel('debug')
    const result = client.call('work', { steps: 4 }, { onprogress: ({ progress }) => seen.push(progress) })
    await result.then(() => seen.push('result'))
    expect(seen).toEqual([1, 'step 1', 2, 'step 2', 3, 'step 3', 4, 'step 4', 'result'])
  })

  test("one client's log level and messages are not another's", async () => {
    const { client, join } = await start(childUpstream('progress'))
    const other = await join()
    const [mine, theirs]: unknown[][] = [[], []]
    client.onLog((data) => mine?.push(data))
    other.onLog((data) => theirs?.push(data))
    await client.setLogLevel('error')
    await other.setLogLevel('debug')
    await Promise.all([client.call('work', { steps: 2 }), other.call('work', { steps: 3 })])
    expect(mine).toEqual([])
    expect(theirs).toEqual(['step 1', 'step 2', 'step 3'])
  })

  test('list_changed reaches every client', async () => {
    const { client, join } = await start(childUpstream('progress'))
    const other = await join()
    let heard = 0
    await client.onToolsChanged(() => heard++)
    await other.onToolsChanged(() => heard++)
    // The GET stream is opened by the client on its own time.
    await expect.poll(async () => (await client.call('change')) && heard).toBeGreaterThanOrEqual(2)
  })

  test('a process that dies under a call fails that call at once with its cause; the next one and the session live', async () => {
    const { client, pids } = await start(childUpstream('crash'))
    const error = (await client.call('crash', { how: 'exit', code: 7 }).catch((thrown) => thrown)) as {
      code: number
      data: Record<string, unknown>
    }
    expect(error).toMatchObject({ code: -32603, data: { code: 'CONNECTION_LOST', exitCode: 7 } })
    expect(JSON.stringify(error.data)).toContain('crashing: exit')
    expect((await client.call('echo', { text: 'again' })).content[0]?.text).toBe('again')
    expect(pids.size).toBe(2)
  })

  test('a cancelled call leaves nothing leased, and the next one works', async () => {
    const { client, upstream } = await start(childUpstream('echo', { pool: { maxConnections: 1 } }))
    const cancelled = new AbortController()
    const call = client.call('sleep', { ms: 60_000 }, { signal: cancelled.signal }).catch((error) => error)
    await expect.poll(() => upstream.view().pool.leased).toBe(1)
    cancelled.abort()
    expect(await call).toBeInstanceOf(Error)
    expect((await client.call('echo', { text: 'next' })).content[0]?.text).toBe('next')
    await expect.poll(() => isFree(upstream)).toBe(true)
  })

  test('a hung server surfaces as a typed error', async () => {
    const { client } = await start(childUpstream('hang', { timeouts: { responseTimeoutMs: 300 } }))
    const error = await client.call('hang').catch((thrown) => thrown)
    expect(error).toMatchObject({ code: -32603, data: { code: 'RESPONSE_TIMEOUT' } })
  })

  test('a server of someone else: server-everything', async () => {
    const { client } = await start(everything)
    expect(await client.tools()).toContain('get-sum')
    expect((await client.call('get-sum', { a: 2, b: 3 })).content[0]?.text).toContain('5')
    const steps: number[] = []
    await client.call(
      'trigger-long-running-operation',
      { duration: 0.2, steps: 4 },
      { onprogress: ({ progress }) => steps.push(progress) },
    )
    expect(steps).toEqual([1, 2, 3, 4])
  })
})
