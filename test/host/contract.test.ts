import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type CommandName, commandNames, commands, frameSchema } from '../../shared/contract.ts'
import { children } from '../fixtures/children/index.ts'
import { isAlive, type Served, serve } from '../support/serve.ts'

/** Each command is sent once over HTTP as a script would, and its answer is held against the contract. */

const echo = { command: process.execPath, args: [children.echo] }
let served: Served
const used = new Set<string>()

beforeAll(async () => {
  served = await serve({
    config: `{
  // the first
  "mcpServers": { "echo": ${JSON.stringify({ ...echo, 'x-kept': 1 })}, "demo": { "command": "node", "args": ["\${POOLSCOPE_DEMO_SERVER}"] } }
}`,
  })
})
afterAll(() => served.stop())

async function send<N extends CommandName>(name: N, arg: unknown) {
  used.add(name)
  const { reply } = await served.reply(name, arg)
  if (!reply.ok) throw Object.assign(new Error(reply.error.message), reply.error)
  return commands[name].result.parse(reply.result) as ReturnType<(typeof commands)[N]['result']['parse']>
}
const upstream = async (name: string) => {
  const found = (await send('snapshot.get', {})).upstreams.find((one) => one.name === name)
  if (!found) throw new Error(`no upstream ${name}`)
  return found
}
const settled = (name: string, check: (it: Awaited<ReturnType<typeof upstream>>) => void) =>
  vi.waitFor(async () => {
    const it = await upstream(name)
    check(it)
    return it
  }, 10_000)

test('spawn, drain, restart, kill and logs of connections', async () => {
  const { connectionId } = await send('upstream.spawn', { upstream: 'echo' })
  const first = await settled('echo', ({ pool }) => expect(pool.idle).toBe(1))
  expect(first.connections[0]).toMatchObject({ id: connectionId, openReason: 'person', state: 'idle' })
  expect(first.state).toBe('ready')

  await send('connection.restart', { connectionId })
  const second = await settled('echo', ({ pool, connections }) => {
    expect([pool.opened, pool.idle, connections.length]).toEqual([2, 1, 1])
  })
  const pid = second.connections[0]?.pid ?? 0
  expect(isAlive(pid)).toBe(true)
  const id = second.connections[0]?.id ?? ''
  await send('logs.get', { connectionId: id })
  await send('connection.kill', { connectionId: id })
  await settled('echo', ({ connections }) => expect(connections.some((one) => one.id === id)).toBe(false))
  expect(isAlive(pid)).toBe(false)
  await send('logs.get', { connectionId: id })

  await send('upstream.spawn', { upstream: 'echo' })
  const third = await settled('echo', ({ pool }) => expect(pool.idle).toBeGreaterThan(0))
  await send('connection.drain', { connectionId: third.connections[0]?.id })
  await send('upstream.restart', { upstream: 'echo' })
  await send('upstream.drain', { upstream: 'echo' })
  await settled('echo', ({ connections }) => expect(connections).toHaveLength(0))
})

test('suspend refuses at once, resume grants again; retry and a reset of the breaker are taken', async () => {
  await send('upstream.suspend', { upstream: 'echo' })
  expect((await upstream('echo')).state).toBe('suspended')
  await expect(send('request.send', { upstream: 'echo', method: 'tools/list' })).rejects.toMatchObject({
    code: 'POOL_SUSPENDED',
  })
  await send('upstream.resume', { upstream: 'echo' })
  const reply = await send('request.send', { upstream: 'echo', method: 'tools/list', timeoutMs: 5_000 })
  expect(reply.result).toMatchObject({ tools: expect.any(Array) })
  expect(reply.pid).toBeGreaterThan(0)
  await send('upstream.retry', { upstream: 'echo' })
  await send('upstream.resetBreaker', { upstream: 'echo' })
})

test("a server's own error comes back as it is, and the handshake is not for everybody", async () => {
  const reply = await send('request.send', { upstream: 'echo', method: 'no/such' })
  expect(reply).toMatchObject({ error: { code: -32601 } })
  await expect(send('request.send', { upstream: 'echo', method: 'initialize' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})

test('add, check, read, change, stop, start and remove an upstream; the file keeps comments and unknown keys', async () => {
  const file = () => readFile(join(served.dir, 'servers.json'), 'utf8')
  const checked = await send('upstream.check', {
    name: 'echo',
    entry: { command: 'no-such-program', pool: { maxConnections: 0 } },
  })
  expect(checked.findings.map(({ path }) => path.join('.'))).toEqual(['name', 'pool.maxConnections'])
  const resolved = await send('upstream.check', { name: 'ok', entry: { command: 'node' } })
  expect(resolved).toMatchObject({ findings: [], resolvedCommand: expect.stringMatching(/node$/) })

  await send('upstream.add', { name: 'added', entry: { ...echo, pool: { maxConnections: 1, minIdle: 1 } } })
  const added = await settled('added', ({ pool }) => expect(pool.idle).toBe(1))
  await expect(send('upstream.add', { name: 'added', entry: echo })).rejects.toMatchObject({ code: 'UPSTREAM_EXISTS' })
  await expect(send('upstream.add', { name: 'wrong', entry: { command: 3 } })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    data: { path: ['entry', 'command'] },
  })

  await send('upstream.update', { name: 'added', entry: { ...echo, pool: { maxConnections: 3, minIdle: 2 } } })
  const grown = await settled('added', ({ pool }) => expect([pool.max, pool.idle]).toEqual([3, 2]))
  expect(grown.connections.map(({ pid }) => pid)).toContain(added.connections[0]?.pid)

  await send('upstream.stop', { upstream: 'added' })
  await settled('added', ({ state }) => expect(state).toBe('stopped'))
  await vi.waitFor(() => expect(grown.connections.some(({ pid }) => isAlive(pid ?? 0))).toBe(false), 10_000)
  expect((await send('upstream.entry', { upstream: 'added' })).entry).toMatchObject({ enabled: false })
  await expect(send('upstream.spawn', { upstream: 'added' })).rejects.toMatchObject({ code: 'POOL_CLOSED' })
  await send('upstream.start', { upstream: 'added' })
  await settled('added', ({ pool }) => expect(pool.idle).toBe(2))

  await send('upstream.remove', { upstream: 'added' })
  await expect(upstream('added')).rejects.toThrow()
  const text = await file()
  expect(text).toContain('// the first')
  expect(text).toContain('x-kept')
  expect(text).not.toContain('added')
})

test('series, events, client snippets and demo traffic', async () => {
  await send('demo.traffic', { on: true })
  expect((await send('snapshot.get', {})).host.demoTraffic).toEqual({ running: true, upstream: 'demo' })
  await settled('demo', ({ stats }) => expect(stats.requests).toBeGreaterThan(3))
  await send('demo.traffic', { on: false })
  expect((await send('snapshot.get', {})).host.demoTraffic?.running).toBe(false)
  await vi.waitFor(
    async () => expect((await send('series.get', { upstream: 'demo' })).points.length).toBeGreaterThan(0),
    5_000,
  )
  const { events } = await send('events.list', { upstream: 'demo', limit: 5 })
  expect(events.length).toBeGreaterThan(0)
  expect(events.every(({ upstream: name }) => name === 'demo')).toBe(true)
  const connect = await send('client.connect', { upstream: 'demo' })
  expect(connect.authorization).toBe(`Bearer ${served.ready.token}`)
  expect(connect.url).toBe(served.ready.mcp.demo)
})

test('an added upstream starts at once, also when it keeps nothing idle, so that its failure is seen', async () => {
  await send('upstream.add', { name: 'works', entry: echo })
  await settled('works', ({ pool }) => expect(pool.idle).toBe(1))
  await send('upstream.add', { name: 'broken', entry: { command: 'no-such-program-anywhere' } })
  const broken = await settled('broken', ({ state }) => expect(state).toBe('failing'))
  expect(broken.lastFailure?.message).toContain('no-such-program-anywhere was not found')
  for (const name of ['works', 'broken']) await send('upstream.remove', { upstream: name })
})

test('a variable that is not set is told at once, without attempts', async () => {
  await send('upstream.add', { name: 'unset', entry: { command: 'node', args: ['${NOT_SET_ANYWHERE}'] } })
  const call = send('request.send', { upstream: 'unset', method: 'tools/list' })
  await expect(call).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('NOT_SET_ANYWHERE'),
  })
  await send('upstream.remove', { upstream: 'unset' })
})

test('what is about remote servers alone says so of a local one', async () => {
  const { connectionId } = await send('upstream.spawn', { upstream: 'echo' })
  expect(await send('connection.reconnect', { connectionId })).toEqual({ ok: true, streams: 0 })
  const upstream = 'echo'
  const noSignIn = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('echo has no sign-in') }
  await expect(send('upstream.signIn', { upstream })).rejects.toMatchObject(noSignIn)
  await expect(send('upstream.completeSignIn', { upstream, redirectUrl: 'x' })).rejects.toMatchObject(noSignIn)
  await expect(send('upstream.cancelSignIn', { upstream })).rejects.toMatchObject(noSignIn)
  await expect(send('upstream.signOut', { upstream })).rejects.toMatchObject(noSignIn)
})

test('a stopped upstream says so at its endpoint, an unknown one that it is unknown', async () => {
  await send('upstream.stop', { upstream: 'echo' })
  const post = (name: string) =>
    fetch(`${served.ready.url}/mcp/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${served.ready.token}` },
      body: '{}',
    })
  await settled('echo', ({ state }) => expect(state).toBe('stopped'))
  const stopped = await post('echo')
  expect([stopped.status, await stopped.text()]).toEqual([503, expect.stringContaining('is stopped')])
  expect((await post('nobody')).status).toBe(404)
  await send('upstream.start', { upstream: 'echo' })
})

test.each([
  ['no.such', {}, 404, 'COMMAND_NOT_FOUND'],
  ['toString', {}, 404, 'COMMAND_NOT_FOUND'],
  ['upstream.spawn', { upstream: 'none' }, 404, 'UPSTREAM_NOT_FOUND'],
  ['connection.kill', { connectionId: 'none' }, 404, 'CONNECTION_NOT_FOUND'],
  ['connection.reconnect', { connectionId: 'none' }, 404, 'CONNECTION_NOT_FOUND'],
  ['upstream.signIn', { upstream: 'none' }, 404, 'UPSTREAM_NOT_FOUND'],
  ['upstream.spawn', {}, 400, 'INVALID_ARGUMENT'],
  ['upstream.spawn', { upstream: 'echo', more: 1 }, 400, 'INVALID_ARGUMENT'],
  ['upstream.spawn', '{', 400, 'INVALID_ARGUMENT'],
  ['upstream.add', { name: '', entry: echo }, 400, 'INVALID_ARGUMENT'],
])('%s %j fails with %i %s', async (name, arg, status, code) => {
  const answer = await served.reply(name, arg)
  expect(answer).toMatchObject({ status, reply: { ok: false, error: { code } } })
})

test('without the token, or with a wrong one, no command and no frame', async () => {
  for (const headers of [{}, { Authorization: 'Bearer wrong' }] as Record<string, string>[]) {
    expect(await served.reply('snapshot.get', {}, headers)).toMatchObject({
      status: 401,
      reply: { error: { code: 'UNAUTHORIZED' } },
    })
    expect((await fetch(`${served.ready.url}/api/frames`, { headers })).status).toBe(401)
  }
})

test('a foreign Origin gets nothing, not even the dashboard', async () => {
  const headers = { Origin: 'https://evil.example', Authorization: `Bearer ${served.ready.token}` }
  expect((await served.reply('snapshot.get', {}, headers)).status).toBe(403)
  expect((await fetch(served.ready.url, { headers })).status).toBe(403)
})

test('frames follow the contract, come without gaps and at most four a second, and carry what changed', async () => {
  const abort = new AbortController()
  const stamps: number[] = []
  let last: number | undefined
  let sawSpawn = false
  for await (const raw of served.frames(abort.signal)) {
    const frame = frameSchema.parse(raw)
    if (last === undefined) await send('upstream.spawn', { upstream: 'echo' })
    else expect(frame.seq).toBe(last + 1)
    last = frame.seq
    stamps.push(frame.at)
    sawSpawn ||= frame.upstreams.some(({ name, pool }) => name === 'echo' && pool.idle > 0)
    if (sawSpawn && stamps.length > 6) break
  }
  abort.abort()
  const gaps = stamps.slice(1).map((at, i) => at - (stamps[i] ?? 0))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200)
})

test('every command of the contract was used by this suite', () => {
  expect(commandNames.filter((name) => !used.has(name))).toEqual([])
})
