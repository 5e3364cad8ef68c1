import { describe, expect, test } from 'vitest'
import { systemClock } from '../../electron/kit/clock.ts'
import { isCallOf } from '../fixtures/http/index.ts'
import { failureOf } from './failure.ts'
import { reach, serve } from './http-support.ts'
import { callTool, eventually, textOf } from './support.ts'

/** So many requests that retries are not what there is too little of. */
const warmUp = 40

/** Longer than any session is kept whose server is away. */
const longMs = 600_000

describe.each(['http', 'sse'] as const)(
  'a session over %s that is given up because its server can not be reached',
  (transport) => {
    test('does not have a tool run a second time that was under way', async () => {
      const server = await serve({ eras: ['legacy'], transport: transport === 'sse' ? 'sse' : 'streamable' })
      let laterMs = 0
      const clock = { ...systemClock, now: () => systemClock.now() + laterMs }
      const { upstream, told } = reach(
        server.url,
        {
          transport,
          protocol: 'legacy',
          isolation: 'multiplex',
          pool: { maxInFlight: 8, maxLeaseMs: 2 * longMs },
          timeouts: { requestTimeoutMs: 2 * longMs, responseTimeoutMs: 2 * longMs },
        },
        { clock },
      )
      for (let n = 0; n < warmUp; n++) await upstream.request(callTool('exact'))
      const paying = failureOf(upstream.request(callTool('hold')))
      await server.records.first(isCallOf('hold'))
      server.retire()
      await failureOf(upstream.request(callTool('exact')))
      await failureOf(upstream.request(callTool('exact')))
      laterMs = longMs
      const others = ['a', 'b', 'c'].map((text) => upstream.request(callTool('echo', { text })))
      await expect.poll(() => told['connection.closing'].map(({ reason }) => reason), eventually).toEqual(['unhealthy'])
      await server.resume()
      expect(await paying).toMatchObject({ code: 'CONNECT_FAILED', data: { written: true, attempts: 1 } })
      // They were never sent, which is told of each: all of them go through.
      expect((await Promise.all(others)).map(textOf)).toEqual(['a', 'b', 'c'])
      expect(server.records.requests.filter(isCallOf('hold'))).toHaveLength(1)
      expect(server.records.requests.filter(isCallOf('echo'))).toHaveLength(3)
    })
  },
)

test('answers that are too long fail alone: neither the session nor the upstream suffers', async () => {
  const server = await serve({ eras: ['legacy'] })
  const { upstream, told } = reach(server.url, { protocol: 'legacy' })
  const body = ' '.repeat(17 * 1024 * 1024)
  const headers = { 'content-type': 'application/json' }
  server.inject({ kind: 'reply', status: 200, headers, body }, { times: 4, when: isCallOf('exact') })
  for (let n = 0; n < 4; n++) expect((await failureOf(upstream.request(callTool('exact')))).code).toBe('LINE_TOO_LONG')
  expect(textOf(await upstream.request(callTool('echo', { text: 'on' })))).toBe('on')
  expect(told['connection.closing']).toEqual([])
})
