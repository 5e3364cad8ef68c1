import { describe, expect, test } from 'vitest'
import { callTool, settled, start } from './support.ts'

const pidOf = (reply: { text: string }): number => JSON.parse(reply.text).pid

describe('a program that answers once and exits (reviews: never reused, leaks nothing)', () => {
  test('plain JSON-RPC: no request is lost, each has a process of its own', async () => {
    const { upstream, pids, told } = start({ child: 'singleShot', args: ['--jsonrpc'], protocol: 'jsonrpc' })
    const seen: number[] = []
    for (let i = 0; i < 8; i++) seen.push(pidOf(await upstream.request({ method: 'anything', params: `[${i}]` })))
    expect(new Set(seen).size).toBe(8)
    for (const pid of seen) expect(pids.has(pid)).toBe(true)
    expect(told['single-shot']).toHaveLength(1)
    // It is no crash: neither backoff nor breaker, nor a failure on display.
    expect(told['breaker.opened']).toBeUndefined()
    const view = upstream.view()
    expect(view.pool).toMatchObject({ singleShot: true, reconnect: { attempts: 0 } })
    expect(view.lastFailure).toBeNull()
    expect(view.era).toBe('jsonrpc')
    expect(view.advice[0]).toContain('ends after one answer')
  })

  test('with a handshake, under concurrency: each process answers one call', async () => {
    const { upstream, told } = start({ child: 'singleShot', pool: { maxConnections: 2 } })
    // It becomes known over the first two, which only one after the other can't disturb.
    await upstream.request(callTool('once'))
    await settled(upstream, { dead: 1 })
    await upstream.request(callTool('once'))
    await expect.poll(() => upstream.view().pool.singleShot).toBe(true)
    const replies = await Promise.all(Array.from({ length: 8 }, () => upstream.request(callTool('once'))))
    expect(new Set(replies.map(({ pid }) => pid)).size).toBe(8)
    expect(told['connection.dead']?.every(({ served }) => served <= 1)).toBe(true)
    expect(told['breaker.opened']).toBeUndefined()
  })

  test('once known, one spare is kept warm and goes to the next request', async () => {
    const { upstream } = start({ child: 'singleShot', args: ['--jsonrpc'], protocol: 'jsonrpc' })
    await upstream.request({ method: 'x' })
    await settled(upstream, { dead: 1 })
    await upstream.request({ method: 'x' })
    await settled(upstream, { dead: 2, idle: 1, spares: 1 })
    const [spare] = upstream.view().connections
    const reply = await upstream.request({ method: 'x' })
    expect(reply.connectionId).toBe(spare?.id)
    expect(reply.timing.coldStart).toBe(false)
  })

  test('prespawn gives each request a process of its own from the start', async () => {
    const { upstream } = start({
      child: 'singleShot',
      args: ['--jsonrpc'],
      protocol: 'jsonrpc',
      pool: { mode: 'prespawn', spares: 2, maxConnections: 4 },
    })
    await settled(upstream, { idle: 2 })
    const seen = new Set<number>()
    for (let i = 0; i < 6; i++) seen.add(pidOf(await upstream.request({ method: 'x' })))
    expect(seen.size).toBe(6)
    await settled(upstream, { idle: 2, leased: 0 })
  })

  test('a persistent program that speaks plain JSON-RPC is reused and not suspected for long', async () => {
    const { upstream, pids, told } = start({ protocol: 'jsonrpc', pool: { maxConnections: 1 } })
    for (let i = 0; i < 200; i++) await upstream.request({ method: 'ping' })
    expect(pids.size).toBe(1)
    expect(told['single-shot']).toBeUndefined()
  })

  test('a persistent server that is asked once and then ended by the pool is not taken for single-shot', async () => {
    const { upstream } = start({ pool: { maxConnections: 1 } })
    for (let i = 1; i <= 3; i++) {
      await upstream.request(callTool('echo'))
      upstream.drain()
      await settled(upstream, { dead: i })
    }
    expect(upstream.view().pool.singleShot).toBe(false)
  })
})
