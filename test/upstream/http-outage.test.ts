import { describe, expect, test } from 'vitest'
import { systemClock } from '../../electron/kit/clock.ts'
import { SessionHealth } from '../../electron/upstream/http/session-health.ts'
import { AppError } from '../../shared/errors.ts'
import { serialKey } from '../fixtures/http/index.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { failureOf } from './failure.ts'
import { reach, serve, watching } from './http-support.ts'
import { callTool, eventually, modernCall, textOf } from './support.ts'

const uri = 'test://one'

const serials = (told: { message: string }[]): unknown[] =>
  told.map(({ message }) => JSON.parse(message).params?._meta?.[serialKey]).filter((serial) => serial !== undefined)

describe('a server that is away for a moment', () => {
  test.each(['legacy', 'modern'] as const)('finds sessions and subscriptions as they were: %s', async (era) => {
    const server = await serve({ eras: [era] })
    // Nothing but the shortest waits.
    const { upstream, told } = reach(server.url, { pool: { maxConnections: 2 } }, { random: () => 0 })
    await upstream.eraFor(era)
    const call = (text: string) => (era === 'legacy' ? callTool('echo', { text }) : modernCall('echo', { text }))
    await upstream.request(call('before'))
    const watch = await watching(upstream, { uri })
    const opened = upstream.view().pool.opened
    await server.refuse()
    // The first may be written to a connection that is gone.
    await failureOf(upstream.request(call('lost')))
    for (let n = 0; n < 4; n++)
      expect(await failureOf(upstream.request(call('lost')))).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(upstream.view()).toMatchObject({ state: 'failing', lastFailure: { code: 'CONNECT_FAILED' } })
    // A legacy session replays what it missed.
    const sent = era === 'legacy' ? [server.world.update(uri)] : []
    await server.resume()
    await expect.poll(() => server.world.subscribers(uri).length, eventually).toBe(1)
    await expect.poll(() => upstream.view().state, eventually).toBe('ready')
    sent.push(server.world.update(uri))
    await expect.poll(() => serials(watch.told), eventually).toEqual(sent)
    expect(textOf(await upstream.request(call('after')))).toBe('after')
    expect(told['connection.closing']).toEqual([])
    expect(upstream.view().pool.opened).toBe(opened)
  })

  test('takes all sessions of the old transport at once: that is one failure, and they come back', async () => {
    const server = await serve({ transport: 'sse' })
    const { upstream, told } = reach(
      server.url,
      { transport: 'sse', pool: { maxConnections: 8, minIdle: 8 } },
      { random: () => 0 },
    )
    await expect.poll(() => upstream.view().pool.idle, eventually).toBe(8)
    expect(server.dropStreams()).toBe(8)
    await expect.poll(() => told['connection.closing'].length, eventually).toBe(8)
    expect(upstream.view().pool.breaker).toMatchObject({ state: 'closed' })
    expect(textOf(await upstream.request(callTool('echo', { text: 'again' })))).toBe('again')
    expect(told['breaker.opened']).toEqual([])
  })

  test('is tried again as soon as a stream of an old session is there, however long the breaker would stay open', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream, told } = reach(server.url, { pool: { maxConnections: 2 } }, { random: () => 0 })
    await watching(upstream, { uri })
    await server.refuse()
    const initialize = '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"other","version":"1"}}'
    const refused = await failureOf(upstream.openSession({ initialize }))
    expect(refused.code).toBe('CIRCUIT_OPEN')
    expect(told['breaker.opened']).toHaveLength(1)
    await server.resume()
    await expect.poll(() => upstream.view().pool.breaker.state, eventually).not.toBe('open')
    const session = await upstream.openSession({ initialize })
    expect(upstream.view().pool.breaker.state).toBe('closed')
    session.close()
  })

  test('is asked by itself when the breaker has been open for long enough: nobody else may', async () => {
    const server = await serve({ eras: ['legacy'] })
    await server.refuse()
    let laterMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + laterMs }
    const { upstream } = reach(server.url, { protocol: 'legacy' }, { random: () => 0, clock })
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('CIRCUIT_OPEN')
    await server.resume()
    expect(upstream.view().state).toBe('failing')
    laterMs = 30_000
    await expect.poll(() => upstream.view().state, eventually).toBe('ready')
    expect(upstream.view().pool).toMatchObject({ breaker: { state: 'closed' }, idle: 1 })
  })
})

describe('what may have changed while a server could not tell', () => {
  const methods = (told: { method: string }[]) => told.map(({ method }) => method)
  const missed = (told: { message: string }[]) =>
    told.map(({ message }) => JSON.parse(message).params).filter((params) => params?.uri === uri && !params._meta)

  test('is told as changed once a lost subscription is there again: modern', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url, {}, { random: () => 0 })
    await upstream.eraFor('modern')
    const resource = await watching(upstream, { uri })
    server.dropStreams('listen')
    server.world.update(uri)
    await expect.poll(() => missed(resource.told), eventually).toEqual([{ uri }])
  })

  test.each(['http', 'sse'] as const)(
    'is told as changed with the session after a lost one, lists to everybody: %s',
    async (transport) => {
      const server = await serve(transport === 'sse' ? { transport: 'sse' } : { eras: ['legacy'] })
      const { upstream, told } = reach(server.url, { transport, protocol: 'legacy' }, { random: () => 0 })
      const resource = await watching(upstream, { uri })
      const tools = await watching(upstream, { list: 'tools' })
      server.forgetSessions()
      server.dropStreams()
      server.world.update(uri)
      await expect.poll(() => missed(resource.told), eventually).toEqual([{ uri }])
      expect(methods(tools.told)).toEqual(['notifications/tools/list_changed'])
      const lists = ['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`)
      await expect.poll(() => methods(told.notification), eventually).toEqual(expect.arrayContaining(lists))
    },
  )
})

describe('a session', () => {
  const health = () => {
    const clock = new FakeClock()
    const told: string[] = []
    const session = new SessionHealth({
      clock,
      ping: async () => {},
      refused: () => told.push('refused'),
      unwell: ({ code }) => told.push(code),
      back: () => told.push('back'),
    })
    return { clock, told, session }
  }
  const failed = (code: 'CONNECT_FAILED' | 'CONNECTION_LOST' | 'HTTP_STATUS', status?: number) =>
    new AppError(code, 'it failed', { status })

  test('is kept for five minutes while nothing listens where its server was', async () => {
    const { clock, told, session } = health()
    for (let s = 0; s < 290; s += 10) {
      session.troubled(failed('CONNECT_FAILED'))
      await clock.advance(10_000)
    }
    expect([session.away, told]).toEqual([true, []])
    session.fine()
    session.fine()
    expect([session.away, told]).toEqual([false, ['back']])
    session.troubled(failed('CONNECT_FAILED'))
    session.troubled(failed('CONNECT_FAILED'))
    await clock.advance(300_000)
    session.troubled(failed('CONNECT_FAILED'))
    expect(told).toEqual(['back', 'CONNECT_FAILED'])
  })

  test.each([
    ['answers that are cut off', failed('CONNECTION_LOST')],
    ['a proxy that does not reach its server', failed('HTTP_STATUS', 502)],
  ])('outlives many requests that fail at one moment, and not ten seconds of it: %s', async (_, error) => {
    const { clock, told, session } = health()
    for (let n = 0; n < 16; n++) session.troubled(error)
    expect(told).toEqual([])
    await clock.advance(10_000)
    session.troubled(error)
    expect(told).toEqual([error.code])
  })

  test('is given up after three failures of the server’s own', () => {
    const { told, session } = health()
    for (let n = 0; n < 3; n++) session.troubled(failed('HTTP_STATUS', 500))
    expect(told).toEqual(['HTTP_STATUS'])
  })
})
