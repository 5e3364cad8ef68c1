import { expect, test } from 'vitest'
import type { Handshake, ServerNotification } from '../../../electron/upstream/types.ts'
import { startGateway } from '../support/harness.ts'
import { type SseEvent, sse } from '../support/http.ts'
import { metaKey, modern, modernVersion } from '../support/modern.ts'
import { handshake, ScriptedUpstream } from '../support/scripted-upstream.ts'

const id = metaKey('subscriptionId')
const json = (event: SseEvent | undefined) => JSON.parse(event?.data ?? 'null')
const note = (method: string, params?: object): ServerNotification => ({
  method,
  message: JSON.stringify({ jsonrpc: '2.0', method, params }),
})
const changed = note('notifications/tools/list_changed')
const updated = (uri: string) => note('notifications/resources/updated', { uri, 'x-n': 1 })

async function start(era: Handshake['era'] = 'modern') {
  const upstream = new ScriptedUpstream('one')
  upstream.eras = [era]
  upstream.shake = async () => ({
    ...handshake,
    era,
    protocolVersion: era === 'modern' ? modernVersion : '2025-11-25',
    ...(era === 'modern' && { initializeResult: '{"resultType":"complete"}' }),
  })
  const { url, gateway } = await startGateway({ upstreams: [upstream] })
  const client = modern(`${url}/mcp/one`)
  const listen = (notifications: object, more = {}) =>
    client.open('subscriptions/listen', { notifications }, { id: 9, ...more })
  const tell = (notification: ServerNotification) => {
    for (const { listener } of upstream.watches) listener(notification)
  }
  return { upstream, gateway, client, listen, tell }
}

test.each(['modern', 'legacy'] as const)(
  'a %s server: acknowledged first with what it tells, then each message marked with the id of the request',
  async (era) => {
    const { upstream, listen, tell } = await start(era)
    // A legacy server says it by itself.
    const changes = () =>
      era === 'modern' ? tell(changed) : upstream.events.emit('notification', { ...changed, connectionId: 'c' })
    const response = await listen({
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: false,
      resourceSubscriptions: ['a:1', 'a:1'],
    })
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream'])
    const events = sse(response)
    expect(json(await events.next())).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['a:1'] }, _meta: { [id]: 9 } },
    })
    expect([...upstream.watches].map(({ what }) => what)).toEqual(
      era === 'modern' ? [{ list: 'tools' }, { uri: 'a:1' }] : [{ uri: 'a:1' }],
    )
    changes()
    expect(json(await events.next())).toEqual({
      jsonrpc: '2.0',
      method: changed.method,
      params: { _meta: { [id]: 9 } },
    })
    response.destroy()
    await expect.poll(() => upstream.watches.size + upstream.events.listenerCount).toBe(0)
  },
)

test('a marked message keeps its other members, and loses the mark of another subscription', async () => {
  const { listen, tell } = await start()
  const events = sse(await listen({ resourceSubscriptions: ['a:1'] }, { id: 'mine' }))
  await events.next()
  tell(note('notifications/resources/updated', { uri: 'a:1', n: 1, _meta: { [id]: 1, 'x/y': 2 } }))
  expect(json(await events.next()).params).toEqual({ uri: 'a:1', n: 1, _meta: { [id]: 'mine', 'x/y': 2 } })
})

test('what comes while the server is asked follows the acknowledgement', async () => {
  const { upstream, listen } = await start()
  const watch = upstream.watch.bind(upstream)
  upstream.watch = async (what, listener) => {
    const watched = await watch(what, listener)
    listener(updated('a:1'))
    return watched
  }
  const events = sse(await listen({ resourceSubscriptions: ['a:1'] }))
  expect(json(await events.next()).method).toBe('notifications/subscriptions/acknowledged')
  expect(json(await events.next()).params.uri).toBe('a:1')
})

test('what the server refuses, or never tells, is not acknowledged; with nothing left the stream ends with a result', async () => {
  const { upstream, listen } = await start()
  upstream.refuseWatch = () => '{"code":-32602,"message":"no such resource"}'
  const events = (await sse(await listen({ promptsListChanged: true, resourceSubscriptions: ['a:1'] })).all()).map(json)
  expect(events).toEqual([
    {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: {}, _meta: { [id]: 9 } },
    },
    { jsonrpc: '2.0', id: 9, result: { resultType: 'complete', _meta: { [id]: 9 } } },
  ])
})

test.each([[{}], [{ toolsListChanged: 1 }], [{ resourceSubscriptions: [1] }], [{ resourceSubscriptions: 'a' }]])(
  'a filter that is none is -32602: %o',
  async (notifications) => {
    const { client, upstream } = await start()
    const params = Object.keys(notifications).length === 0 ? {} : { notifications }
    const reply = await client.post('subscriptions/listen', params)
    expect([reply.status, reply.json.error.code, upstream.watches.size]).toEqual([200, -32602, 0])
  },
)

test('at shutdown it ends with a result, so that the client knows that nothing was lost', async () => {
  const { gateway, listen, upstream } = await start()
  const events = sse(await listen({ toolsListChanged: true }))
  await events.next()
  const closing = gateway.close({ drainMs: 1_000 })
  expect(json(await events.next())).toMatchObject({ id: 9, result: { resultType: 'complete', _meta: { [id]: 9 } } })
  expect(await events.next()).toBeUndefined()
  await closing
  expect(upstream.watches.size).toBe(0)
})

test('a change that another client brings about on its own process is heard', async () => {
  const { upstream, client, listen } = await start('legacy')
  const events = sse(await listen({ toolsListChanged: true, promptsListChanged: true }))
  await events.next()
  upstream.request = async ({ onNotification }) => {
    for (const told of [note('notifications/prompts/list_changed'), changed]) onNotification?.(told)
    return {
      kind: 'result',
      text: '{"content":[]}',
      connectionId: 'c',
      pid: 1,
      timing: { queueMs: 0, coldStart: false, callMs: 0, attempts: 1 },
    }
  }
  const reply = await client.post('tools/call', { name: 't' })
  // Not part of the answer to the call: it was not asked for there.
  expect(reply.headers['content-type']).toBe('application/json')
  expect(json(await events.next()).method).toBe(changed.method)
})
