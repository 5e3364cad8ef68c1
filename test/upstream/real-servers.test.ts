import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { ServerNotification } from '../../electron/upstream/types.ts'
import { failureOf } from './failure.ts'
import { callTool, sent, settled, start, textOf } from './support.ts'

const everything = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js')
const demo = fileURLToPath(new URL('../../electron/demo-server.ts', import.meta.url))

describe('@modelcontextprotocol/server-everything', () => {
  test('is listed, called, and reused', async () => {
    const { upstream, pids } = start({ commandArgs: [everything, 'stdio'], pool: { maxConnections: 1 } })
    const tools = JSON.parse((await upstream.request({ method: 'tools/list', params: '{}' })).text).tools
    expect(tools.map((tool: { name: string }) => tool.name)).toContain('echo')
    for (let i = 0; i < 20; i++) {
      expect(textOf(await upstream.request(callTool('echo', { message: `n ${i}` })))).toContain(`n ${i}`)
    }
    expect((await upstream.handshake()).serverInfo.name).toContain('everything')
    expect(pids.size).toBe(1)
  })
})

describe('the demo server', () => {
  // Type stripping is on by default in the Node that runs the tests; users get the bundle.
  const start_ = () => start({ commandArgs: [demo], pool: { maxConnections: 1 } })

  test('has tools that are quick, slow, failing and fatal', async () => {
    const { upstream, pids } = start_()
    const { tools } = JSON.parse((await upstream.request({ method: 'tools/list', params: '{}' })).text)
    expect(tools.map(({ name }: { name: string }) => name)).toEqual(['echo', 'sleep', 'pid', 'fail', 'crash', 'work'])
    expect(textOf(await upstream.request(callTool('echo', { text: 'hi' })))).toBe('hi')
    expect(textOf(await upstream.request(callTool('sleep', { ms: 5 })))).toBe('slept 5 ms')
    const about = JSON.parse(textOf(await upstream.request(callTool('pid'))))
    expect([...pids]).toEqual([about.pid])
    expect(JSON.parse((await upstream.request(callTool('fail'))).text).isError).toBe(true)
    const crash = await failureOf(upstream.request(callTool('crash', { code: 9 })))
    expect(crash).toMatchObject({ code: 'CONNECTION_LOST', data: { code: 9 } })
    expect(crash.message).toContain('crashing on demand with code 9')
    expect((await failureOf(upstream.request(callTool('crash')))).data?.code).toBe(1)
  })

  test('reports progress and log messages while it works, and says each call on stderr', async () => {
    const { upstream } = start_()
    const told: ServerNotification[] = []
    const reply = await upstream.request({
      method: 'tools/call',
      params: '{"name":"work","arguments":{"steps":3,"stepMs":1},"_meta":{"progressToken":"p-1"}}',
      onNotification: (notification) => told.push(notification),
    })
    expect(textOf(reply)).toBe('3 steps done')
    const methods = told.map(({ method }) => method)
    expect(methods.filter((method) => method === 'notifications/progress')).toHaveLength(3)
    expect(methods.filter((method) => method === 'notifications/message')).toHaveLength(3)
    expect(told[0]?.message).toContain('"progressToken":"p-1"')
    const log = upstream.logs(reply.connectionId)?.lines.map(({ text }) => text) ?? []
    expect(log[0]).toContain('demo server ready: pid')
    expect(log).toContainEqual(expect.stringContaining('#1 work {"steps":3,"stepMs":1}'))
  })

  test('stops a cancelled sleep, and ends by itself when its stdin ends', async () => {
    const { upstream, told } = start_()
    const abort = new AbortController()
    const cancelled = failureOf(upstream.request(callTool('sleep', { ms: 60_000 }, { signal: abort.signal })))
    await sent(upstream)
    abort.abort()
    await cancelled
    const sleeping = upstream.request(callTool('sleep', { ms: 20 }))
    await sleeping
    upstream.drain()
    await settled(upstream, { idle: 0, leased: 0, draining: 0 })
    expect(told['connection.dead']?.at(-1)).toMatchObject({ exitCode: 0, signal: null, forced: false })
  })
})
