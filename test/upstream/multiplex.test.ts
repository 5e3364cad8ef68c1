import { describe, expect, test } from 'vitest'
import type { ServerNotification, ServerRequest } from '../../electron/upstream/types.ts'
import { failureOf } from './failure.ts'
import { callTool, type Overrides, sent, settled, start, textOf } from './support.ts'

const multiplex = (overrides: Overrides = {}) =>
  start({
    isolation: 'multiplex',
    ...overrides,
    pool: { maxConnections: 2, maxInFlight: 4, ...overrides.pool },
  })

const sleep = (ms: number) => callTool('sleep', { ms })

describe('isolation multiplex', () => {
  test('several requests share one process up to the limit, then another is started', async () => {
    const { upstream, pids } = multiplex()
    await upstream.request(callTool('pid'))
    await Promise.all(Array.from({ length: 4 }, () => upstream.request(sleep(100))))
    expect(pids.size).toBe(1)
    const replies = await Promise.all(Array.from({ length: 8 }, () => upstream.request(sleep(1_500))))
    expect(pids.size).toBe(2)
    const perProcess = Object.values(Object.groupBy(replies, ({ pid }) => String(pid)))
    expect(perProcess.map((each) => each?.length)).toEqual([4, 4])
    await settled(upstream, { leased: 0, idle: 2 })
  })

  test('callers that had different processes before come together in one', async () => {
    const { upstream } = multiplex()
    const spread = await Promise.all(Array.from({ length: 8 }, () => upstream.request(sleep(300))))
    await settled(upstream, { leased: 0, idle: 2 })
    const own = [...new Set(spread.map(({ connectionId }) => connectionId))]
    const again = own.flatMap((prefer) => [prefer, prefer])
    const replies = await Promise.all(again.map((prefer) => upstream.request({ ...sleep(100), prefer })))
    expect(new Set(replies.map(({ connectionId }) => connectionId)).size).toBe(1)
  })

  test('a burst on a cold pool starts no more processes than it needs', async () => {
    const { upstream, pids } = multiplex({ pool: { maxConnections: 4, maxInFlight: 8 } })
    await Promise.all(Array.from({ length: 8 }, () => upstream.request(sleep(20))))
    expect(pids.size).toBe(1)
  })

  test('those beyond the limits wait their turn, in order', async () => {
    const { upstream } = multiplex({ pool: { maxConnections: 1, maxInFlight: 2 } })
    const done: number[] = []
    await Promise.all(
      Array.from({ length: 6 }, async (_, number) => {
        await upstream.request(sleep(30))
        done.push(number)
      }),
    )
    expect(done).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('one that waits can be cancelled, or give up at its deadline', async () => {
    const { upstream } = multiplex({ pool: { maxConnections: 1, maxInFlight: 1 } })
    const busy = upstream.request(sleep(300))
    await sent(upstream)
    const abort = new AbortController()
    const cancelled = failureOf(upstream.request({ ...callTool('pid'), signal: abort.signal }))
    const late = failureOf(upstream.request({ ...callTool('pid'), timeouts: { requestTimeoutMs: 50 } }))
    abort.abort()
    expect((await cancelled).code).toBe('ABORTED')
    expect((await late).code).toBe('DEADLINE_EXCEEDED')
    await busy
    await upstream.request(callTool('pid'))
    await settled(upstream, { leased: 0 })
  })

  test('the end of the process fails all that shared it, and the next request works', async () => {
    const { upstream } = multiplex({ child: 'crash' })
    await upstream.request(callTool('echo'))
    const failures = await Promise.all([
      failureOf(upstream.request(callTool('crash'))),
      failureOf(upstream.request(callTool('crash'))),
    ])
    expect(failures.map(({ code }) => code)).toEqual(['CONNECTION_LOST', 'CONNECTION_LOST'])
    await upstream.request(callTool('echo'))
  })

  test('a request that times out takes the process out of use, and the others finish on it', async () => {
    const { upstream, pids } = multiplex({ child: 'lateAnswer', args: ['--honour'], pool: { maxConnections: 1 } })
    await upstream.request(callTool('echo'))
    const hanging = failureOf(upstream.request({ ...callTool('late'), timeouts: { responseTimeoutMs: 50 } }))
    const other = upstream.request(callTool('late', { ms: 1_200 }))
    expect((await hanging).code).toBe('RESPONSE_TIMEOUT')
    expect(textOf(await other)).toContain('late')
    await upstream.request(callTool('echo'))
    expect(pids.size).toBe(2)
  })

  test('only answers and progress find their way: requests of the server do not', async () => {
    const { upstream } = multiplex({ child: 'serverRequest' })
    const asked: ServerRequest[] = []
    const reply = await upstream.request(
      callTool('ask', { method: 'sampling/createMessage' }, { onServerRequest: (request) => void asked.push(request) }),
    )
    expect(JSON.parse(textOf(reply)).error).toMatchObject({ code: -32601 })
    expect(asked).toEqual([])
  })

  test('progress reaches each request under its own token', async () => {
    const { upstream } = multiplex({ child: 'progress' })
    const work = async (token: string) => {
      const told: ServerNotification[] = []
      const params = JSON.stringify({
        name: 'work',
        arguments: { steps: 3, stepMs: 5 },
        _meta: { progressToken: token },
      })
      await upstream.request({ method: 'tools/call', params, onNotification: (each) => told.push(each) })
      return told.map(({ message }) => JSON.parse(message).params.progressToken)
    }
    expect(await Promise.all([work('a'), work('b')])).toEqual([
      ['a', 'a', 'a'],
      ['b', 'b', 'b'],
    ])
  })

  test('one certain process can still be asked for', async () => {
    const { upstream } = multiplex()
    const { connectionId } = await upstream.request(callTool('pid'))
    const both = await Promise.all([
      upstream.request({ ...sleep(50), only: connectionId }),
      upstream.request({ ...sleep(50), only: connectionId }),
    ])
    expect(both.map((reply) => reply.connectionId)).toEqual([connectionId, connectionId])
    const lost = await failureOf(upstream.request({ ...sleep(50), only: 'gone' }))
    expect(lost.code).toBe('CONNECTION_LOST')
  })

  test('a server that cannot be started is told to everybody who waits', async () => {
    const { upstream } = multiplex({ command: '/no/such/command', pool: { acquireTimeoutMs: 300 } })
    const failures = await Promise.all([failureOf(upstream.request(sleep(1))), failureOf(upstream.request(sleep(1)))])
    for (const { message } of failures) expect(message).toContain('/no/such/command')
    await settled(upstream, { waiting: 0 })
  })
})
