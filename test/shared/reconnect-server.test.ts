import { Agent, request } from 'node:http'
import { createParser } from 'eventsource-parser'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../electron/kit/clock.ts'
import { type Attempt, ReconnectLoop, type ReconnectPolicy, type StreamEnd } from '../../shared/reconnect.ts'
import { mulberry32 } from '../support/random.ts'
import { fullestTenth } from './slices.ts'
import { StreamServer } from './stream-server.ts'

const streams = 100
/** The product's, in small: an outage of half a second is a long one. */
const policy: ReconnectPolicy = { baseMs: 200, capMs: 1_500, floorMs: 50 }

/** Reads the events of one subscription until its connection ends. */
function readStream(url: string, agent: Agent, attempt: Attempt, onEvent: (data: string) => void): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const lost = (reason: string) => resolve({ kind: 'lost', reason })
    const headers = { ...(attempt.lastEventId && { 'Last-Event-ID': attempt.lastEventId }) }
    const outgoing = request(url, { agent, headers, signal: attempt.signal }, (incoming) => {
      attempt.opened()
      const parser = createParser({
        onEvent: ({ id, data }) => {
          attempt.message(id)
          onEvent(data)
        },
        onRetry: attempt.retry,
      })
      incoming.setEncoding('utf8').on('data', (chunk: string) => parser.feed(chunk))
      incoming.once('error', (error) => lost(error.message))
      incoming.once('end', () => lost('ended'))
    })
    outgoing.once('error', (error: NodeJS.ErrnoException) => lost(error.code ?? error.message))
    outgoing.end()
  })
}

test.each([
  ['no wish of the server', undefined],
  ['the same retry for all', 300],
])(
  '100 streams that lose a real server come back to its port staggered, each once, with nothing lost or doubled: %s',
  async (_, retryMs) => {
    const server = new StreamServer(retryMs)
    await server.start()
    const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
    const received = Array.from({ length: streams }, () => [] as string[])
    /** When each loop made its last attempt by its own reckoning: a busy machine lets those of 100 ms arrive together. */
    const planned = new Map<number, number>()
    const loops: ReconnectLoop[] = received.map(
      (mine, index) =>
        new ReconnectLoop({
          scheduler: systemClock,
          random: mulberry32(index + 1),
          policy,
          run: (attempt) =>
            readStream(`http://127.0.0.1:${server.port}/${index}`, agent, attempt, (data) => mine.push(data)),
          onChange: () => {
            const at = loops[index]?.view.nextAttemptAt
            if (at != null) planned.set(index, at)
          },
        }),
    )
    onTestFinished(async () => {
      for (const loop of loops) loop.stop()
      await Promise.all(loops.map(({ done }) => done))
      agent.destroy()
      await server.goAway()
    })
    for (const loop of loops) loop.start()
    const allHave = (count: number) =>
      expect
        .poll(() => Math.min(...received.map(({ length }) => length)), { timeout: 10_000, interval: 20 })
        .toBe(count)
    await expect.poll(() => server.streams, { timeout: 10_000 }).toBe(streams)
    server.publish()
    await allHave(1)

    await server.goAway()
    for (let i = 0; i < 3; i++) server.publish()
    await expect.poll(() => Math.min(...loops.map(({ view }) => view.attempts)), { timeout: 10_000 }).toBeGreaterThan(1)
    for (const { view } of loops) expect(view.lastDrop?.reason).toMatch(/ECONNRE|aborted|hang up/)
    await server.start()
    const backAt = performance.now()
    await allHave(4)
    server.publish()
    await allHave(5)

    const expected = ['1', '2', '3', '4', '5']
    for (const mine of received) expect(mine).toEqual(expected)
    for (const { view } of loops) expect(view).toMatchObject({ state: 'open', attempts: 0, reconnects: 1 })
    expect(server.streams).toBe(streams)
    expect(server.mostAtOnce).toBe(1)
    expect(server.arrivals.map(({ lastEventId }) => lastEventId)).toEqual(new Array(streams).fill(1))
    expect(new Set(server.arrivals.map(({ subscription }) => subscription)).size).toBe(streams)

    const times = server.arrivals.map(({ at }) => at)
    const windowMs = Math.max(...times) - backAt
    expect(windowMs).toBeGreaterThan(policy.capMs / 4)
    expect(planned.size).toBe(streams)
    expect(fullestTenth([...planned.values()], backAt, backAt + policy.capMs)).toBeLessThan(0.45)
  },
)
