import { beforeEach, describe, expect, test } from 'vitest'
import { type Call, Channel, type ChannelOptions } from '../../electron/upstream/channel.ts'
import type { ServerNotification, ServerRequest } from '../../electron/upstream/types.ts'
import { AppError } from '../../shared/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { failureOf } from './failure.ts'
import { callTool, start, textOf } from './support.ts'

let clock: FakeClock
let written: string[]
let orphans: ServerNotification[]
let changes: ServerNotification[]
let asked: ServerRequest[]
let channel: Channel

function open(options: Partial<ChannelOptions> = {}): Channel {
  return new Channel({
    clock,
    mcp: true,
    write: (line) => void written.push(line),
    describe: () => ({}),
    onNotification: (notification) => orphans.push(notification),
    onInvalid: () => {},
    onListenerError: (error) => {
      throw error
    },
    ...options,
  })
}

beforeEach(() => {
  clock = new FakeClock()
  written = []
  orphans = []
  changes = []
  asked = []
  channel = open()
})

const onServerRequest = (request: ServerRequest) => void asked.push(request)
const call = (more: Partial<Call> = {}) => channel.call({ method: 'tools/call', responseTimeoutMs: 1_000, ...more })
const elicit = '{"jsonrpc":"2.0","id":"e 1","method":"elicitation/create","params":{ "n":9007199254740993 }}'

describe('a request of the server’s own', () => {
  test('goes to the holder byte for byte, and its answer comes back under the server’s id', async () => {
    const answer = call({ onServerRequest })
    channel.receive(elicit)
    expect(asked).toMatchObject([{ method: 'elicitation/create', params: '{ "n":9007199254740993 }' }])
    expect(asked[0]?.answer('result', '{"action":"accept",  "x":1.0}')).toBe(true)
    expect(asked[0]?.answer('result', '{}')).toBe(false)
    expect(written.slice(1)).toEqual(['{"jsonrpc":"2.0","id":"e 1","result":{"action":"accept",  "x":1.0}}'])
    channel.receive('{"id":1,"result":{}}')
    await answer
    expect(asked[0]?.gone.aborted).toBe(false)
  })

  test('that the client refuses comes back as its error', () => {
    void call({ onServerRequest })
    channel.receive(elicit)
    asked[0]?.answer('error', '{"code":-1,"message":"no"}')
    expect(written.at(-1)).toBe('{"jsonrpc":"2.0","id":"e 1","error":{"code":-1,"message":"no"}}')
  })

  test('keeps the response timeout standing still until it is answered; then it starts anew', async () => {
    const answer = failureOf(call({ onServerRequest }))
    await clock.advance(900)
    channel.receive(elicit)
    await clock.advance(60_000)
    expect(channel.inFlight).toBe(1)
    asked[0]?.answer('result', '{}')
    await clock.advance(999)
    expect(channel.inFlight).toBe(1)
    await clock.advance(1)
    expect((await answer).code).toBe('RESPONSE_TIMEOUT')
    expect(clock.pending).toBe(0)
  })

  test('does not move the deadline', async () => {
    const answer = failureOf(call({ onServerRequest, deadline: clock.now() + 5_000 }))
    channel.receive(elicit)
    await clock.advance(5_000)
    expect((await answer).code).toBe('DEADLINE_EXCEEDED')
    expect(asked[0]?.gone.aborted).toBe(true)
  })

  test('that the server cancels awaits no answer', () => {
    void call({ onServerRequest })
    channel.receive(elicit)
    channel.receive('{"method":"notifications/cancelled","params":{"requestId":"e 1"}}')
    expect(asked[0]?.gone.aborted).toBe(true)
    expect(asked[0]?.answer('result', '{}')).toBe(false)
    expect(written).toHaveLength(1)
  })

  test('ends with the request that it belongs to, and the server is told', async () => {
    const abort = new AbortController()
    const answer = failureOf(call({ onServerRequest, signal: abort.signal }))
    channel.receive(elicit)
    abort.abort()
    await answer
    expect(asked[0]?.gone.aborted).toBe(true)
    expect(written.at(-1)).toContain('"id":"e 1","error":{"code":-32603')
  })

  test('ends with the connection', async () => {
    const answer = failureOf(call({ onServerRequest }))
    channel.receive(elicit)
    channel.fail(new AppError('CONNECTION_LOST', 'gone'))
    await answer
    expect(asked[0]?.gone.reason).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(asked[0]?.answer('result', '{}')).toBe(false)
  })

  test('without a holder that takes it is not found; ping is always answered', () => {
    channel.receive(elicit)
    expect(written[0]).toContain('-32601')
    void call({ onServerRequest })
    channel.receive('{"id":7,"method":"ping"}')
    expect(written.at(-1)).toBe('{"jsonrpc":"2.0","id":7,"result":{}}')
    void call({ onServerRequest })
    channel.receive(elicit)
    expect(asked).toEqual([])
    expect(written.at(-1)).toContain('-32601')
  })

  test('is for nobody where several share the connection, even when one request is alone', () => {
    channel = open({ exclusive: false })
    const told: unknown[] = []
    void call({ onServerRequest, onNotification: (notification) => told.push(notification) })
    channel.receive(elicit)
    channel.receive('{"method":"notifications/message","params":{}}')
    expect(asked).toEqual([])
    expect(told).toEqual([])
    expect(orphans).toHaveLength(1)
    expect(written.at(-1)).toContain('-32601')
  })
})

describe('calls in the background', () => {
  test('hold nothing: what the server says belongs to the one request beside them', async () => {
    const told: ServerNotification[] = []
    const background = call({ background: true, responseTimeoutMs: Number.POSITIVE_INFINITY })
    void call({ onServerRequest, onNotification: (notification) => told.push(notification) })
    channel.receive('{"method":"notifications/message","params":{}}')
    channel.receive(elicit)
    expect(told).toHaveLength(1)
    expect(asked).toHaveLength(1)
    expect(channel.inFlight).toBe(1)
    channel.receive('{"id":1,"result":{"b":1}}')
    expect((await background).text).toBe('{"b":1}')
  })

  test('that are given up owe no answer', async () => {
    const abort = new AbortController()
    const background = failureOf(call({ background: true, signal: abort.signal }))
    abort.abort()
    await background
    expect(channel.owesAnswer).toBe(false)
    expect(written.at(-1)).toContain('"notifications/cancelled","params":{"requestId":1')
  })

  test('a subscription hears what names it, under the caller’s own id', async () => {
    const told: ServerNotification[] = []
    const listening = call({
      method: 'subscriptions/listen',
      background: true,
      subscriptionId: '"mine"',
      onNotification: (notification) => told.push(notification),
    })
    const holder: ServerNotification[] = []
    void call({ onNotification: (notification) => holder.push(notification) })
    const key = 'io.modelcontextprotocol/subscriptionId'
    channel.receive(`{"method":"notifications/tools/list_changed","params":{"_meta":{"${key}":1}}}`)
    channel.receive(`{"method":"notifications/message","params":{"_meta":{"${key}":99}}}`)
    expect(told.map(({ message }) => JSON.parse(message).params._meta[key])).toEqual(['mine'])
    // It names a subscription that there is no more.
    expect(holder).toEqual([])
    channel.receive(`{"id":1,"result":{"_meta":{"${key}":1}}}`)
    expect(JSON.parse((await listening).text)._meta[key]).toBe('mine')
  })
})

describe('changes', () => {
  beforeEach(() => {
    channel = open({ onChange: (notification) => void changes.push(notification) })
  })

  test('of a resource go to who watches, not to who happens to hold the process; of a list to both', () => {
    const told: ServerNotification[] = []
    void call({ onNotification: (notification) => told.push(notification) })
    channel.receive('{"method":"notifications/resources/updated","params":{"uri":"a"}}')
    channel.receive('{"method":"notifications/tools/list_changed"}')
    channel.receive('{"method":"notifications/message","params":{}}')
    expect(changes.map(({ method }) => method)).toEqual([
      'notifications/resources/updated',
      'notifications/tools/list_changed',
    ])
    expect(told.map(({ method }) => method)).toEqual(['notifications/tools/list_changed', 'notifications/message'])
  })
})

describe('with a real server', () => {
  test('a tool that asks the client gets the holder’s answer', async () => {
    const { upstream } = start({ child: 'serverRequest' })
    const reply = await upstream.request(
      callTool(
        'ask',
        { method: 'sampling/createMessage', params: { maxTokens: 1 } },
        {
          profile: { era: 'legacy', capabilities: '{"sampling":{}}' },
          onServerRequest: ({ method, params, answer }) => void answer('result', JSON.stringify({ method, params })),
        },
      ),
    )
    expect(JSON.parse(textOf(reply)).result).toEqual({
      method: 'sampling/createMessage',
      params: '{"maxTokens":1}',
    })
  })

  test('the log level is raised once after the handshake: every session filters for itself', async () => {
    const { upstream } = start({ child: 'progress' })
    const told: ServerNotification[] = []
    await upstream.request(
      callTool('work', { steps: 1 }, { onNotification: (notification) => told.push(notification) }),
    )
    expect(told.map(({ method }) => method)).toContain('notifications/message')
  })
})
