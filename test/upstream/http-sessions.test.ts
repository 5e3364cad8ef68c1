import { describe, expect, test } from 'vitest'
import type { ServerRequest } from '../../electron/upstream/types.ts'
import { reach, serve, stream } from './http-support.ts'
import { callTool, eventually, textOf } from './support.ts'

const withElicitation = { era: 'legacy', capabilities: '{"elicitation":{},"roots":{},"sampling":{}}' } as const

describe('requests of the server’s own', () => {
  test.each(['http', 'sse'] as const)(
    'go to the call that they belong to, and are answered by POST: %s',
    async (transport) => {
      const server = await serve(transport === 'sse' ? { transport: 'sse' } : { eras: ['legacy'] })
      const { upstream } = reach(server.url, { transport, protocol: 'legacy' })
      const asked: ServerRequest[] = []
      const reply = await upstream.request({
        ...callTool('elicit', { message: 'Who?' }),
        profile: withElicitation,
        onServerRequest: (request) => {
          asked.push(request)
          request.answer('result', '{"action":"accept","content":{"name":"Ada"}}')
        },
      })
      expect(asked.map(({ method }) => method)).toEqual(['elicitation/create'])
      expect(JSON.parse(textOf(reply))).toEqual({ action: 'accept', content: { name: 'Ada' } })
    },
  )

  test('of two calls at once each come to their own', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy', isolation: 'multiplex', pool: { maxInFlight: 8 } })
    const call = async (name: string) => {
      const reply = await upstream.request({
        ...callTool('elicit', { message: name }),
        profile: withElicitation,
        onServerRequest: ({ params, answer }) =>
          void answer(
            'result',
            JSON.stringify({ action: 'accept', content: { name: JSON.parse(String(params)).message } }),
          ),
      })
      return JSON.parse(textOf(reply)).content.name
    }
    const names = ['a', 'b', 'c', 'd']
    expect(await Promise.all(names.map(call))).toEqual(names)
    expect(upstream.view().pool.opened).toBe(1)
  })
})

describe('a client’s own session', () => {
  const initialize = JSON.stringify({
    protocolVersion: '2025-06-18',
    capabilities: { roots: {} },
    clientInfo: { name: 'the client', version: '9' },
  })

  test('is initialized with its own words, says initialized itself, and hears the server afterwards', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { isolation: 'session' })
    const session = await upstream.openSession({ initialize })
    expect(server.records.of('initialize')[0]?.params).toEqual(JSON.parse(initialize))
    expect(server.records.of('notifications/initialized')).toEqual([])
    expect(server.records.requests.filter(({ verb }) => verb === 'GET')).toEqual([])
    const told: string[] = []
    session.onNotification = ({ method }) => told.push(method)
    session.notify('notifications/initialized')
    await stream(upstream, 'notifications', 'open')
    server.world.change('tools')
    await expect.poll(() => told, eventually).toEqual(['notifications/tools/list_changed'])
    const replies = await Promise.all([
      session.request(callTool('sessionState', { value: 1 })),
      session.request(callTool('slow', { ms: 20 })),
      session.request(callTool('echo', { text: 'x' })),
    ])
    expect(replies.map(textOf)).toEqual(['null', 'slow', 'x'])
    expect(textOf(await session.request(callTool('sessionState')))).toBe('1')
    const [id] = server.sessions
    session.close()
    await expect.poll(() => server.sessions, eventually).toEqual([])
    expect(server.records.requests.find(({ verb }) => verb === 'DELETE')?.session).toBe(id)
  })

  test('ends when the server does not know it any more', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { isolation: 'session' })
    const session = await upstream.openSession({ initialize })
    await session.request(callTool('echo', { text: 'x' }))
    server.forgetSessions()
    const error = await session.request(callTool('echo', { text: 'y' })).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', data: { status: 404 } })
    expect(session.ended.aborted).toBe(true)
  })
})
