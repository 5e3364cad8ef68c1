import { beforeEach, describe, expect, test } from 'vitest'
import { type Call, Channel } from '../../electron/upstream/channel.ts'
import type { ServerNotification } from '../../electron/upstream/types.ts'
import { AppError } from '../../shared/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { failureOf } from './failure.ts'

let clock: FakeClock
let written: string[]
let invalid: string[]
let orphans: ServerNotification[]
let listenerErrors: unknown[]
let channel: Channel
let writeFails: AppError | undefined

function open(mcp = true): Channel {
  return new Channel({
    clock,
    mcp,
    write: (line) => {
      if (writeFails) throw writeFails
      written.push(line)
    },
    describe: () => ({ pid: 42 }),
    onNotification: (notification) => orphans.push(notification),
    onInvalid: (line) => invalid.push(line),
    onListenerError: (error) => listenerErrors.push(error),
  })
}

beforeEach(() => {
  clock = new FakeClock()
  written = []
  invalid = []
  orphans = []
  listenerErrors = []
  writeFails = undefined
  channel = open()
})

const call = (more: Partial<Call> = {}) => channel.call({ method: 'tools/call', responseTimeoutMs: 1000, ...more })

describe('ids', () => {
  test('are minted, and answers find their requests in any order', async () => {
    const first = call({ params: '{"a":1}' })
    const second = call()
    expect(written).toEqual([
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":1}}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/call"}',
    ])
    channel.receive('{"id":2,"result":{"n":9007199254740993}}')
    channel.receive('{"error":{"code":1,"message":""},"id":1}')
    expect(await first).toEqual({ kind: 'error', text: '{"code":1,"message":""}' })
    expect(await second).toEqual({ kind: 'result', text: '{"n":9007199254740993}' })
    expect(channel.inFlight).toBe(0)
  })

  test('have one timer among them, which ends with what it was for', async () => {
    const answers = Array.from({ length: 20 }, () => call())
    expect(clock.pending).toBe(1)
    for (let id = 1; id <= 20; id++) channel.receive(`{"id":${id},"result":{}}`)
    await Promise.all(answers)
    clock.advance(1000)
    expect(clock.pending).toBe(0)
    void call().catch(() => {})
    channel.fail(new AppError('CONNECTION_LOST', 'gone'))
    expect(clock.pending).toBe(0)
  })

  test('an answer to nothing, a second answer, and what is no message are told as invalid', async () => {
    const answer = call()
    for (const line of [
      '{"id":7,"result":{}}',
      '{"id":"1","result":{}}',
      '{"id":1}',
      'Listening on 80',
      '[]',
      '{"id":1,',
    ]) {
      channel.receive(line)
    }
    expect(invalid).toHaveLength(6)
    channel.receive('{"id":1,"result":{}}')
    channel.receive('{"id":1,"result":{}}')
    expect(await answer).toEqual({ kind: 'result', text: '{}' })
    expect(invalid).toHaveLength(7)
  })

  test('several messages in one are taken one by one', async () => {
    const [first, second] = [call(), call()]
    channel.receive('[{"id":2,"result":{"n":1.0}}, {"method":"notifications/x"}, {"id":1,"result":[1]}]')
    expect(await first).toEqual({ kind: 'result', text: '[1]' })
    expect(await second).toEqual({ kind: 'result', text: '{"n":1.0}' })
    expect(orphans).toEqual([{ method: 'notifications/x', message: '{"method":"notifications/x"}' }])
    expect(invalid).toEqual([])
  })

  test('an error without an id belongs to the only request under way, and to none of several', async () => {
    const only = call()
    channel.receive('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}')
    expect(await only).toMatchObject({ kind: 'error' })
    const one = call()
    const other = call()
    channel.receive('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}')
    expect(invalid).toHaveLength(1)
    channel.receive('{"id":2,"result":1}')
    channel.receive('{"id":3,"result":1}')
    await Promise.all([one, other])
  })

  test('a raw carriage return never reaches whoever relays the answer', async () => {
    const answer = call()
    channel.receive('{"id":1,\r"result":{"a":\r1}}')
    expect(await answer).toEqual({ kind: 'result', text: '{"a": 1}' })
  })
})

describe('time', () => {
  test('the response timeout starts with the request and progress starts it anew', async () => {
    const answer = failureOf(call({ params: '{"_meta":{"progressToken":"t"}}' }))
    await clock.advance(900)
    channel.receive('{"method":"notifications/progress","params":{"progressToken":1,"progress":1}}')
    await clock.advance(900)
    expect(channel.inFlight).toBe(1)
    await clock.advance(100)
    const error = await answer
    expect(error.code).toBe('RESPONSE_TIMEOUT')
    expect(error.data).toMatchObject({ method: 'tools/call', responseTimeoutMs: 1000, pid: 42 })
    expect(written.at(-1)).toContain('"method":"notifications/cancelled","params":{"requestId":1')
  })

  test('no progress moves the deadline', async () => {
    const answer = failureOf(
      call({ deadline: clock.now() + 1500, onNotification: () => {}, params: '{"_meta":{"progressToken":0}}' }),
    )
    for (let i = 0; i < 3; i++) {
      await clock.advance(500)
      channel.receive('{"method":"notifications/progress","params":{"progressToken":1,"progress":1}}')
    }
    expect((await answer).code).toBe('DEADLINE_EXCEEDED')
  })

  test('a late answer clears what is owed, in time or not', async () => {
    const answer = failureOf(call())
    await clock.advance(1000)
    expect((await answer).code).toBe('RESPONSE_TIMEOUT')
    expect(channel.owesAnswer).toBe(true)
    const inTime = channel.cleared(500)
    await clock.advance(100)
    channel.receive('{"id":1,"result":{}}')
    expect(await inTime).toBe(true)
    expect(channel.owesAnswer).toBe(false)
    expect(invalid).toEqual([])

    const again = failureOf(call())
    await clock.advance(1000)
    await again
    const tooLate = channel.cleared(500)
    await clock.advance(500)
    expect(await tooLate).toBe(false)
    expect(clock.pending).toBe(0)
  })

  test('plain JSON-RPC programs are not sent MCP notifications', async () => {
    channel = open(false)
    const answer = failureOf(call())
    await clock.advance(1000)
    await answer
    expect(written).toHaveLength(1)
  })
})

test('what ends all requests tells of each whether the server may have got it', async () => {
  const [first, second] = [failureOf(call()), failureOf(call())]
  channel.fail(new AppError('CONNECT_FAILED', 'of another', { written: false, port: 1 }), (id) => id === 1)
  expect(await first).toMatchObject({ code: 'CONNECT_FAILED', data: { written: true, port: 1 } })
  expect(await second).toMatchObject({ code: 'CONNECT_FAILED', data: { written: false, port: 1 } })
})

describe('cancelling', () => {
  test('tells the server which request, and rejects at once', async () => {
    const abort = new AbortController()
    const answer = failureOf(call({ signal: abort.signal }))
    abort.abort()
    expect((await answer).code).toBe('ABORTED')
    expect(written[1]).toContain('"requestId":1')
  })

  test('a signal that is aborted before, a closed pipe or a full one: thrown at once, nothing written', () => {
    expect(() => call({ signal: AbortSignal.abort() })).toThrow(expect.objectContaining({ code: 'ABORTED' }))
    writeFails = new AppError('STDIN_OVERFLOW', 'full')
    expect(() => call()).toThrow(writeFails)
    expect(written).toEqual([])
    expect(channel.inFlight).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('an end rejects what is under way, leaves no timer, and refuses what comes after', async () => {
    const answers = [failureOf(call()), failureOf(call())]
    const lost = new AppError('CONNECTION_LOST', 'gone')
    channel.fail(lost)
    expect(await Promise.all(answers)).toEqual([lost, lost])
    expect(() => call()).toThrow(lost)
    expect(clock.pending).toBe(0)
  })
})

describe('progress tokens', () => {
  test.each(['"token"', '"7"', '7', '0', '-1.50', '9007199254740993', '"\\u00e9 \\"x\\""'])(
    '%s comes back exactly',
    async (token) => {
      const told: ServerNotification[] = []
      const answer = call({
        params: `{"name":"x", "_meta": {"a":1,"progressToken": ${token},"b":2}}`,
        onNotification: (notification) => told.push(notification),
      })
      expect(written[0]).toContain('"params":{"name":"x", "_meta": {"a":1,"progressToken": 1,"b":2}}')
      channel.receive('{"method":"notifications/progress","params":{"progressToken":1 ,"progress":0.50}}')
      channel.receive('{"id":1,"result":{}}')
      await answer
      expect(told).toEqual([
        {
          method: 'notifications/progress',
          message: `{"method":"notifications/progress","params":{"progressToken":${token} ,"progress":0.50}}`,
        },
      ])
    },
  )

  test('progress for a request that is over, or that asked for none, goes nowhere', async () => {
    const told: ServerNotification[] = []
    const answer = call({ params: '{}', onNotification: (notification) => told.push(notification) })
    channel.receive('{"method":"notifications/progress","params":{"progressToken":1,"progress":1}}')
    channel.receive('{"id":1,"result":{}}')
    await answer
    channel.receive('{"method":"notifications/progress","params":{"progressToken":1,"progress":1}}')
    expect(told).toEqual([])
    expect(orphans).toEqual([])
  })
})

describe('what comes from the server unasked', () => {
  const note = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1.0}}'

  test('goes byte for byte to the one request under way, otherwise to whoever listens to the connection', async () => {
    const told: ServerNotification[] = []
    const onNotification = (notification: ServerNotification) => told.push(notification)
    channel.receive(note)
    const one = call({ onNotification })
    channel.receive(note)
    const other = call({ onNotification })
    channel.receive(note)
    expect(told).toEqual([{ method: 'notifications/message', message: note }])
    expect(orphans).toHaveLength(2)
    channel.receive('{"id":1,"result":1}')
    channel.receive('{"id":2,"result":1}')
    await Promise.all([one, other])
  })

  test('ping is answered, anything else is not found; ids come back as they were written', () => {
    channel.receive('{"jsonrpc":"2.0","id":"a\\"b","method":"ping"}')
    channel.receive('{"jsonrpc":"2.0","id":1.50,"method":"roots/list"}')
    expect(written).toEqual([
      '{"jsonrpc":"2.0","id":"a\\"b","result":{}}',
      '{"jsonrpc":"2.0","id":1.50,"error":{"code":-32601,"message":"Method not found: roots/list"}}',
    ])
    writeFails = new AppError('CONNECTION_LOST', 'gone')
    channel.receive('{"jsonrpc":"2.0","id":2,"method":"ping"}')
  })

  test('a listener that throws does not keep the answer from arriving', async () => {
    const answer = call({
      onNotification: () => {
        throw new Error('mine')
      },
    })
    channel.receive(note)
    channel.receive('{"id":1,"result":{}}')
    expect(await answer).toMatchObject({ kind: 'result' })
    expect(listenerErrors).toHaveLength(1)
  })
})

describe('a line that was too long', () => {
  const tooLong = new AppError('LINE_TOO_LONG', 'too long')

  test('fails the request that it names at either end, or the only one under way', async () => {
    const answers = [failureOf(call()), failureOf(call()), failureOf(call())]
    channel.skippedLine(tooLong, '{"jsonrpc":"2.0","id":2,"result":{"content":"xxx', 'xxx"}}')
    expect(channel.inFlight).toBe(2)
    channel.skippedLine(tooLong, '{"result":{"content":"xxx', 'xxx"},"jsonrpc":"2.0","id":1}')
    channel.skippedLine(tooLong, '{"result":{"content":"xxx', 'xxx"},"id":3,"vendor":1}')
    expect(await Promise.all(answers)).toEqual([tooLong, tooLong, tooLong])
  })

  test("is nobody's when it is a notification", async () => {
    const answer = call()
    channel.skippedLine(tooLong, '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"xx', 'xx"}}')
    expect(invalid).toHaveLength(1)
    channel.receive('{"id":1,"result":{}}')
    await answer
  })
})
