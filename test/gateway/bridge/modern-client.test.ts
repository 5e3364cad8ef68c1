import { describe, expect, test } from 'vitest'
import type { ServerNotification, UpstreamRequest } from '../../../electron/upstream/types.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { initialize, startGateway } from '../support/harness.ts'
import { send, sse } from '../support/http.ts'
import { metaKey, modern } from '../support/modern.ts'
import { handshake, type Script, ScriptedUpstream, serverRequest } from '../support/scripted-upstream.ts'

const serverInfo = { [metaKey('serverInfo')]: { name: 'scripted', version: '1.0.0' } }
const complete = { resultType: 'complete', _meta: serverInfo }
const all = { logging: {}, tools: {}, prompts: {}, resources: {}, completions: {} }
const asks = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }

/** A modern client before a server of the legacy era. */
async function start(script: Script = () => '{}', options: Parameters<typeof startGateway>[0] = {}, config = {}) {
  const upstream = new ScriptedUpstream('one', script, config)
  upstream.shake = async () => ({ ...handshake, capabilities: all })
  const started = await startGateway({ upstreams: [upstream], ...options })
  const endpoint = `${started.url}/mcp/one`
  const sent = () => upstream.requests.filter(({ method }) => method !== 'tools/list')
  return { ...started, upstream, endpoint, client: modern(endpoint), sent }
}

const note = (method: string, params: object): ServerNotification => ({
  method,
  message: JSON.stringify({ jsonrpc: '2.0', method, params }),
})

describe('server/discover', () => {
  test('tells what the server said in its InitializeResult, as it said it; tasks are left out', async () => {
    const { client, upstream } = await start()
    upstream.shake = async () => ({
      ...handshake,
      initializeResult:
        '{"protocolVersion":"2025-06-18","capabilities":{"tools":{ "listChanged":true},"tasks":{"list":{}},"x":9007199254740993},"serverInfo":{"name":"s","version":"1","icons":[]},"instructions":"how"}',
    })
    const { text } = await client.post('server/discover', {}, { id: 1 })
    expect(text).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{ "listChanged":true},"x":9007199254740993},"instructions":"how","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1","icons":[]}}}}',
    )
  })
})

describe('requests', () => {
  test('lose what only modern servers know, and nothing else', async () => {
    const { client, sent } = await start()
    const meta = { progressToken: 'p', traceparent: '00-1-2-03', 'vendor/key': 9 }
    await client.post('tools/call', '{"arguments":{"n":9007199254740993}, "name":"t"}', { meta })
    await client.post('prompts/list')
    expect(sent().map(({ params }) => params)).toEqual([
      '{"arguments":{"n":9007199254740993},"name":"t","_meta":{"progressToken":"p","traceparent":"00-1-2-03","vendor/key":9}}',
      '{}',
    ])
  })

  test('go to processes that were told what this client can be asked', async () => {
    const { client, sent } = await start()
    await client.post(
      'prompts/list',
      {},
      { capabilities: { sampling: {}, extensions: { x: {} }, elicitation: { url: {} } } },
    )
    await client.post('prompts/list', {}, { capabilities: { roots: { listChanged: true } } })
    expect(sent().map(({ profile }) => profile)).toEqual([
      { era: 'legacy', capabilities: '{"elicitation":{"url":{}},"sampling":{}}' },
      { era: 'legacy', capabilities: '{"roots":{}}' },
    ])
  })

  test('of the legacy era, and of tasks, are 404 with -32601', async () => {
    const { client, upstream } = await start()
    for (const method of ['ping', 'logging/setLevel', 'resources/subscribe', 'initialize', 'tasks/get']) {
      const reply = await client.post(method, { taskId: 't' }, { headers: { 'mcp-name': 't' } })
      expect([method, reply.status, reply.json.error.code]).toEqual([method, 404, -32601])
    }
    expect(upstream.requests).toEqual([])
  })

  test('of what the server did not advertise are -32601', async () => {
    const { client, upstream } = await start()
    upstream.shake = async () => ({ ...handshake, capabilities: { tools: {} } })
    expect((await client.post('prompts/list')).json.error.code).toBe(-32601)
    expect((await client.post('completion/complete')).json.error.code).toBe(-32601)
    expect((await client.post('tools/list')).json.error).toBeUndefined()
  })
})

describe('results', () => {
  test('are complete; lists and what was read are not to be cached; the rest passes byte for byte', async () => {
    const { client } = await start(({ method }) =>
      method === 'tools/list' ? '{"tools":[]}' : '{ "n":9007199254740993,  "x":{"y":1},"_meta":{"a":1}}',
    )
    expect((await client.post('resources/read', { uri: 'a:1' }, { id: 1 })).json.result).toMatchObject({
      ttlMs: 0,
      cacheScope: 'private',
    })
    const call = await client.post('tools/call', { name: 't' }, { id: 1 })
    const meta = '"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{"name":"scripted","version":"1.0.0"}}'
    expect(call.text).toContain(`{ "n":9007199254740993,  "x":{"y":1},${meta},"resultType":"complete"}`)
    expect((await client.post('prompts/list')).json.result).toMatchObject({ resultType: 'complete', ttlMs: 0 })
  })

  test('tools that can only be run as a task are hidden', async () => {
    const { client } = await start(
      () =>
        '{"tools":[{"name":"a","execution":{"taskSupport":"required"}},{"name":"b","execution":{"taskSupport":"optional"}}]}',
    )
    expect((await client.post('tools/list')).json.result.tools.map(({ name }: { name: string }) => name)).toEqual(['b'])
  })

  test.each([
    [-32002, -32602, 200],
    [-32020, -32603, 200],
    [-32021, -32603, 200],
    [-32022, -32603, 200],
    [-32601, -32601, 404],
    [-32000, -32000, 200],
    [7, 7, 200],
  ])('the error %i becomes %i', async (code, mapped, status) => {
    const { client } = await start(() => ({ error: `{"code":${code}, "message":"m","data":{"n":9007199254740993}}` }))
    const reply = await client.post('resources/read', { uri: 'a:1' })
    expect([reply.status, reply.json.error.code]).toEqual([status, mapped])
    expect(reply.text).toContain('"data":{"n":9007199254740993}')
  })

  test('log messages come at the level that was asked for; without one none does', async () => {
    const { client } = await start(({ onNotification }) => {
      for (const level of ['debug', 'warning', 'error']) onNotification?.(note('notifications/message', { level }))
      onNotification?.(note('notifications/progress', { progressToken: 1, progress: 1 }))
      return '{}'
    })
    const told = async (logLevel?: string) =>
      (await sse(await client.open('prompts/get', { name: 'p' }, { ...(logLevel && { logLevel }) })).all())
        .map(({ data }) => JSON.parse(data ?? ''))
        .flatMap(({ params }) => params?.level ?? (params ? 'progress' : []))
    expect(await told('warning')).toEqual(['warning', 'error', 'progress'])
    expect(await told()).toEqual(['progress'])
  })
})

describe('questions of the server', () => {
  const form = '{"message":"Name?","requestedSchema":{"type":"object","properties":{"n":{"type":"string"}}}}'

  test('become an input_required result; the retry gives the answers back and gets the result', async () => {
    const { request, answer } = serverRequest('elicitation/create', form)
    const { request: second, answer: secondAnswer } = serverRequest(
      'sampling/createMessage',
      '{"messages":[],"maxTokens":1}',
    )
    const { client, sent } = await start(async ({ method, onServerRequest }) => {
      if (method === 'tools/list') return '{"tools":[]}'
      onServerRequest?.(request)
      onServerRequest?.(second)
      return `{"content":[],"got":[${(await answer).text},${(await secondAnswer).text}]}`
    })
    const asked = (await client.post('tools/call', { name: 't' }, { capabilities: asks })).json.result
    expect(asked.resultType).toBe('input_required')
    const [first = '', other = ''] = Object.keys(asked.inputRequests)
    expect(asked.inputRequests[first]).toEqual({ method: 'elicitation/create', params: JSON.parse(form) })
    expect(asked.requestState.length).toBeGreaterThanOrEqual(22)
    const inputResponses = `{"${other}":{"model":"m"},"${first}":{"action":"accept","content":{"n":9007199254740993}}}`
    const retry = `{"name":"t","requestState":"${asked.requestState}","inputResponses":${inputResponses}}`
    const reply = await client.post('tools/call', retry, { capabilities: asks })
    expect(reply.text).toContain('"got":[{"action":"accept","content":{"n":9007199254740993}},{"model":"m"}]')
    expect(reply.json.result).toMatchObject(complete)
    // One call, however many rounds.
    expect(sent()).toHaveLength(1)
  })

  test('that come later are asked in the next round; missing answers are asked for again', async () => {
    const one = serverRequest('elicitation/create', form)
    const two = serverRequest('roots/list')
    const three = serverRequest('elicitation/create', form)
    const { client } = await start(async ({ method, onServerRequest }) => {
      if (method !== 'prompts/get') return '{}'
      onServerRequest?.(one.request)
      onServerRequest?.(two.request)
      await Promise.all([one.answer, two.answer])
      onServerRequest?.(three.request)
      await three.answer
      return '{"messages":[]}'
    })
    const post = async (more: object) =>
      (await client.post('prompts/get', { name: 'p', ...more }, { capabilities: asks })).json.result
    let asked = await post({})
    const keys = Object.keys(asked.inputRequests)
    asked = await post({ requestState: asked.requestState, inputResponses: { [keys[0] ?? '']: { action: 'decline' } } })
    expect(Object.keys(asked.inputRequests)).toEqual([keys[1]])
    asked = await post({ requestState: asked.requestState, inputResponses: { [keys[1] ?? '']: { roots: [] } } })
    expect(Object.keys(asked.inputRequests)).toHaveLength(1)
    const [last = ''] = Object.keys(asked.inputRequests)
    expect(
      await post({ requestState: asked.requestState, inputResponses: { [last]: { action: 'cancel' } } }),
    ).toMatchObject({
      messages: [],
      resultType: 'complete',
    })
  })

  test('lead nowhere for another request, another client, a second use, or after five minutes', async () => {
    const clock = new FakeClock()
    const aborted: boolean[] = []
    const { client } = await start(
      (request: UpstreamRequest) => {
        if (request.method !== 'prompts/get') return '{}'
        request.signal?.addEventListener('abort', () => aborted.push(true))
        const { request: question, answer } = serverRequest('elicitation/create', form)
        request.onServerRequest?.(question)
        return answer.then(() => '{"messages":[]}')
      },
      { clock },
    )
    const ask = async () => {
      const asking = client.post('prompts/get', { name: 'p', arguments: { a: '1', b: '2' } }, { capabilities: asks })
      let settled = false
      void asking.then(() => {
        settled = true
      })
      // The questions are gathered for a moment of the clock.
      await expect.poll(() => clock.advance(20).then(() => settled)).toBe(true)
      const { inputRequests, requestState } = (await asking).json.result
      const [key = ''] = Object.keys(inputRequests)
      return { requestState, inputResponses: { [key]: { action: 'decline' } } }
    }
    const retry = async (more: object, options = {}, method = 'prompts/get') =>
      (await client.post(method, { name: 'p', ...more }, { capabilities: asks, ...options })).json
    const args = { arguments: { b: '2', a: '1' } }
    const state = await ask()
    const invalid = { code: -32602, message: 'Invalid or expired requestState' }
    expect((await retry({ ...args, ...state, name: 'q' })).error).toEqual(invalid)
    expect((await retry({ arguments: { a: '1' }, ...state })).error).toEqual(invalid)
    expect((await retry({ ...args, ...state }, {}, 'tools/call')).error).toEqual(invalid)
    expect((await retry({ ...args, ...state }, { headers: { authorization: 'Bearer other' } })).error).toEqual(invalid)
    expect((await retry({ ...args, ...state, requestState: `${state.requestState}x` })).error).toEqual(invalid)
    expect((await retry({ ...args, ...state, requestState: 7 })).error).toEqual(invalid)
    expect((await retry({ ...args, ...state })).result).toMatchObject({ messages: [] })
    expect((await retry({ ...args, ...state })).error).toEqual(invalid)
    const late = await ask()
    expect(aborted).toEqual([])
    await clock.advance(300_000)
    expect((await retry({ ...args, ...late })).error).toEqual(invalid)
    expect(aborted).toEqual([true])
  })

  test('outside of calls, and those that the client did not declare, are refused to the server', async () => {
    const undeclared = serverRequest('sampling/createMessage', '{"messages":[]}')
    const unknown = serverRequest('custom/ask')
    const offered: unknown[] = []
    const { client } = await start(({ method, onServerRequest }) => {
      offered.push(onServerRequest)
      if (method !== 'prompts/get') return '{}'
      onServerRequest?.(undeclared.request)
      onServerRequest?.(unknown.request)
      return '{}'
    })
    await client.post('prompts/list', {}, { capabilities: asks })
    expect(offered).toEqual([undefined])
    await client.post('prompts/get', { name: 'p' }, { capabilities: { elicitation: {} } })
    for (const { answer } of [undeclared, unknown]) expect(JSON.parse((await answer).text).code).toBe(-32601)
  })

  test('a question that the server takes back is not asked', async () => {
    const { request, cancel } = serverRequest('elicitation/create', form)
    const { client } = await start(async ({ method, onServerRequest }) => {
      if (method !== 'prompts/get') return '{}'
      onServerRequest?.(request)
      cancel()
      return '{"messages":[]}'
    })
    const reply = await client.post('prompts/get', { name: 'p' }, { capabilities: asks })
    expect(reply.json.result.resultType).toBe('complete')
  })

  test('ids of URL elicitations stay behind', async () => {
    const url = '{"mode":"url","message":"m","url":"https://x.y","elicitationId":"e1","_meta":{"progressToken":1}}'
    const { request } = serverRequest('elicitation/create', url)
    const { client } = await start(({ method, onServerRequest }) => {
      if (method !== 'prompts/get') return '{}'
      onServerRequest?.(request)
      return new Promise(() => {})
    })
    const { result } = (await client.post('prompts/get', { name: 'p' }, { capabilities: asks })).json
    expect(Object.values(result.inputRequests)).toEqual([
      { method: 'elicitation/create', params: { mode: 'url', message: 'm', url: 'https://x.y' } },
    ])
  })

  test('a client that goes away ends the call; one that was asked leaves it waiting, and shutdown ends it', async () => {
    const { request } = serverRequest('elicitation/create', form)
    const { client, upstream, gateway } = await start(({ params, onServerRequest, onNotification }) => {
      if (params?.includes('asks')) onServerRequest?.(request)
      else onNotification?.(note('notifications/progress', { progress: 1 }))
      return new Promise(() => {})
    })
    const dropped = await client.open('prompts/get', { name: 'tells' }, { capabilities: asks })
    expect(upstream.inFlight).toBe(1)
    dropped.destroy()
    await expect.poll(() => upstream.inFlight).toBe(0)
    await client.post('prompts/get', { name: 'asks' }, { capabilities: asks })
    expect(upstream.inFlight).toBe(1)
    await gateway.close({ drainMs: 0 })
    await expect.poll(() => upstream.inFlight).toBe(0)
  })

  test('progress after a retry counts under the token of the retry', async () => {
    const { request, answer } = serverRequest('elicitation/create', form)
    const { client } = await start(async ({ method, onServerRequest, onNotification }) => {
      if (method !== 'prompts/get') return '{}'
      onServerRequest?.(request)
      await answer
      onNotification?.(note('notifications/progress', { progressToken: 'first', progress: 1 }))
      return '{}'
    })
    const options = (progressToken: unknown) => ({ capabilities: asks, meta: { progressToken } })
    const asked = (await client.post('prompts/get', { name: 'p' }, options('first'))).json.result
    const [key = ''] = Object.keys(asked.inputRequests)
    const retry = { name: 'p', requestState: asked.requestState, inputResponses: { [key]: { action: 'accept' } } }
    const events = await sse(await client.open('prompts/get', retry, options(5))).all()
    expect(JSON.parse(events[0]?.data ?? '').params).toEqual({ progressToken: 5, progress: 1 })
  })
})

describe('URLs that have to be visited first (-32042)', () => {
  const error =
    '{"code":-32042,"message":"visit","data":{"elicitations":[{"mode":"url","message":"m","url":"https://x.y","elicitationId":"e"}]}}'

  test('are asked for, and the retry is a new call', async () => {
    let calls = 0
    const { client } = await start(({ method }) =>
      method === 'prompts/get' && ++calls === 1 ? { error } : '{"messages":[]}',
    )
    const asked = (await client.post('prompts/get', { name: 'p' }, { capabilities: asks })).json.result
    const [key = ''] = Object.keys(asked.inputRequests)
    expect(asked.inputRequests[key].params).toEqual({ mode: 'url', message: 'm', url: 'https://x.y' })
    const retry = { name: 'p', requestState: asked.requestState, inputResponses: { [key]: { action: 'accept' } } }
    expect((await client.post('prompts/get', retry, { capabilities: asks })).json.result.resultType).toBe('complete')
    expect(calls).toBe(2)
  })

  test('are -32021 with 400 for a client that did not declare them', async () => {
    const { client } = await start(({ method }) => (method === 'prompts/get' ? { error } : '{}'))
    const reply = await client.post('prompts/get', { name: 'p' }, { capabilities: { elicitation: {} } })
    expect([reply.status, reply.json.error.code]).toEqual([400, -32021])
    expect(reply.json.error.data).toEqual({ requiredCapabilities: { elicitation: { url: {} } } })
  })
})

test('a server with a process for each session is 400 without a modern error, so that a client of both eras falls back', async () => {
  const { client, endpoint } = await start(undefined, {}, { isolation: 'session' })
  const reply = await client.post('server/discover', {}, { id: 2 })
  expect([reply.status, reply.json.error.code, reply.json.id]).toEqual([400, -32000, 2])
  expect((await send(endpoint, { body: initialize() })).status).toBe(200)
})
