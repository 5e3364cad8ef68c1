import { createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import type { AppError } from '../../shared/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  clientOf,
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

describe('no connection', () => {
  /** A port on which nobody listens any more. */
  async function closedPort(): Promise<number> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  test.each(['127.0.0.1', 'localhost'])(
    'nobody listens on %s: CONNECT_FAILED, the server got nothing',
    async (host) => {
      const port = await closedPort()
      const onWritten = vi.fn()
      const failure = await failureOf(
        clientOf(`http://${host}:${port}/secret-path?key=secret`).post('{}', { ...untilDone(), onWritten }),
      )
      expect(failure.toShape()).toEqual({
        code: 'CONNECT_FAILED',
        message: `${host}:${port} refused the connection: nothing listens there; does the server run?`,
        data: { code: 'ECONNREFUSED', syscall: expect.any(String), host, port, written: false },
      })
      expect(onWritten).not.toHaveBeenCalled()
    },
  )

  test('a name that does not exist is said as such', async () => {
    // A machine without a network may try for a while.
    const client = clientOf('http://no-such-host.invalid/mcp', { connectTimeoutMs: () => 60_000 })
    const failure = await failureOf(client.post('{}', untilDone()))
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', data: { host: 'no-such-host.invalid', written: false } })
    expect(failure.data?.code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/)
    expect(failure.message).toContain('could not be resolved')
  })

  test('a handshake that is never answered is CONNECT_TIMEOUT after its time, and the socket is closed', async () => {
    const clock = new FakeClock()
    const connected = Promise.withResolvers<Socket>()
    // It takes the connection and says nothing; TLS waits for it.
    const { port, open } = await serveTcp((socket) => {
      socket.resume()
      connected.resolve(socket)
    })
    const client = clientOf(`https://127.0.0.1:${port}/mcp`, { clock, connectTimeoutMs: () => 5_000 })
    const failing = failureOf(client.post('{}', untilDone()))
    await connected.promise
    await clock.advance(4_999)
    expect(open.size).toBe(1)
    await clock.advance(1)
    expect(await failing).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: expect.stringContaining('timeouts.connectTimeoutMs'),
      data: { connectTimeoutMs: 5_000, host: '127.0.0.1', port, written: false },
    })
    await vi.waitFor(() => expect(open.size).toBe(0))
    expect(clock.pending).toBe(0)
  })

  test('the connect timeout is over once the connection stands', async () => {
    const clock = new FakeClock()
    const asked = Promise.withResolvers<Socket>()
    const { port } = await serveTcp((socket) => onceRequested(socket, () => asked.resolve(socket)))
    const replying = clientOf(`http://127.0.0.1:${port}/`, { clock }).post('{}', untilDone())
    const socket = await asked.promise
    expect(clock.pending).toBe(0)
    await clock.advance(1_000_000)
    socket.end(`${ok}Content-Length: 2\r\n\r\n{}`)
    expect(textOf(await replying)).toBe('{}')
  })
})

describe('a connection that is lost', () => {
  /** What the client is told when the server does this with the request. */
  async function failureAfter(act: (socket: Socket) => void): Promise<{ failure: AppError; port: number }> {
    const { port } = await serveTcp((socket) => onceRequested(socket, () => act(socket)))
    const failure = await failureOf(clientOf(`http://127.0.0.1:${port}/`).post('{}', untilDone()))
    return { failure, port }
  }

  test.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy(), 'reset the connection (ECONNRESET) before it answered'],
    ['closed', (socket: Socket) => socket.end(), 'closed the connection before it answered'],
  ])('%s before its answer: CONNECTION_LOST, the server may have the request', async (_, act, message) => {
    const { failure, port } = await failureAfter(act)
    expect(failure).toMatchObject({ code: 'CONNECTION_LOST', data: { written: true, reason: 'unanswered', port } })
    expect(failure.message).toBe(`127.0.0.1:${port} ${message}`)
  })

  test('reset as soon as it is accepted is never told as if the server could not have the request', async () => {
    const { port } = await serveTcp((socket) => socket.resetAndDestroy())
    const onWritten = vi.fn()
    const failure = await failureOf(clientOf(`http://127.0.0.1:${port}/`).post('{}', { ...untilDone(), onWritten }))
    // Which of the two the client notices first is up to the kernel; what it says fits what it did.
    expect(failure.code).toBe(onWritten.mock.calls.length > 0 ? 'CONNECTION_LOST' : 'CONNECT_FAILED')
    expect(failure.data?.written).toBe(onWritten.mock.calls.length > 0)
  })

  test.each([
    ['with a length', 'Content-Length: 100\r\n\r\n{"a"'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n'],
  ])('closed in the middle of a body %s: CONNECTION_LOST', async (_, rest) => {
    const { failure } = await failureAfter((socket) => socket.end(ok + rest))
    expect(failure).toMatchObject({ code: 'CONNECTION_LOST', data: { written: true, reason: 'cut-off' } })
    expect(failure.message).toContain('closed the connection in the middle of its answer')
  })

  test.each([
    ['closed', (socket: Socket) => socket.end()],
    ['reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('%s in mid-stream: what came before is told, then CONNECTION_LOST', async (_, act) => {
    const asked = Promise.withResolvers<Socket>()
    const { port } = await serveTcp((socket) => onceRequested(socket, () => asked.resolve(socket)))
    const replying = clientOf(`http://127.0.0.1:${port}/`).get(untilDone())
    const server = await asked.promise
    server.write(`${stream}Transfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n8\r\ndata: cu`)
    const events = eventsOf(await replying)[Symbol.asyncIterator]()
    expect(await events.next()).toMatchObject({ value: { data: 'a' } })
    const failing = failureOf(events.next())
    act(server)
    expect(await failing).toMatchObject({ code: 'CONNECTION_LOST', data: { written: true, reason: 'cut-off' } })
  })

  test.each([
    ['not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'sent what is not HTTP'],
    ['endless headers', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`, 'sent more headers than are taken'],
  ])('an answer that is %s: CONNECTION_LOST that says so', async (_, text, message) => {
    const { failure } = await failureAfter((socket) => socket.write(text))
    expect(failure).toMatchObject({ code: 'CONNECTION_LOST', data: { written: true } })
    expect(failure.message).toContain(message)
  })

  test('a refusal whose body breaks off is still that refusal', async () => {
    const { port } = await serveTcp((socket) =>
      onceRequested(socket, () =>
        socket.end('HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nbusy'),
      ),
    )
    const reply = await clientOf(`http://127.0.0.1:${port}/`).post('{}', untilDone())
    expect(reply).toMatchObject({ status: 503, body: { kind: 'other', head: 'busy' } })
  })

  test('a refusal whose body never ends is still that refusal', async () => {
    const clock = new FakeClock()
    const answered = Promise.withResolvers<void>()
    const { port, open } = await serveTcp((socket) =>
      onceRequested(socket, () =>
        socket.write('HTTP/1.1 401 No\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nwho', () =>
          answered.resolve(),
        ),
      ),
    )
    const replying = clientOf(`http://127.0.0.1:${port}/`, { clock }).post('{}', untilDone())
    await answered.promise
    await vi.waitFor(() => expect(clock.pending).toBe(1))
    await clock.advance(2_000)
    expect(await replying).toMatchObject({ status: 401, body: { kind: 'other' } })
    await vi.waitFor(() => expect(open.size).toBe(0))
  })

  test('an answer before the whole request was sent is the answer', async () => {
    const url = await serveHttp((incoming, outgoing) => {
      incoming.pause()
      outgoing.writeHead(413, { Connection: 'close', 'Content-Type': 'text/plain' }).end('too large')
    })
    const reply = await clientOf(url).post('x'.repeat(8 * 1024 * 1024), untilDone())
    expect(reply).toMatchObject({ status: 413, body: { head: 'too large' } })
  })

  test('the next request gets a new connection', async () => {
    let connections = 0
    const { port } = await serveTcp((socket) => {
      const isFirst = ++connections === 1
      onceRequested(socket, () => (isFirst ? socket.resetAndDestroy() : socket.end(`${ok}Content-Length: 2\r\n\r\n{}`)))
    })
    const client = clientOf(`http://127.0.0.1:${port}/`)
    await failureOf(client.post('{}', untilDone()))
    expect(textOf(await client.post('{}', untilDone()))).toBe('{}')
  })
})

test('nothing secret is in any error: not the path, not the query, not a header', async () => {
  const { port } = await serveTcp((socket) => onceRequested(socket, () => socket.destroy()))
  const { port: deaf } = await serveTcp((socket) => socket.destroy())
  for (const target of [`http://user:s3cr3t@127.0.0.1:${port}/s3cr3t?key=s3cr3t`, `https://127.0.0.1:${deaf}/s3cr3t`]) {
    const client = clientOf(target, { headers: () => ({ 'X-Key': 's3cr3t' }) })
    const failure = await failureOf(client.post('{"s3cr3t":1}', untilDone()))
    expect(JSON.stringify(failure.toShape())).not.toContain('s3cr3t')
    expect(inspect(failure.cause, { depth: 10 })).not.toContain('s3cr3t')
  }
})
