import { describe, expect, test } from 'vitest'
import type { Era, ServerNotification } from '../../../electron/upstream/types.ts'
import { AppError } from '../../../shared/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openSession, rpc, startGateway } from '../support/harness.ts'
import { open, send, sse } from '../support/http.ts'
import { metaKey, modern, modernVersion } from '../support/modern.ts'
import { handshake, type Script, ScriptedUpstream, serverRequest } from '../support/scripted-upstream.ts'

const all = {
  logging: {},
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
}

function upstreamOf(name: string, era: Era, script: Script, config = {}): ScriptedUpstream {
  const upstream = new ScriptedUpstream(name, script, config)
  upstream.eras = [era]
  upstream.shake = async () => ({
    ...handshake,
    era,
    capabilities: all,
    protocolVersion: era === 'modern' ? modernVersion : '2025-11-25',
    ...(era === 'modern' && { initializeResult: '{"resultType":"complete","capabilities":{}}' }),
  })
  return upstream
}

const legacyScript: Script = ({ method, params }) => {
  if (method === 'tools/list') return '{"tools":[{"name":"echo", "x-n":9007199254740993}]}'
  if (method === 'prompts/list') return '{"prompts":[{"name":"greet"}]}'
  if (method === 'resources/list') return '{"resources":[{"uri":"file:///a","name":"a"}]}'
  if (method === 'resources/templates/list') return '{"resourceTemplates":[{"uriTemplate":"file:///{p}","name":"t"}]}'
  return `{"old":true,"asked":${params ?? 'null'}}`
}
const modernScript: Script = (request) => {
  const answer = legacyScript(request) as string
  return answer
    .replace('"old":true', '"new":true')
    .replace(/\}$/, ',"resultType":"complete","ttlMs":5,"cacheScope":"public"}')
}

async function start(upstreams?: ScriptedUpstream[], options: Parameters<typeof startGateway>[0] = {}) {
  const members = upstreams ?? [upstreamOf('old', 'legacy', legacyScript), upstreamOf('new', 'modern', modernScript)]
  const started = await startGateway({ upstreams: members, ...options })
  const endpoint = `${started.url}/mcp`
  return { ...started, members, endpoint, client: modern(endpoint) }
}

/** One client of each era, with the same face. */
const clients = {
  legacy: async (endpoint: string) => {
    const session = await openSession(endpoint)
    return async (method: string, params: object = {}) => (await session.post(rpc(method, params, 1))).json
  },
  modern:
    async (endpoint: string) =>
    async (method: string, params: object = {}) =>
      (await modern(endpoint).post(method, params, { id: 1 })).json,
}

describe.each(['legacy', 'modern'] as const)('a %s client', (era) => {
  const connect = async (upstreams?: ScriptedUpstream[], options = {}) => {
    const started = await start(upstreams, options)
    return { ...started, ask: await clients[era](started.endpoint) }
  }

  test('finds the tools, prompts and resources of every upstream, of either era, under names of their own', async () => {
    const { ask } = await connect()
    const names = async (method: string, list: string, key: string) =>
      (await ask(method)).result[list].map((item: Record<string, unknown>) => item[key])
    expect(await names('tools/list', 'tools', 'name')).toEqual(['old__echo', 'new__echo'])
    expect(await names('prompts/list', 'prompts', 'name')).toEqual(['old__greet', 'new__greet'])
    expect(await names('resources/list', 'resources', 'uri')).toEqual(['old+file:///a', 'new+file:///a'])
    expect(await names('resources/templates/list', 'resourceTemplates', 'uriTemplate')).toEqual([
      'old+file:///{p}',
      'new+file:///{p}',
    ])
    const { result } = await ask('tools/list')
    const fields = { resultType: result.resultType, ttlMs: result.ttlMs, cacheScope: result.cacheScope }
    expect(fields).toEqual(
      era === 'modern'
        ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
        : { resultType: undefined, ttlMs: undefined, cacheScope: undefined },
    )
  })

  test('reaches each by its name or URI', async () => {
    const { ask } = await connect()
    for (const name of ['old', 'new']) {
      const call = (await ask('tools/call', { name: `${name}__echo`, arguments: { a: 1 } })).result
      expect([call[name], call.asked.name, call.asked.arguments]).toEqual([true, 'echo', { a: 1 }])
      expect((await ask('prompts/get', { name: `${name}__greet` })).result.asked.name).toBe('greet')
      expect((await ask('resources/read', { uri: `${name}+file:///a` })).result.asked.uri).toBe('file:///a')
      const ref = { type: 'ref/prompt', name: `${name}__greet` }
      const argument = { name: 'n', value: 'v' }
      expect((await ask('completion/complete', { ref, argument })).result.asked).toMatchObject({
        ref: { type: 'ref/prompt', name: 'greet' },
        argument,
      })
      const template = { type: 'ref/resource', uri: `${name}+file:///{p}` }
      expect((await ask('completion/complete', { ref: template, argument })).result.asked.ref.uri).toBe('file:///{p}')
    }
  })

  test('hears what is not there', async () => {
    const { ask } = await connect()
    expect((await ask('tools/call', { name: 'echo' })).error.code).toBe(-32602)
    expect((await ask('tools/call', { name: 'none__echo' })).error.message).toContain('old__…')
    expect((await ask('resources/read', { uri: 'file:///a' })).error.code).toBe(era === 'legacy' ? -32002 : -32602)
    expect((await ask('custom/method')).error.code).toBe(-32601)
    expect((await ask('tools/list', { cursor: 'forged' })).error.code).toBe(-32602)
  })

  test('misses only the upstream that fails, and is told of it', async () => {
    const broken = upstreamOf('broken', 'legacy', () => {
      throw new AppError('CIRCUIT_OPEN', 'too many failures')
    })
    const refusing = upstreamOf('refusing', 'legacy', () => ({ error: '{"code":-32601,"message":"none"}' }))
    const { ask } = await connect([broken, refusing, upstreamOf('well', 'legacy', legacyScript)])
    const { result } = await ask('tools/list')
    expect(result.tools.map(({ name }: { name: string }) => name)).toEqual(['well__echo'])
    expect(result._meta['poolscope/unavailable']).toEqual({ broken: 'too many failures' })
    expect((await ask('tools/call', { name: 'broken__echo' })).error.data.code).toBe('CIRCUIT_OPEN')
  })

  test('waits for a second only for an upstream that can not be reached', async () => {
    const clock = new FakeClock()
    const away = upstreamOf('away', 'legacy', () => new Promise(() => {}))
    away.state = 'failing'
    const { ask } = await connect([away, upstreamOf('well', 'legacy', legacyScript)], { clock })
    const listed = ask('tools/list')
    await expect.poll(() => away.inFlight).toBe(1)
    await clock.advance(1_000)
    const { result } = await listed
    expect(result.tools.map(({ name }: { name: string }) => name)).toEqual(['well__echo'])
    expect(result._meta['poolscope/unavailable']).toEqual({ away: 'it can not be reached' })
  })

  test('does not wait for an upstream that hangs', async () => {
    const clock = new FakeClock()
    const hung = upstreamOf('hung', 'legacy', () => new Promise(() => {}))
    const { ask } = await connect([hung, upstreamOf('well', 'legacy', legacyScript)], { clock })
    let done = false
    const listed = ask('tools/list').finally(() => {
      done = true
    })
    await expect.poll(() => clock.advance(5_000).then(() => done)).toBe(true)
    expect((await listed).result.tools.map(({ name }: { name: string }) => name)).toEqual(['well__echo'])
    expect(hung.inFlight).toBe(0)
  })

  test('follows the cursors of all at once, each on the process that gave it', async () => {
    const pages =
      (count: number): Script =>
      ({ params }) => {
        const page = Number(JSON.parse(params ?? '{}').cursor ?? 0)
        const next = page + 1 < count ? `,"nextCursor":"${page + 1}"` : ''
        return `{"prompts":[{"name":"p${page}"}]${next}}`
      }
    const members = [upstreamOf('one', 'legacy', pages(1)), upstreamOf('three', 'legacy', pages(3))]
    const { ask } = await connect(members)
    const names: string[] = []
    let cursor: string | undefined
    do {
      const { result } = await ask('prompts/list', { cursor })
      names.push(...result.prompts.map(({ name }: { name: string }) => name))
      cursor = result.nextCursor
    } while (cursor)
    expect(names).toEqual(['one__p0', 'three__p0', 'three__p1', 'three__p2'])
    expect(members[1]?.requests.map(({ only }) => only)).toEqual([undefined, 'three#1', 'three#1'])
  })

  test('gets resources in results under URIs that lead back; the rest passes byte for byte', async () => {
    const script: Script = ({ method }) =>
      method === 'tools/list'
        ? '{"tools":[]}'
        : method === 'resources/read'
          ? '{"contents":[{"uri":"file:///a","text":"uri"}]}'
          : '{"content":[{"type":"resource_link","uri":"file:///a"},{"type":"resource","resource":{"uri":"file:///b","text":"t"}},{"type":"text","text":"\\"uri\\"", "n":9007199254740993}]}'
    const { ask } = await connect([upstreamOf('one', 'legacy', script)])
    const { content } = (await ask('tools/call', { name: 'one__t' })).result
    expect(content[0].uri).toBe('one+file:///a')
    expect(content[1].resource.uri).toBe('one+file:///b')
    expect(content[2].text).toBe('"uri"')
    expect((await ask('resources/read', { uri: 'one+file:///a' })).result.contents[0].uri).toBe('one+file:///a')
  })

  test('reaches a tool whose name had to be shortened', async () => {
    const long = `t${'x'.repeat(127)}`
    const script: Script = ({ method, params }) =>
      method === 'tools/list' ? JSON.stringify({ tools: [{ name: long }] }) : `{"asked":${params}}`
    const { ask } = await connect([upstreamOf('one', 'legacy', script)])
    const exposed = (await ask('tools/list')).result.tools[0].name
    expect(exposed).toHaveLength(128)
    expect((await ask('tools/call', { name: exposed })).result.asked.name).toBe(long)
  })
})

describe('what the URL says of itself', () => {
  test('it needs no upstream to be there, in both eras', async () => {
    const { endpoint, client, gateway } = await start([])
    const session = await openSession(endpoint)
    expect(session.initialized.json.result).toMatchObject({
      serverInfo: { name: 'poolscope', version: '0.0.0-test' },
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
    })
    const discovered = (await client.post('server/discover')).json.result
    expect(discovered).toMatchObject({ supportedVersions: [modernVersion], capabilities: { completions: {} } })
    expect(discovered._meta[metaKey('serverInfo')].name).toBe('poolscope')
    expect((await session.post(rpc('tools/list'))).json.result).toEqual({ tools: [] })
    expect((await session.post(rpc('ping'))).json.result).toEqual({})
    expect((await session.post(rpc('logging/setLevel', { level: 'info' }))).json.result).toEqual({})
    expect(gateway.state().sessions).toBe(1)
  })

  test('upstreams that are stopped, or speak plain JSON-RPC, take no part', async () => {
    const stopped = upstreamOf('stopped', 'legacy', legacyScript, { enabled: false })
    const plain = upstreamOf('plain', 'legacy', legacyScript, { protocol: 'jsonrpc' })
    const { endpoint } = await start([stopped, plain])
    const session = await openSession(endpoint)
    expect((await session.post(rpc('tools/list'))).json.result.tools).toEqual([])
  })
})

describe('changes', () => {
  const changed = (list: string): ServerNotification => {
    const method = `notifications/${list}/list_changed`
    return { method, message: `{"jsonrpc":"2.0","method":"${method}"}` }
  }

  /** A directory that tells of its changes, as the host's does. */
  async function startChanging() {
    const members = new Map([['one', upstreamOf('one', 'legacy', legacyScript)]])
    const listeners = new Set<() => void>()
    const directory = {
      get: (name: string) => members.get(name),
      all: () => members.values(),
      onChange: (listener: () => void) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    }
    const started = await startGateway({ directory })
    const change = (act: () => void) => {
      act()
      for (const listener of listeners) listener()
    }
    return { ...started, members, change, listeners, endpoint: `${started.url}/mcp` }
  }

  test('upstreams that come and go are told to sessions and to listeners, and so is what their lists do', async () => {
    const { endpoint, members, change, gateway, listeners } = await startChanging()
    const session = await openSession(endpoint)
    const stream = sse(await open(endpoint, { method: 'GET', headers: session.headers }))
    await stream.next()
    const filter = { notifications: { toolsListChanged: true } }
    const listening = sse(await modern(endpoint).open('subscriptions/listen', filter, { id: 1 }))
    await listening.next()
    const methods = async (events: typeof stream, count: number) => {
      const found = []
      for (let i = 0; i < count; i++) found.push(JSON.parse((await events.next())?.data ?? '{}').method)
      return found
    }
    const added = upstreamOf('two', 'legacy', legacyScript)
    change(() => members.set('two', added))
    expect(await methods(stream, 3)).toEqual(['tools', 'prompts', 'resources'].map((list) => changed(list).method))
    expect(await methods(listening, 1)).toEqual([changed('tools').method])
    expect((await session.post(rpc('tools/list'))).json.result.tools).toHaveLength(2)
    await expect.poll(() => added.events.listenerCount).toBe(2)
    added.events.emit('notification', { ...changed('tools'), connectionId: 'c' })
    expect(await methods(stream, 1)).toEqual([changed('tools').method])
    expect(await methods(listening, 1)).toEqual([changed('tools').method])
    change(() => members.delete('two'))
    expect(await methods(listening, 1)).toEqual([changed('tools').method])
    expect(added.events.listenerCount).toBe(0)
    await gateway.close({ drainMs: 0 })
    expect([listeners.size, members.get('one')?.events.listenerCount]).toEqual([0, 0])
  })

  test('a listener at an upstream that goes away ends with a result; one that stays goes on', async () => {
    const { url, members, change } = await startChanging()
    const staying = upstreamOf('staying', 'legacy', legacyScript)
    change(() => members.set('staying', staying))
    const listen = async (name: string) => {
      const filter = { notifications: { toolsListChanged: true } }
      const events = sse(await modern(`${url}/mcp/${name}`).open('subscriptions/listen', filter, { id: 1 }))
      await events.next()
      return events
    }
    const [gone, stays] = [await listen('one'), await listen('staying')]
    change(() => members.delete('one'))
    expect(JSON.parse((await gone.next())?.data ?? '').result.resultType).toBe('complete')
    expect(await gone.next()).toBeUndefined()
    staying.events.emit('notification', { ...changed('tools'), connectionId: 'c' })
    expect(JSON.parse((await stays.next())?.data ?? '').method).toBe(changed('tools').method)
  })

  test('a resource is watched at its upstream, and told under the URI that the client knows', async () => {
    const { endpoint, members } = await start()
    const session = await openSession(endpoint)
    const stream = sse(await open(endpoint, { method: 'GET', headers: session.headers }))
    await stream.next()
    await session.post(rpc('resources/subscribe', { uri: 'old+file:///a' }))
    expect((await session.post(rpc('resources/subscribe', { uri: 'file:///a' }))).json.error.code).toBe(-32002)
    const [watch] = members[0]?.watches ?? []
    expect(watch?.what).toEqual({ uri: 'file:///a' })
    const message = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a","n":1}}'
    watch?.listener({ method: 'notifications/resources/updated', message })
    expect(JSON.parse((await stream.next())?.data ?? '').params).toEqual({ uri: 'old+file:///a', n: 1 })
    await send(endpoint, { method: 'DELETE', headers: session.headers })
    expect(members[0]?.watches.size).toBe(0)
  })
})

describe('sessions', () => {
  test('a client with roots has a process of its own at each upstream that it uses, until its session ends', async () => {
    const members = [upstreamOf('a', 'legacy', legacyScript), upstreamOf('b', 'legacy', legacyScript)]
    const { endpoint } = await start(members)
    const session = await openSession(endpoint, '2025-11-25', { roots: {} })
    expect(members.map(({ sessions }) => sessions.length)).toEqual([0, 0])
    await session.post(rpc('tools/call', { name: 'a__echo' }))
    expect(members.map(({ sessions }) => sessions.length)).toEqual([1, 0])
    const { request, answer } = serverRequest('roots/list')
    members[0]?.sessions[0]?.onServerRequest(request)
    const stream = sse(await open(endpoint, { method: 'GET', headers: session.headers }))
    await stream.next()
    const { id } = JSON.parse((await stream.next())?.data ?? '')
    await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: { roots: [] } }))
    expect((await answer).text).toBe('{"roots":[]}')
    await send(endpoint, { method: 'DELETE', headers: session.headers })
    await expect.poll(() => members[0]?.sessions[0]?.closed).toBe(true)
  })

  test('questions of either kind of server reach a client of either era', async () => {
    const form = '{"message":"m","requestedSchema":{"type":"object","properties":{}}}'
    const asking = upstreamOf('asking', 'legacy', async ({ method, onServerRequest }) => {
      if (method !== 'prompts/get') return '{}'
      const { request, answer } = serverRequest('elicitation/create', form)
      onServerRequest?.(request)
      return `{"messages":[],"got":${(await answer).text}}`
    })
    const { client } = await start([asking])
    const options = { capabilities: { elicitation: {} } }
    const asked = (await client.post('prompts/get', { name: 'asking__p' }, options)).json.result
    const [key = ''] = Object.keys(asked.inputRequests)
    const retry = {
      name: 'asking__p',
      requestState: asked.requestState,
      inputResponses: { [key]: { action: 'accept' } },
    }
    expect((await client.post('prompts/get', retry, options)).json.result.got).toEqual({ action: 'accept' })
  })

  test('an upstream that keeps a process for each session is out of reach of modern clients, which are told so', async () => {
    const { client } = await start([upstreamOf('own', 'legacy', legacyScript, { isolation: 'session' })])
    const { result } = (await client.post('tools/list')).json
    expect(result._meta['poolscope/unavailable'].own).toContain('initialize')
    expect((await client.post('tools/call', { name: 'own__echo' })).json.error.message).toContain('initialize')
  })
})
