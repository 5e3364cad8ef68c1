import { expect, test } from 'vitest'
import { Outbox } from '../../electron/upstream/http/outbox.ts'
import { reach, serve, stream } from './http-support.ts'
import { callTool, eventually, textOf } from './support.ts'

/** A turn of everything that is ready to go on. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a few messages at a time go to a server, in order, however many there are', async () => {
  const outbox = new Outbox()
  const sent: number[] = []
  const accept: (() => void)[] = []
  for (let n = 0; n < 20; n++) {
    const message = () => {
      sent.push(n)
      return new Promise<void>((resolve) => accept.push(resolve))
    }
    expect(outbox.put(10, message)).toBe(true)
  }
  expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  accept[3]?.()
  await turn()
  expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  for (let next = 0; next < accept.length; next++) {
    accept[next]?.()
    await turn()
  }
  expect(sent).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('what waits is bounded, and is told to nobody once the session is over', async () => {
  const outbox = new Outbox()
  const accept: (() => void)[] = []
  let sent = 0
  const put = (chars: number) =>
    outbox.put(chars, () => {
      sent++
      return new Promise<void>((resolve) => accept.push(resolve))
    })
  for (let n = 0; n < 8; n++) put(1)
  // One that is long by itself may wait; nothing may wait behind it.
  expect([put(2 ** 20), put(1)]).toEqual([true, false])
  outbox.close()
  accept[0]?.()
  await turn()
  expect([sent, put(1)]).toEqual([8, true])
})

test.each(['http', 'sse'] as const)(
  'a server over %s that asks and takes no answers loses its session, not our sockets',
  async (transport) => {
    const server = await serve({ eras: ['legacy'], transport: transport === 'sse' ? 'sse' : 'streamable' })
    const { upstream, told } = reach(server.url, { transport, protocol: 'legacy' })
    await upstream.request(callTool('exact'))
    await stream(upstream, transport === 'sse' ? 'messages' : 'notifications', 'open')
    const isAnswer = ({ verb, method }: { verb: string; method: string | undefined }) =>
      verb === 'POST' && method === undefined
    server.inject({ kind: 'silence' }, { times: Number.POSITIVE_INFINITY, when: isAnswer })
    const before = server.records.connections.length
    for (let n = 0; n < 2_000; n++) server.ping(`${n}${'x'.repeat(1_000)}`)
    await expect.poll(() => told['connection.closing'].length, eventually).toBe(1)
    expect(told['connection.closing'][0]).toMatchObject({ error: { code: 'CONNECTION_LOST' } })
    expect(server.records.requests.filter(isAnswer).length).toBeLessThanOrEqual(8)
    expect(server.records.connections.length - before).toBeLessThanOrEqual(8)
    expect(textOf(await upstream.request(callTool('echo', { text: 'on' })))).toBe('on')
  },
)
