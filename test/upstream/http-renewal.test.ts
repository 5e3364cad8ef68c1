import { describe, expect, test } from 'vitest'
import { Renewals } from '../../electron/upstream/renewal.ts'
import { type Fault, serialKey } from '../fixtures/http/index.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { reach, serve, stream, watching } from './http-support.ts'
import { eventually } from './support.ts'

const uri = 'test://one'
/** Nothing but the shortest waits. */
const random = () => 0

describe('a resource that was subscribed to in a session that is gone', () => {
  const regained = async (fault: Fault, times: number) => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' }, { random })
    const { told } = await watching(upstream, { uri })
    await watching(upstream, { uri: 'test://two' })
    const isSubscribe = ({ method, params }: { method: string | undefined; params: Record<string, unknown> }) =>
      method === 'resources/subscribe' && params.uri === uri
    server.inject(fault, { times, when: isSubscribe })
    server.forgetSessions()
    server.dropStreams()
    return { server, told }
  }

  test.each<[string, Fault]>([
    ['refused by a proxy', { kind: 'reply', status: 503 }],
    ['cut off', { kind: 'reset', at: 'request' }],
  ])('is subscribed to in the next one until that is done: %s at first', async (_, fault) => {
    const { server, told } = await regained(fault, 2)
    await expect.poll(() => server.subscribed(uri), eventually).toEqual([1])
    const serial = server.world.update(uri)
    const serials = () => told.map(({ message }) => JSON.parse(message).params._meta?.[serialKey])
    // The first: it may have changed while nobody was told.
    await expect.poll(serials, eventually).toEqual([undefined, serial])
    // What needed no other attempt was not asked for again.
    expect(server.subscribed('test://two')).toEqual([1])
  })
})

test.each(['legacy', 'modern'] as const)(
  'what is watched moves to the connection that takes over from its own: %s',
  async (era) => {
    const server = await serve({ eras: [era] })
    const { upstream, told } = reach(server.url, { protocol: era, pool: { maxConnections: 2 } })
    const one = await watching(upstream, { uri })
    const list = await watching(upstream, { list: 'tools' })
    upstream.restart()
    await expect.poll(() => told['connection.dead'].length, eventually).toBe(1)
    // Nobody asks for anything: there is no next connection that could take over as it comes.
    await expect.poll(() => server.world.subscribers(uri).length, eventually).toBe(1)
    if (era === 'legacy') await stream(upstream, 'notifications', 'open')
    await expect.poll(() => [one.told.length, list.told.length], eventually).toEqual([1, 1])
    server.world.update(uri)
    server.world.change('tools')
    // Each for what may have been missed in between, and for what has changed.
    await expect.poll(() => [one.told.length, list.told.length], eventually).toEqual([2, 2])
    expect(upstream.view().pool.opened).toBe(2)
  },
)

describe('a subscription of the modern era that its server had acknowledged', () => {
  const error = '{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"starting"}}'
  test.each<[string, Fault]>([
    ['404', { kind: 'reply', status: 404 }],
    ['403', { kind: 'reply', status: 403 }],
    ['400', { kind: 'reply', status: 400, headers: { 'content-type': 'application/json' }, body: error }],
    ['an error', { kind: 'reply', status: 200, headers: { 'content-type': 'application/json' }, body: error }],
  ])('outlives that it is refused for a moment: %s', async (_, fault) => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url, { protocol: 'modern' }, { random })
    const one = await watching(upstream, { uri })
    const list = await watching(upstream, { list: 'tools' })
    server.inject(fault, { times: 2, when: ({ method }) => method === 'subscriptions/listen' })
    server.dropStreams('listen')
    // It may have changed meanwhile, both.
    await expect.poll(() => one.told.length, eventually).toBe(1)
    await expect.poll(() => server.world.subscribers(uri).length, eventually).toBe(1)
    server.world.update(uri)
    await expect.poll(() => one.told.length, eventually).toBe(2)
    expect(list.told.map(({ method }) => method)).toEqual(['notifications/tools/list_changed'])
    expect(upstream.view().pool.opened).toBe(1)
  })
})

describe('asking again', () => {
  const renewals = (random: () => number) => {
    const clock = new FakeClock()
    return { clock, renewals: new Renewals({ clock, random }) }
  }

  test('ends when the server says no and no again', async () => {
    const { clock, renewals: asking } = renewals(() => 0.5)
    let asked = 0
    asking.begin('one', async () => {
      asked++
      return '{"code":-32002}'
    })
    for (let s = 0; s < 600; s++) await clock.advance(1_000)
    expect([asked, clock.pending]).toEqual([5, 0])
  })

  test('takes ever longer with a server that loses at once what it has taken, and starts anew with one that kept it', async () => {
    const { clock, renewals: asking } = renewals(() => 0.99)
    const asked: number[] = []
    const ask = async () => {
      asked.push(clock.now())
      return undefined
    }
    asking.lost('one', 'it was lost', ask)
    for (let tenths = 0; tenths < 1_200; tenths++) {
      await clock.advance(100)
      asking.lost('one', 'it was lost', ask)
    }
    expect(asked.length).toBeGreaterThan(6)
    expect(asked.length).toBeLessThan(12)
    await clock.advance(120_000)
    const { length } = asked
    asking.lost('one', 'it was lost', ask)
    await clock.advance(0)
    await clock.advance(300)
    expect(asked.length).toBe(length + 1)
    asking.stopAll()
    expect(clock.pending).toBe(0)
  })

  test('ends with its connection, whatever it was doing', async () => {
    const { clock, renewals: asking } = renewals(() => 0)
    let asked = 0
    const ask = () => {
      asked++
      return Promise.reject(new Error('no'))
    }
    asking.begin('one', ask)
    asking.begin('two', ask)
    await clock.advance(10)
    asking.stop('one')
    await clock.advance(100)
    expect(asked).toBe(3)
    asking.stopAll()
    await clock.advance(60_000)
    expect([asked, clock.pending]).toEqual([3, 0])
  })
})
