import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import type { Authorizer } from '../../electron/kit/authorizer.ts'
import { HttpClient } from '../../electron/upstream/http/http-client.ts'
import { AppError } from '../../shared/errors.ts'
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
const timedOut = new AppError('RESPONSE_TIMEOUT', 'no answer within 1 ms', { responseTimeoutMs: 1 })

/** Sockets of this process, of both ends. */
const sockets = () => process.getActiveResourcesInfo().filter((kind) => /TCPSocket|TLS|TCPConnect/.test(kind)).length

/** A server that does nothing but take connections, what it was asked, and a client with a clock of the test's own. */
async function scene(more: { path?: string; env?: Record<string, string>; authorizer?: Authorizer } = {}) {
  const clock = new FakeClock()
  const connected = Promise.withResolvers<Socket>()
  const asked = Promise.withResolvers<Socket>()
  const { port, open } = await serveTcp((socket) => {
    connected.resolve(socket)
    onceRequested(socket, () => asked.resolve(socket))
  })
  const caller = new AbortController()
  const { path = `http://127.0.0.1:${port}/`, env = {}, authorizer } = more
  const target = path.replace('PORT', String(port))
  const proxied = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value.replace('PORT', `${port}`)]),
  )
  const client = clientOf(target, { clock, env: proxied, authorizer })
  const options = { signal: caller.signal, silenceMs: 60_000 }
  /** Nothing is left: the server sees the connection closed, and there is neither timer nor listener. */
  const nothingLeft = async () => {
    await vi.waitFor(() => expect(open.size).toBe(0))
    expect(clock.pending).toBe(0)
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
    await vi.waitFor(() => expect(sockets()).toBe(0))
  }
  return { client, caller, options, connected: connected.promise, asked: asked.promise, clock, open, nothingLeft }
}

describe('an abort', () => {
  test('before the request: nothing is opened, the reason is told', async () => {
    const { client, caller, options, open, nothingLeft } = await scene()
    caller.abort(timedOut)
    const failure = await failureOf(client.post('{}', options))
    expect(failure).toMatchObject({ code: 'RESPONSE_TIMEOUT', message: timedOut.message })
    expect(failure.data).toEqual({ responseTimeoutMs: 1, written: false })
    expect(open.size).toBe(0)
    await nothingLeft()
  })

  test('with another reason is ABORTED', async () => {
    const { client, caller, options } = await scene()
    caller.abort()
    expect(await failureOf(client.post('{}', options))).toMatchObject({ code: 'ABORTED', data: { written: false } })
  })

  test('in the turn in which the request is made: the connection is not even opened', async () => {
    const { client, caller, options, nothingLeft } = await scene()
    const failing = failureOf(client.post('{}', options))
    caller.abort(timedOut)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: false } })
    await nothingLeft()
  })

  test.each([
    ['TLS', { path: 'https://127.0.0.1:PORT/' }],
    ['a proxy', { path: 'http://remote.example/', env: { HTTP_PROXY: 'http://127.0.0.1:PORT' } }],
  ])('while the connection waits for %s takes the connection with it', async (_, more) => {
    const { client, caller, options, connected, nothingLeft } = await scene(more)
    const failing = failureOf(client.post('{}', options))
    await connected
    caller.abort(timedOut)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: false } })
    await nothingLeft()
  })

  test.each(['authorization', 'refused'] as const)(
    'while the authorizer is asked (%s) does not wait for it',
    async (what) => {
      const asked = Promise.withResolvers<void>()
      const never = () => {
        asked.resolve()
        return new Promise<never>(() => {})
      }
      const authorizer = { authorization: async () => undefined, refused: async () => false, [what]: never }
      const { client, caller, options, asked: requested, nothingLeft } = await scene({ authorizer })
      const failing = failureOf(client.post('{}', options))
      if (what === 'refused') (await requested).end('HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      await asked.promise
      caller.abort(timedOut)
      // The server has refused the first attempt: nothing was done.
      expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: false } })
      await nothingLeft()
    },
  )

  test('while the answer is awaited: the server may have the request', async () => {
    const { client, caller, options, asked, nothingLeft } = await scene()
    const failing = failureOf(client.post('{}', options))
    await asked
    caller.abort(timedOut)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: true } })
    await nothingLeft()
  })

  test('at the moment of writing: nothing is sent', async () => {
    const { client, caller, options, connected, nothingLeft } = await scene()
    const got = vi.fn()
    const failing = failureOf(client.post('{}', { ...options, onWritten: () => caller.abort(timedOut) }))
    ;(await connected).on('data', got)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT' })
    await nothingLeft()
    expect(got).not.toHaveBeenCalled()
  })

  test('in the middle of a JSON body', async () => {
    const { client, caller, options, asked, nothingLeft } = await scene()
    const failing = failureOf(client.post('{}', options))
    const server = await asked
    await new Promise<void>((resolve) => server.write(`${ok}Content-Length: 100\r\n\r\n{"half"`, () => resolve()))
    caller.abort(timedOut)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: true } })
    await nothingLeft()
  })

  test('of a stream ends its reading with the reason', async () => {
    const { client, caller, options, asked, nothingLeft } = await scene()
    const replying = client.get(options)
    ;(await asked).write(`${stream}\r\ndata: a\n\n`)
    const events = eventsOf(await replying)[Symbol.asyncIterator]()
    expect(await events.next()).toMatchObject({ value: { data: 'a' } })
    const failing = failureOf(events.next())
    caller.abort(timedOut)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: true } })
    await nothingLeft()
  })

  test('of a stream that is held up because nobody reads it: what was held is not told any more', async () => {
    const { client, caller, options, asked, nothingLeft } = await scene()
    const replying = client.get(options)
    const server = await asked
    server.write(`${stream}\r\n`)
    const events = eventsOf(await replying)
    server.write(`data: ${'x'.repeat(1_000)}\n\n`.repeat(4_000))
    await vi.waitFor(() => expect(server.writableLength).toBeGreaterThan(0))
    caller.abort(timedOut)
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'RESPONSE_TIMEOUT' })
    await nothingLeft()
  })

  test('between two events that came together: the second is not told any more', async () => {
    const { client, caller, options, asked, nothingLeft } = await scene()
    const replying = client.get(options)
    ;(await asked).end(`${stream}Content-Length: 22\r\n\r\ndata: abc\n\ndata: def\n\n`)
    const events = eventsOf(await replying)[Symbol.asyncIterator]()
    expect(await events.next()).toMatchObject({ value: { data: 'abc' } })
    caller.abort(timedOut)
    await expect(events.next()).rejects.toMatchObject({ code: 'RESPONSE_TIMEOUT' })
    await nothingLeft()
  })

  test('in the middle of an error page: the reason is told and not the page', async () => {
    const { client, caller, options, asked, clock, nothingLeft } = await scene()
    const failing = failureOf(client.post('{}', options))
    const page = 'HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nhalf'
    const server = await asked
    server.write(page)
    // It is read when its end is waited for.
    await vi.waitFor(() => expect(clock.pending).toBe(2))
    caller.abort(timedOut)
    expect(await failing).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { written: true } })
    await nothingLeft()
  })

  test('by a reader who leaves the stream closes its connection', async () => {
    const { client, options, asked, nothingLeft } = await scene()
    const replying = client.get(options)
    ;(await asked).write(`${stream}\r\ndata: a\n\ndata: b\n\n`)
    for await (const { data } of eventsOf(await replying)) {
      expect(data).toBe('a')
      break
    }
    await nothingLeft()
  })

  test('after the answer does nothing: the connection is kept for the next request', async () => {
    const ports = new Set<number | undefined>()
    const url = await serveHttp((incoming, outgoing) => {
      ports.add(incoming.socket.remotePort)
      incoming.resume()
      outgoing.setHeader('Content-Type', 'application/json').end('{}')
    })
    const client = clientOf(url)
    for (let i = 0; i < 3; i++) {
      const caller = new AbortController()
      await client.post('{}', { signal: caller.signal })
      expect(getEventListeners(caller.signal, 'abort')).toEqual([])
      caller.abort(timedOut)
    }
    expect(ports.size).toBe(1)
  })

  test('of one request leaves the others alone', async () => {
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      if (incoming.method === 'POST') outgoing.setHeader('Content-Type', 'application/json').end('{}')
    })
    const client = clientOf(url)
    const callers = Array.from({ length: 20 }, () => new AbortController())
    const waiting = callers.map(({ signal }) => failureOf(client.get({ signal })))
    const answered = Array.from({ length: 20 }, () => client.post('{}', untilDone()))
    for (const caller of callers) caller.abort(timedOut)
    for (const reply of await Promise.all(answered)) expect(textOf(reply)).toBe('{}')
    for (const { code } of await Promise.all(waiting)) expect(code).toBe('RESPONSE_TIMEOUT')
  })
})

describe('close', () => {
  test('ends requests and streams with CONNECTION_LOST, closes every socket, and may be called again', async () => {
    const { client, options, asked, nothingLeft } = await scene()
    const replying = client.get(options)
    ;(await asked).write(`${stream}\r\ndata: a\n\n`)
    const reading = failureOf(collect(eventsOf(await replying)))
    const waiting = failureOf(client.post('{}', untilDone()))
    await Promise.all([client.close(), client.close()])
    expect(sockets()).toBeLessThanOrEqual(2) // The server's ends see it a moment later.
    for (const failure of [await reading, await waiting])
      expect(failure).toMatchObject({ code: 'CONNECTION_LOST', data: { reason: 'closed' } })
    await nothingLeft()
    expect(await failureOf(client.post('{}', options))).toMatchObject({
      code: 'CONNECTION_LOST',
      data: { reason: 'closed', written: false },
    })
  })

  test('closes connections that wait for their next request, and those that are being opened', async () => {
    const { client, options, asked, open, nothingLeft } = await scene()
    const replying = client.post('{}', options)
    ;(await asked).write(`${ok}Content-Length: 2\r\n\r\n{}`)
    await replying
    expect(open.size).toBe(1)
    await client.close()
    await nothingLeft()

    const secure = await scene({ path: 'https://127.0.0.1:PORT/' })
    const failing = failureOf(secure.client.post('{}', secure.options))
    await secure.connected
    await secure.client.close()
    expect(await failing).toMatchObject({ code: 'CONNECTION_LOST', data: { written: false } })
    await secure.nothingLeft()
  })
})

test('300 requests that are aborted at any moment leave nothing', async () => {
  const url = await serveHttp((incoming, outgoing) => {
    incoming.resume()
    outgoing.on('error', () => {})
    if (incoming.method === 'POST') {
      outgoing.setHeader('Content-Type', 'application/json').write('{"a":')
      setImmediate(() => outgoing.end('1}'))
      return
    }
    outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const timer = setInterval(() => outgoing.write('data: x\n\n'), 1)
    outgoing.on('close', () => clearInterval(timer))
  })
  const clock = new FakeClock()
  const client = new HttpClient({ url, headers: () => ({}), clock, connectTimeoutMs: () => 1_000, env: {} })
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const outcomes = new Map<string, number>()
  const one = async (i: number) => {
    const caller = new AbortController()
    const options = { signal: caller.signal, silenceMs: 1_000 }
    const abortAfter = async () => {
      // From the same turn to some milliseconds later.
      for (let turn = 0; turn < i % 30; turn++) await new Promise((resolve) => setImmediate(resolve))
      caller.abort(timedOut)
    }
    void abortAfter()
    try {
      const reply = await (i % 2 === 0 ? client.post('{}', options) : client.get(options))
      if (reply.body.kind === 'stream') for await (const { data } of reply.body.events) expect(data).toBe('x')
      outcomes.set('answered', (outcomes.get('answered') ?? 0) + 1)
    } catch (error) {
      expect(error).toMatchObject({ code: 'RESPONSE_TIMEOUT' })
      outcomes.set('aborted', (outcomes.get('aborted') ?? 0) + 1)
    }
    await vi.waitFor(() => expect(getEventListeners(caller.signal, 'abort')).toEqual([]))
  }
  for (let i = 0; i < 300; i += 10) await Promise.all(Array.from({ length: 10 }, (_, n) => one(i + n)))
  // Both happened, so it was tried in all of its stages.
  expect(outcomes.get('answered')).toBeGreaterThan(0)
  expect(outcomes.get('aborted')).toBeGreaterThan(100)
  expect(clock.pending).toBe(0)
  expect(textOf(await client.post('{}', untilDone()))).toBe('{"a":1}')
  await client.close()
  await vi.waitFor(() => expect(sockets()).toBe(0))
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(timersBefore)
})
