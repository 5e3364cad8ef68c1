import { describe, expect, test } from 'vitest'
import { serialKey } from '../fixtures/http/index.ts'
import { diaryOf, reach, serve, stream, streamsOf, watching } from './http-support.ts'
import { callTool, eventually, modernCall, textOf } from './support.ts'

const uri = 'test://one'

const serials = (told: { message: string }[]): number[] =>
  told.map(({ message }) => JSON.parse(message).params?._meta?.[serialKey]).filter((serial) => serial !== undefined)

describe('the stream of a legacy session', () => {
  test('is opened once, and again after each of twenty drops; the subscription is made once', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream, told } = reach(server.url, { protocol: 'legacy' })
    const watch = await watching(upstream, { uri })
    const sent: number[] = []
    for (let drop = 1; drop <= 20; drop++) {
      await expect.poll(() => server.records.openStreams('get').length, eventually).toBe(1)
      sent.push(server.world.update(uri))
      if (drop % 2) {
        server.dropStreams('get')
        // What happens while nobody listens is replayed.
        sent.push(server.world.update(uri))
      } else {
        server.endStreams('get')
        await expect.poll(() => told['stream.dropped'].length, eventually).toBe(drop)
        await expect.poll(() => server.records.openStreams('get').length, eventually).toBe(1)
        sent.push(server.world.update(uri))
      }
      await expect.poll(() => told['stream.recovered'].length, eventually).toBe(drop)
    }
    await expect.poll(() => serials(watch.told), eventually).toEqual(sent)
    expect(server.subscribed(uri)).toEqual([1])
    expect(server.records.of('resources/subscribe')).toHaveLength(1)
    expect(server.records.peakStreams('get')).toBe(1)
    expect(told['stream.dropped']).toHaveLength(20)
    expect(told['stream.recovered'].every(({ resumed, kind }) => resumed && kind === 'notifications')).toBe(true)
    expect(upstream.view().pool.opened).toBe(1)
    expect((await stream(upstream, 'notifications', 'open')).reconnects).toBe(20)
  })

  test('that the server does not offer is no fault', async () => {
    const server = await serve({ eras: ['legacy'], getStream: false })
    const { upstream, told } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    await stream(upstream, 'notifications', 'unsupported')
    expect(told['stream.dropped']).toEqual([])
    expect(told['stream.stopped']).toEqual([])
    expect(textOf(await upstream.request(callTool('echo', { text: 'y' })))).toBe('y')
    expect(server.records.requests.filter(({ verb }) => verb === 'GET')).toHaveLength(1)
  })

  test('that was open is tried again when it is refused, without the id that the server may not take', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    const watch = await watching(upstream, { uri })
    await stream(upstream, 'notifications', 'open')
    server.inject({ kind: 'reply', status: 400 }, { when: ({ verb }) => verb === 'GET' })
    server.dropStreams('get')
    const gets = () => server.records.requests.filter(({ verb }) => verb === 'GET')
    await expect.poll(() => gets().length, eventually).toBe(3)
    await stream(upstream, 'notifications', 'open')
    expect(gets().map(({ headers }) => headers['last-event-id'] !== undefined)).toEqual([false, true, false])
    const serial = server.world.update(uri)
    await expect.poll(() => serials(watch.told), eventually).toEqual([serial])
    expect(upstream.view().pool.opened).toBe(1)
  })

  test('that is answered 404 by a server without GET is no lost session', async () => {
    const server = await serve({ eras: ['legacy'] })
    server.inject(
      { kind: 'reply', status: 404 },
      { times: Number.POSITIVE_INFINITY, when: ({ verb }) => verb === 'GET' },
    )
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    await stream(upstream, 'notifications', 'unsupported')
    expect(upstream.view().pool).toMatchObject({ opened: 1, idle: 1 })
  })

  test('waits as long as the server wants, is tried again by hand, and leaves the session alone meanwhile', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream, told } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    await stream(upstream, 'notifications', 'open')
    const busy = { kind: 'reply', status: 503, headers: { 'Retry-After': '3600' } } as const
    server.inject(busy, { when: ({ verb }) => verb === 'GET' })
    server.dropStreams('get')
    await expect.poll(() => told['stream.dropped'].length, eventually).toBe(2)
    const waiting = await stream(upstream, 'notifications', 'waiting')
    expect(told['stream.dropped'][1]).toMatchObject({ code: 'HTTP_STATUS', attempt: 2 })
    expect(Number(waiting.nextAttemptAt) - Date.now()).toBeGreaterThan(3_590_000)
    expect(textOf(await upstream.request(callTool('echo', { text: 'on' })))).toBe('on')
    expect(upstream.reconnect(String(upstream.view().connections[0]?.id))).toBe(1)
    await stream(upstream, 'notifications', 'open')
    expect(upstream.reconnect(String(upstream.view().connections[0]?.id))).toBe(0)
    expect(upstream.view().pool.opened).toBe(1)
  })

  test('that says nothing any more is taken for half-open', async () => {
    const server = await serve({ eras: ['legacy'], heartbeatMs: 20 })
    const { upstream, told } = reach(server.url, { protocol: 'legacy' }, {}, { keepAliveMs: 300 })
    const watch = await watching(upstream, { uri })
    await stream(upstream, 'notifications', 'open')
    server.halfOpen()
    const missed = server.world.update(uri)
    const reasons = () => told['stream.dropped'].map(({ reason }) => reason)
    await expect.poll(reasons, eventually).toContainEqual(expect.stringContaining('nothing for'))
    // Until it notices, the server takes the one before for open, and refuses a second.
    server.unmute()
    await expect.poll(() => serials(watch.told), eventually).toContain(missed)
    expect(told['stream.dropped'][0]?.reason).toContain('nothing for')
    expect(serials(watch.told)).toEqual([missed])
    expect(upstream.view().pool.opened).toBe(1)
  })
})

describe('a lost session', () => {
  test('is begun anew; what was watched is watched again, and a read goes through', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    const watch = await watching(upstream, { uri })
    const [before] = server.sessions
    server.forgetSessions()
    const reply = await upstream.request({ method: 'resources/read', params: JSON.stringify({ uri }) })
    expect(reply.kind).toBe('result')
    await expect.poll(() => server.subscribed(uri), eventually).toEqual([1])
    expect(server.sessions).not.toContain(before)
    expect(server.records.of('logging/setLevel')).toHaveLength(2)
    await stream(upstream, 'notifications', 'open')
    const serial = server.world.update(uri)
    await expect.poll(() => serials(watch.told), eventually).toEqual([serial])
  })

  test('is noticed when its stream is refused, with whatever status, and not with the next request', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    const watch = await watching(upstream, { uri })
    await stream(upstream, 'notifications', 'open')
    const [before] = server.sessions
    server.inject({ kind: 'reply', status: 400 }, { when: ({ verb }) => verb === 'GET' })
    server.forgetSessions()
    server.dropStreams('get')
    await expect.poll(() => server.subscribed(uri), eventually).toEqual([1])
    expect(server.sessions).not.toContain(before)
    await stream(upstream, 'notifications', 'open')
    const serial = server.world.update(uri)
    await expect.poll(() => serials(watch.told), eventually).toEqual([serial])
  })

  test('fails a tool call, which is not sent again', async () => {
    const server = await serve({ eras: ['legacy'] })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'x' }))
    server.forgetSessions()
    const error = await upstream.request(callTool('echo', { text: 'y' })).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', data: { status: 404 } })
    expect(server.records.of('tools/call')).toHaveLength(2)
    expect(server.records.runsOf('echo')).toHaveLength(1)
  })
})

test.each(['http', 'sse'] as const)(
  'what is watched is heard again when a server comes back, however long it was away: %s',
  async (transport) => {
    const server = await serve(transport === 'sse' ? { transport: 'sse' } : { eras: ['legacy'] })
    const { upstream, told } = reach(server.url, { transport, protocol: 'legacy', pool: { acquireTimeoutMs: 100 } })
    const watch = await watching(upstream, { uri })
    server.forgetSessions()
    await server.refuse()
    // Longer than anybody waits for a connection.
    const failures = () => told['connection.failed'].length + told['stream.dropped'].length
    await expect.poll(failures, eventually).toBeGreaterThanOrEqual(transport === 'sse' ? 2 : 4)
    await server.resume()
    await expect.poll(() => server.subscribed(uri), eventually).toEqual([1])
    const serial = server.world.update(uri)
    await expect.poll(() => serials(watch.told), eventually).toEqual([serial])
  },
)

describe('the response to a call', () => {
  test('is gone on with where it broke off, and the call ran once', async () => {
    const server = await serve({ eras: ['legacy'], retryMs: 30 })
    server.inject({ kind: 'close-stream' }, { when: ({ method }) => method === 'tools/call' })
    const { upstream, told } = reach(server.url, { protocol: 'legacy' })
    const reply = await upstream.request(callTool('slow', { ms: 50 }))
    expect(textOf(reply)).toBe('slow')
    expect(server.records.runsOf('slow')).toHaveLength(1)
    expect(told['stream.dropped']).toMatchObject([{ kind: 'response' }])
    expect(streamsOf(upstream).filter(({ kind }) => kind === 'response')).toEqual([])
  })

  test('that is reset again and again in the middle of progress loses and doubles nothing', async () => {
    const server = await serve({ eras: ['legacy'], jsonAnswers: false })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    await upstream.request(callTool('echo', { text: 'warm' }))
    const seen: number[] = []
    const answer = upstream.request({
      method: 'tools/call',
      params: JSON.stringify({
        name: 'progress',
        arguments: { steps: 40, intervalMs: 25 },
        _meta: { progressToken: 'p' },
      }),
      onNotification: ({ message }) => seen.push(JSON.parse(message).params.progress),
    })
    let drops = 0
    for (const at of [5, 12, 20, 30]) {
      await expect.poll(() => seen.length, eventually).toBeGreaterThanOrEqual(at)
      drops += server.dropStreams('post') + server.dropStreams('get')
    }
    expect(textOf(await answer)).toBe('40 steps')
    expect(drops).toBeGreaterThan(0)
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    expect(server.records.runsOf('progress')).toHaveLength(1)
  })

  test('without event ids can’t be gone on with: the call is lost, and not sent again', async () => {
    const server = await serve({ eras: ['legacy'], eventIds: false, jsonAnswers: false })
    const { upstream } = reach(server.url, { protocol: 'legacy' })
    const answer = upstream.request(callTool('hold')).catch((error: unknown) => error)
    await expect.poll(() => server.records.openStreams('post').length, eventually).toBe(1)
    server.dropStreams('post')
    expect(await answer).toMatchObject({ code: 'CONNECTION_LOST', data: { written: true } })
    expect(server.records.runsOf('hold')).toHaveLength(1)
    expect(upstream.view().pool.opened).toBe(1)
  })
})

describe('a subscription of the modern era', () => {
  test('is one after twenty drops, under an id of its own each time, and lists are told as changed after each', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream, told } = reach(server.url)
    expect(await upstream.eraFor('modern')).toBe('modern')
    const resource = await watching(upstream, { uri })
    const lists = await watching(upstream, { list: 'tools' })
    const sent: number[] = []
    for (let drop = 1; drop <= 20; drop++) {
      await expect.poll(() => server.world.subscribers(uri).length, eventually).toBe(1)
      sent.push(server.world.update(uri))
      await expect.poll(() => serials(resource.told).length, eventually).toBe(drop)
      if (drop % 3 === 0) server.finishListens()
      else if (drop % 3 === 1) server.dropStreams('listen')
      else server.endStreams('listen')
      await expect.poll(() => told['stream.recovered'].length, eventually).toBe(drop)
      await expect.poll(() => lists.told.length, eventually).toBe(drop)
    }
    expect(serials(resource.told)).toEqual(sent)
    const ids = server.records.of('subscriptions/listen').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    await expect.poll(() => server.world.subscribers(uri).length, eventually).toBe(1)
    expect(upstream.view().pool.opened).toBe(1)
    resource.stop()
    lists.stop()
    await expect.poll(() => server.records.openStreams('listen').length, eventually).toBe(0)
    expect(streamsOf(upstream)).toEqual([])
  })

  test('that says nothing any more is taken for half-open', async () => {
    const server = await serve({ eras: ['modern'], heartbeatMs: 20 })
    const { upstream, told } = reach(server.url, {}, {}, { keepAliveMs: 300 })
    await upstream.eraFor('modern')
    const watch = await watching(upstream, { uri })
    server.halfOpen()
    await expect.poll(() => told['stream.recovered'].length, eventually).toBe(1)
    const serial = server.world.update(uri)
    await expect.poll(() => serials(watch.told), eventually).toEqual([serial])
  })

  test('tells the change of a list once, however many connections there are', async () => {
    const server = await serve({ eras: ['modern'] })
    const { upstream } = reach(server.url, { pool: { maxConnections: 3 } })
    await upstream.eraFor('modern')
    const lists = await watching(upstream, { list: 'tools' })
    await Promise.all([1, 2, 3].map(() => upstream.request(modernCall('slow', { ms: 50 }))))
    expect(upstream.view().pool.opened).toBe(3)
    server.world.change('tools')
    await expect.poll(() => lists.told.length, eventually).toBe(1)
    await upstream.request(modernCall('slow', { ms: 50 }))
    expect(lists.told).toHaveLength(1)
    expect(server.records.openStreams('listen')).toHaveLength(1)
  })

  test('loses calls with their responses, and sends none again', async () => {
    const server = await serve({ eras: ['modern'], jsonAnswers: false })
    const { upstream } = reach(server.url)
    await upstream.eraFor('modern')
    const answer = upstream.request(modernCall('hold')).catch((error: unknown) => error)
    await expect.poll(() => server.records.runsOf('hold').length, eventually).toBe(1)
    server.inject({ kind: 'reset', at: 'answer' })
    expect(server.dropStreams('post') > 0 || server.world.release() > 0).toBe(true)
    await server.refuse()
    expect(await answer).toMatchObject({ code: 'CONNECTION_LOST' })
    await server.resume()
    expect(server.records.runsOf('hold')).toHaveLength(1)
  })
})

test('the diary of a connection tells its history, and nothing that steers a terminal', async () => {
  const server = await serve({ eras: ['legacy'] })
  const { upstream, told } = reach(server.url, { protocol: 'legacy', headers: { 'X-Api-Key': 'secret-value' } })
  await upstream.request(callTool('echo', { text: 'x' }))
  await stream(upstream, 'notifications', 'open')
  server.inject(
    { kind: 'reply', status: 500, headers: { 'content-type': 'text/plain' }, body: 'evil \u001b[31m\u202ered' },
    { when: ({ verb }) => verb === 'GET' },
  )
  server.dropStreams('get')
  await expect.poll(() => told['stream.dropped'].length, eventually).toBe(2)
  const diary = diaryOf(upstream).join('\n')
  expect(diary).toMatch(/opening http.*\n.*ready: .*MCP 2025-11-25.*\n.*lost/)
  for (const steering of ['\u001b', '\u202e']) expect(diary).not.toContain(steering)
  expect(diary).not.toContain('secret-value')
})
