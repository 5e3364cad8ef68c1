import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { FakeClock } from '../support/fake-clock.ts'
import {
  clientOf,
  collect,
  eventsOf,
  failureOf,
  onceRequested,
  serveHttp,
  serveTcp,
  textOf,
  untilDone,
} from './http-client-support.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const stream = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'

/** Reads a stream up to its failure. */
async function readToFailure(events: AsyncIterable<{ data: string }>) {
  const seen: string[] = []
  const failure = await failureOf(
    (async () => {
      for await (const { data } of events) seen.push(data)
    })(),
  )
  return { seen, failure }
}

describe('silence', () => {
  const silenceMs = 60_000

  async function streaming() {
    const clock = new FakeClock()
    const asked = Promise.withResolvers<Socket>()
    const { port, open } = await serveTcp((socket) => onceRequested(socket, () => asked.resolve(socket)))
    const client = clientOf(`http://127.0.0.1:${port}/`, { clock })
    const replying = client.get({ ...untilDone(), silenceMs })
    const server = await asked.promise
    return { clock, open, replying, server, port }
  }

  test('before the headers is the caller’s to bear: nothing is timed', async () => {
    const { clock, replying, server } = await streaming()
    await clock.advance(10 * silenceMs)
    server.end(`${ok}Content-Length: 2\r\n\r\n{}`)
    expect(textOf(await replying)).toBe('{}')
    expect(clock.pending).toBe(0)
  })

  test('in mid-stream is a lost connection, which is closed', async () => {
    const { clock, open, replying, server, port } = await streaming()
    server.write(`${stream}\r\ndata: a\n\n`)
    const reading = readToFailure(eventsOf(await replying))
    await clock.advance(silenceMs)
    await vi.waitFor(() => expect(open.size).toBe(0))
    const { seen, failure } = await reading
    expect(seen).toEqual(['a'])
    expect(failure.toShape()).toEqual({
      code: 'CONNECTION_LOST',
      message: `127.0.0.1:${port} has sent nothing for ${silenceMs} ms, in the middle of its answer: the connection is taken for lost`,
      data: { host: '127.0.0.1', port, written: true, reason: 'silence', silenceMs },
    })
    expect(clock.pending).toBe(0)
  })

  test('is broken by each event', async () => {
    const { clock, replying, server } = await streaming()
    server.write(`${stream}\r\ndata: 0\n\n`)
    const events = eventsOf(await replying)[Symbol.asyncIterator]()
    expect(await events.next()).toMatchObject({ value: { data: '0' } })
    for (let i = 1; i <= 5; i++) {
      await clock.advance(silenceMs - 1)
      server.write(`data: ${i}\n\n`)
      expect(await events.next()).toMatchObject({ value: { data: String(i) } })
    }
    const lost = failureOf(events.next())
    await clock.advance(silenceMs)
    expect(await lost).toMatchObject({ data: { reason: 'silence' } })
  })

  test('is broken by comments, which are not told', async () => {
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' })
      let comments = 0
      const timer = setInterval(() => {
        if (comments++ < 15) outgoing.write(': keep-alive\n\n')
        else outgoing.end('data: at last\n\n')
        if (outgoing.writableEnded) clearInterval(timer)
      }, 100)
    })
    // Real time: nothing else shows that a comment has come.
    const events = await collect(eventsOf(await clientOf(url).get({ ...untilDone(), silenceMs: 1_000 })))
    expect(events.map(({ data }) => data)).toEqual(['at last'])
  })

  test('in the middle of a JSON body is a lost connection', async () => {
    const { clock, replying, server, open } = await streaming()
    const failing = failureOf(replying)
    server.write(`${ok}Content-Length: 100\r\n\r\n{"half":`)
    await vi.waitFor(() => expect(clock.pending).toBe(1))
    await clock.advance(silenceMs)
    expect(await failing).toMatchObject({ code: 'CONNECTION_LOST', data: { reason: 'silence', written: true } })
    await vi.waitFor(() => expect(open.size).toBe(0))
  })

  test('is not held against the server while it is us who do not read', async () => {
    const { clock, replying, server } = await streaming()
    const chunk = `data: ${'x'.repeat(100_000)}\n\n`
    const chunks = 40
    server.write(`${stream}\r\n`)
    const events = eventsOf(await replying)
    for (let i = 0; i < chunks; i++) server.write(chunk)
    server.end()
    // It stops to read when enough is held, and the timer with it.
    await vi.waitFor(() => expect(clock.pending).toBe(0))
    await clock.advance(10 * silenceMs)
    expect((await collect(events)).length).toBe(chunks)
    expect(clock.pending).toBe(0)
  })
})
