import { describe, expect, test } from 'vitest'
import type { ServerNotification } from '../../electron/upstream/types.ts'
import { failureOf } from './failure.ts'
import { callTool, eventually, modernCall, type Overrides, settled, start, textOf } from './support.ts'

type Started = ReturnType<typeof start>['upstream']

const watched = (overrides: Overrides = {}) => start({ child: 'watched', pool: { maxConnections: 1 }, ...overrides })
const onModern = (overrides: Overrides = {}) =>
  start({ child: 'modern', protocol: 'modern', pool: { maxConnections: 1 }, ...overrides })

/** A watch, and what it was told. */
async function watching(upstream: Started, what: Parameters<Started['watch']>[0]) {
  const told: ServerNotification[] = []
  const watch = await upstream.watch(what, (notification) => void told.push(notification))
  if (!('stop' in watch)) throw new Error(watch.refused)
  return { told, stop: watch.stop }
}

const subscriptions = (upstream: Started): string[] =>
  upstream
    .view()
    .connections.flatMap(({ id }) => upstream.logs(id)?.lines ?? [])
    .map(({ text }) => text)
    .filter((text) => /^(un)?subscribe/.test(text))

const uri = 'test://a'
const touch = (upstream: Started) => upstream.request(callTool('touch', { uri }))

describe('watching a legacy server', () => {
  test('tells of a resource that it subscribed to, while the same process serves requests', async () => {
    const { upstream, pids } = watched()
    const { told } = await watching(upstream, { uri })
    const holder: ServerNotification[] = []
    const request = callTool('touch', { uri }, { onNotification: (notification) => holder.push(notification) })
    expect(textOf(await upstream.request(request))).toBe('true')
    expect(told).toEqual([
      {
        method: 'notifications/resources/updated',
        message: `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}`,
      },
    ])
    expect(holder).toEqual([])
    expect(pids.size).toBe(1)
    expect(upstream.view().pool).toMatchObject({ leased: 0, max: 1 })
  })

  test('is counted: the first of a resource subscribes, the last to stop unsubscribes', async () => {
    const { upstream } = watched()
    const [one, two] = await Promise.all([watching(upstream, { uri }), watching(upstream, { uri })])
    await expect.poll(() => subscriptions(upstream), eventually).toEqual([`subscribe ${uri}`])
    one.stop()
    one.stop()
    await touch(upstream)
    expect(one.told).toEqual([])
    expect(two.told).toHaveLength(1)
    two.stop()
    await expect.poll(() => subscriptions(upstream), eventually).toEqual([`subscribe ${uri}`, `unsubscribe ${uri}`])
    expect(textOf(await touch(upstream))).toBe('false')
  })

  test('is subscribed anew after its process has ended', async () => {
    const { upstream, pids } = watched()
    const { told } = await watching(upstream, { uri })
    upstream.evict(upstream.view().connections[0]?.id ?? '', 'kill')
    await expect.poll(() => pids.size, eventually).toBe(2)
    await expect.poll(() => subscriptions(upstream), eventually).toEqual([`subscribe ${uri}`])
    // It may have changed meanwhile: told once the server has answered.
    await expect.poll(() => told.length, eventually).toBe(1)
    await touch(upstream)
    expect(told).toHaveLength(2)
  })

  test('hands on the server’s refusal, and watches nothing', async () => {
    const { upstream } = watched({ args: ['--refuse'] })
    const refused = await upstream.watch({ uri }, () => {})
    expect(refused).toEqual({ refused: '{"code":-32602,"message":"no such resource"}' })
    expect(textOf(await touch(upstream))).toBe('false')
  })

  test('fails with why no process could be started', async () => {
    const { upstream } = watched({ command: '/no/such/command', pool: { acquireTimeoutMs: 300 } })
    expect((await failureOf(upstream.watch({ uri }, () => {}))).message).toContain('/no/such/command')
  })

  test('keeps its process from ending for being idle, until it stops', async () => {
    const { upstream, pids } = watched({ pool: { maxConnections: 2, idleTimeoutMs: 100 } })
    const { stop } = await watching(upstream, { uri })
    const [kept] = pids
    await Promise.all([
      upstream.request(callTool('sleep', { ms: 50 })),
      upstream.request(callTool('sleep', { ms: 50 })),
    ])
    await settled(upstream, { idle: 1, dead: 1 })
    expect([...upstream.pids().values()]).toEqual([kept])
    stop()
    await settled(upstream, { idle: 0, dead: 2 })
  })

  test('of lists hears the watched process alone, and starts none for it', async () => {
    const { upstream, pids } = watched({ pool: { maxConnections: 2 } })
    const tools = await watching(upstream, { list: 'tools' })
    const prompts = await watching(upstream, { list: 'prompts' })
    expect(pids.size).toBe(0)
    const { connectionId: first } = await upstream.request(callTool('pid'))
    upstream.spawn()
    await settled(upstream, { idle: 2 })
    const second = upstream.view().connections.find(({ id }) => id !== first)?.id
    await upstream.request(callTool('change', {}, { only: second }))
    expect(tools.told).toEqual([])
    await upstream.request(callTool('change', {}, { only: first }))
    expect(tools.told.map(({ method }) => method)).toEqual(['notifications/tools/list_changed'])
    expect(prompts.told).toEqual([])
  })

  test('a part of a watched resource is told to who watches the whole', async () => {
    const { upstream } = watched()
    const whole = await watching(upstream, { uri: 'test://dir/' })
    const other = await watching(upstream, { uri: 'test://dir/file' })
    await upstream.request(callTool('touch', { uri: 'test://dir/file' }))
    expect(whole.told).toEqual([])
    expect(other.told).toHaveLength(1)
  })

  test('a listener that throws does not keep the others from hearing', async () => {
    const { upstream } = watched()
    await upstream.watch({ uri }, () => {
      throw new Error('mine')
    })
    const { told } = await watching(upstream, { uri })
    await touch(upstream)
    expect(told).toHaveLength(1)
  })
})

describe('watching a modern server', () => {
  const touchModern = (upstream: Started, touched = uri) => upstream.request(modernCall('touch', { uri: touched }))

  test('tells of resources and lists through one subscription, and serves meanwhile', async () => {
    const { upstream, pids } = onModern()
    const [resource, tools] = await Promise.all([
      watching(upstream, { uri }),
      upstream.handshake().then(() => watching(upstream, { list: 'tools' })),
    ])
    await touchModern(upstream)
    await upstream.request(modernCall('change'))
    await expect.poll(() => resource.told.length + tools.told.length, eventually).toBe(2)
    expect(JSON.parse(resource.told[0]?.message ?? '')).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri },
    })
    expect(tools.told[0]?.method).toBe('notifications/tools/list_changed')
    expect(pids.size).toBe(1)
  })

  test('begins and stops watches without a gap for the others', async () => {
    const { upstream } = onModern()
    const one = await watching(upstream, { uri })
    const two = await watching(upstream, { uri: 'test://b' })
    await touchModern(upstream)
    two.stop()
    await touchModern(upstream)
    await touchModern(upstream, 'test://b')
    await expect.poll(() => one.told.length, eventually).toBe(2)
    await upstream.request(modernCall('echo'))
    expect(one.told).toHaveLength(2)
    expect(two.told).toEqual([])
    one.stop()
    await touchModern(upstream)
    await upstream.request(modernCall('echo'))
    expect(one.told).toHaveLength(2)
  })

  test('is subscribed anew after its process has ended', async () => {
    const { upstream, pids } = onModern()
    const { told } = await watching(upstream, { uri })
    upstream.evict(upstream.view().connections[0]?.id ?? '', 'kill')
    await expect.poll(() => pids.size, eventually).toBe(2)
    await expect
      .poll(async () => {
        await touchModern(upstream)
        return told.length
      }, eventually)
      .toBeGreaterThan(0)
  })
})

describe('watches of a server of both eras with one permit', () => {
  test('give way to requests of the other era, and go on with the next process', async () => {
    const { upstream, pids } = start({ child: 'modern', protocol: 'auto', pool: { maxConnections: 1 } })
    expect(await upstream.eraFor('modern')).toBe('modern')
    const { told } = await watching(upstream, { uri })
    const legacy = { era: 'legacy', capabilities: '{}' } as const
    expect(textOf(await upstream.request(callTool('era', {}, { profile: legacy })))).toBe('legacy')
    await settled(upstream, { idle: 1 })
    expect(pids.size).toBe(2)
    await upstream.request(callTool('touch', { uri }, { profile: legacy }))
    await expect.poll(() => told.length, eventually).toBe(1)
  })
})
