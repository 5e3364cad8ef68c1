import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { FakeClock, settle } from '../support/fake-clock.ts'
import {
  events,
  type Heard,
  initialize,
  initialized,
  json,
  modernMeta,
  noStream,
  type Script,
  scriptedGateway,
  startBridge,
  withSessions,
} from './support.ts'

const changed = (n: number) =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { n } })
const subscribe = { jsonrpc: '2.0', id: 'sub', method: 'resources/subscribe', params: { uri: 'test://a' } }
const methodOf = ({ body }: Heard) => (body === '' ? undefined : (JSON.parse(body) as { method?: string }).method)
const posts = (heard: readonly Heard[]) => heard.filter(({ method }) => method === 'POST').map(methodOf)
const answer = ({ body }: Heard, response: ServerResponse) =>
  json(response, 200, JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(body).id, result: {} }))

/** Opens the session as a client does. */
async function connect(...args: Parameters<typeof startBridge>) {
  const bridge = startBridge(...args)
  bridge.send(initialize)
  await bridge.next()
  bridge.send(initialized)
  return bridge
}

describe("the stream of a legacy client's session", () => {
  test('that drops again and again is there once, and goes on after the last event: each comes once, in order', async () => {
    const rounds = 20
    let open = 0
    let mostOpen = 0
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method !== 'GET') return answer(heard, response)
        mostOpen = Math.max(mostOpen, ++open)
        response.once('close', () => open--)
        const from = Number(heard.headers['last-event-id'] ?? 0)
        if (from >= rounds) return events(response, ': all told')
        events(response, `id: ${from + 1}\ndata: ${changed(from + 1)}`)
        response.write(`id: ${from + 2}\ndata: ${changed(from + 2)}\n`, () => response.destroy()) // cut off in its middle
      }),
    )
    const bridge = await connect(gateway.url)
    for (let n = 1; n <= rounds; n++) expect(await bridge.nextText()).toBe(changed(n))
    await expect.poll(() => gateway.heard.at(-1)?.headers['last-event-id']).toBe(String(rounds))
    expect(mostOpen).toBe(1)
    expect(bridge.unread).toEqual([])
    expect(posts(gateway.heard)).toEqual(['initialize', 'notifications/initialized'])
  })

  test('is not asked for before the time that the gateway wished, and not after the end', async () => {
    const clock = new FakeClock()
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method !== 'GET') return answer(heard, response)
        events(response, 'retry: 700', `id: 1\ndata: ${changed(1)}`)
        response.end()
      }),
    )
    const gets = () => gateway.heard.filter(({ method }) => method === 'GET').length
    const bridge = await connect(gateway.url, {}, { clock, random: () => 0 })
    await bridge.next()
    await expect.poll(() => clock.pending).toBe(1)
    await clock.advance(699)
    expect(clock.pending).toBe(1)
    expect(gets()).toBe(1)
    await clock.advance(1)
    await bridge.next()
    expect(gets()).toBe(2)
    await expect.poll(() => clock.pending).toBe(1)
    await bridge.end()
    expect(clock.pending).toBe(0)
    expect(gets()).toBe(2)
  })

  test('of a gateway that was started anew comes with a new session, with all that was followed, though the client is silent', async () => {
    const script: Script = withSessions((heard, response) => {
      if (heard.method !== 'GET') return answer(heard, response)
      events(response, `id: 1-1\ndata: ${changed(1)}`)
    })
    const first = await scriptedGateway(script)
    let token = 'old'
    const bridge = await connect(async () => ({ url: new URL(first.url), token }))
    await bridge.next()
    bridge.send(subscribe)
    await bridge.next()
    await first.close()
    let refused = 0
    let known = false
    const second = await scriptedGateway((heard, response) => {
      if (heard.headers.authorization !== 'Bearer new') {
        if (++refused === 2) token = 'new' // the host writes it while the bridge tries
        return json(response, 401, '')
      }
      known ||= methodOf(heard) === 'initialize'
      return known ? script(heard, response) : json(response, 404, '')
    }, first.port)
    expect(await bridge.nextText()).toBe(changed(1))
    expect(posts(second.heard)).toEqual(['initialize', 'notifications/initialized', 'resources/subscribe'])
    const gets = second.heard.filter(
      ({ method, headers }) => method === 'GET' && headers.authorization === 'Bearer new',
    )
    expect(gets.map(({ headers }) => headers['last-event-id'])).toEqual(['1-1', undefined]) // an id of another session says nothing
    expect(bridge.unread).toEqual([])
  })

  test('a session that could not be opened anew in full is opened anew again, by the next that needs it', async () => {
    let knows = true
    let breaks = 1
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        if (heard.method === 'GET') return noStream(heard, response)
        if (!knows && methodOf(heard) === 'tools/call') {
          knows = true
          return json(response, 404, '')
        }
        if (
          methodOf(heard) === 'resources/subscribe' &&
          heard.headers['mcp-session-id'] &&
          gateway.heard.length > 4 &&
          breaks-- > 0
        )
          return response.destroy()
        return answer(heard, response)
      }),
    )
    const bridge = await connect(gateway.url)
    bridge.send(subscribe)
    await bridge.next()
    await expect.poll(() => gateway.heard.some(({ method }) => method === 'GET')).toBe(true)
    gateway.heard.length = 4
    knows = false
    const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo' } })
    bridge.send(call(1))
    expect(await bridge.next()).toMatchObject({ id: 1, error: { data: { code: 'CONNECTION_LOST' } } })
    bridge.send(call(2))
    expect(await bridge.next()).toMatchObject({ id: 2, result: {} })
    const opening = ['initialize', 'notifications/initialized', 'resources/subscribe']
    expect(posts(gateway.heard.slice(4))).toEqual(['tools/call', ...opening, ...opening, 'tools/call'])
  })
})

test('the first call after the gateway was started anew, with another token, is served', async () => {
  const script: Script = withSessions((heard, response) =>
    heard.method === 'GET' ? noStream(heard, response) : answer(heard, response),
  )
  const first = await scriptedGateway(script)
  let token = 'old'
  const bridge = await connect(async () => ({ url: new URL(first.url), token }))
  await expect.poll(() => first.heard.some(({ method }) => method === 'GET')).toBe(true)
  await first.close()
  let known = false
  await scriptedGateway((heard, response) => {
    if (heard.headers.authorization !== 'Bearer new') {
      token = 'new'
      return json(response, 401, '')
    }
    known ||= methodOf(heard) === 'initialize'
    return known ? script(heard, response) : json(response, 404, '')
  }, first.port)
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } })
  expect(await bridge.next()).toMatchObject({ id: 1, result: {} })
})

test('two calls that learn one after the other that the session is gone open one new session', async () => {
  let lost = false
  const late: (() => void)[] = []
  const gateway = await scriptedGateway(
    withSessions((heard, response) => {
      if (heard.method === 'GET') return noStream(heard, response)
      if (!lost) return answer(heard, response)
      const unknown = () => json(response, 404, '')
      if (heard.body.includes('"first"')) {
        lost = gateway.heard.filter((it) => methodOf(it) === 'tools/call').length < 2
        return unknown()
      }
      late.push(unknown)
    }),
  )
  const bridge = await connect(gateway.url)
  await expect.poll(() => gateway.heard.some(({ method }) => method === 'GET')).toBe(true)
  lost = true
  const call = (id: string) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo' } })
  bridge.send(call('second'))
  await expect.poll(() => late.length).toBe(1)
  bridge.send(call('first'))
  expect(await bridge.next()).toMatchObject({ id: 'first', result: {} })
  for (const say of late) say()
  expect(await bridge.next()).toMatchObject({ id: 'second', result: {} })
  expect(posts(gateway.heard).filter((method) => method === 'initialize')).toHaveLength(2)
})

describe('the answer to a call of a legacy client', () => {
  test('comes through any number of drops; the call is sent once, each event comes once', async () => {
    const clock = new FakeClock()
    const progress = (n: number) => `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${n}}}`
    const gateway = await scriptedGateway(
      withSessions((heard, response) => {
        const from = Number(heard.headers['last-event-id'] ?? 0)
        if (heard.method === 'GET' && from === 0) return noStream(heard, response)
        if (from === 5) return events(response, 'id: 6\ndata: {"jsonrpc":"2.0","id":1,"result":{"done":true}}')
        events(response, 'retry: 2000', `id: ${from + 1}\ndata: ${progress(from + 1)}`)
        response.end()
      }),
    )
    const bridge = await connect(gateway.url, {}, { clock, random: () => 0 })
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow' } })
    for (let n = 1; n <= 5; n++) {
      expect(await bridge.nextText()).toBe(progress(n))
      await expect.poll(() => clock.pending).toBe(1)
      await clock.advance(1_999)
      expect(bridge.unread).toEqual([])
      await clock.advance(1)
    }
    expect(await bridge.next()).toMatchObject({ id: 1, result: { done: true } })
    expect(posts(gateway.heard).filter((method) => method === 'tools/call')).toHaveLength(1)
  })
})

describe('a subscription of a modern client', () => {
  const listen = { jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params: { _meta: modernMeta } }
  const meta = { 'io.modelcontextprotocol/subscriptionId': 'l' }
  const acknowledgement = JSON.stringify({
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: {
      _meta: meta,
      notifications: { toolsListChanged: true, promptsListChanged: false, resourceSubscriptions: ['test://a'] },
    },
  })
  const script: Script = (_, response) => events(response, `data: ${acknowledgement}`)

  test('outlives a gateway that is away for long; what may have changed meanwhile is told as changed', async () => {
    const first = await scriptedGateway(script)
    const bridge = startBridge(first.url, { reachMs: 50 })
    bridge.send(listen)
    expect(await bridge.nextText()).toBe(acknowledgement)
    await first.close()
    // Long past the time that a message would wait, a call fails, and the subscription goes on.
    bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { _meta: modernMeta } })
    expect(await bridge.next()).toMatchObject({ id: 2, error: { data: { code: 'HOST_UNREACHABLE' } } })

    let times = 0
    const second = await scriptedGateway((heard, response) => {
      // As a host that is still starting answers.
      if (++times < 3) return json(response, 503, '')
      return script(heard, response)
    }, first.port)
    expect(await bridge.next()).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/tools/list_changed',
      params: { _meta: meta },
    })
    expect(await bridge.next()).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri: 'test://a', _meta: meta },
    })
    expect(second.heard.map(methodOf)).toEqual(new Array(3).fill('subscriptions/listen'))
    expect(bridge.unread).toEqual([])
  })

  test('is over when it is cancelled while its stream is lost', async () => {
    const clock = new FakeClock()
    const gateway = await scriptedGateway((heard, response) => {
      script(heard, response)
      response.end()
    })
    const bridge = startBridge(gateway.url, {}, { clock, random: () => 0 })
    bridge.send(listen)
    await bridge.next()
    await expect.poll(() => clock.pending).toBe(1)
    bridge.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'l' } })
    await expect.poll(() => clock.pending).toBe(0)
    await clock.advance(60_000)
    await settle()
    expect(gateway.heard).toHaveLength(1)
    expect(bridge.unread).toEqual([])
  })
})
