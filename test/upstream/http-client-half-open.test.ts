import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { FakeClock } from '../support/fake-clock.ts'
import { clientOf, eventsOf, failureOf, onceRequested, serveTcp, textOf, untilDone } from './http-client-support.ts'

/** So long that no idle connection of these tests ends by itself. */
const answer =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nKeep-Alive: timeout=600\r\nContent-Length: 2\r\n\r\n{}'
const stream = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
const silenceMs = 60_000

/** Answers until the way to it is lost: what was open then hears nothing any more, not even its end; what is opened later does. */
async function halfOpenServer() {
  const sockets: Socket[] = []
  const dead = new Set<Socket>()
  const listen = (socket: Socket) =>
    onceRequested(socket, (text) => {
      if (dead.has(socket)) return
      socket.write(text.startsWith('GET') ? stream : answer)
      listen(socket)
    })
  const { port, open } = await serveTcp((socket) => {
    sockets.push(socket)
    listen(socket)
  })
  const lose = () => {
    for (const socket of sockets) dead.add(socket)
  }
  return { url: `http://127.0.0.1:${port}/`, sockets, open, lose }
}

describe('idle connections', () => {
  test('serve the next request while nothing is wrong', async () => {
    const { url, sockets } = await halfOpenServer()
    const client = clientOf(url)
    for (let i = 0; i < 3; i++) expect(textOf(await client.post('1', untilDone()))).toBe('{}')
    expect(sockets).toHaveLength(1)
  })

  test('are dropped when a stream beside them fell silent: the next POST goes over a new one', async () => {
    const clock = new FakeClock()
    const server = await halfOpenServer()
    const client = clientOf(server.url, { clock })
    const events = eventsOf(await client.get({ ...untilDone(), silenceMs }))[Symbol.asyncIterator]()
    const waiting = failureOf(events.next())
    await Promise.all([client.post('1', untilDone()), client.post('1', untilDone())])
    expect(server.sockets).toHaveLength(3)
    server.lose()
    await clock.advance(silenceMs)
    expect(await waiting).toMatchObject({ data: { reason: 'silence' } })
    await vi.waitFor(() => expect(server.open.size, 'all that was open then is closed').toBe(0))
    expect(textOf(await client.post('1', untilDone()))).toBe('{}')
    expect(server.sockets).toHaveLength(4)
  })
})
