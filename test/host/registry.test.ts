import { expect, test } from 'vitest'
import { Registry } from '../../electron/host/registry.ts'
import { deferred } from '../../electron/kit/deferred.ts'
import type { Upstream } from '../../electron/upstream/types.ts'
import type { UpstreamConfig } from '../../shared/config.ts'
import { childUpstream } from '../fixtures/children/index.ts'

/** An upstream that only closes, when the test says so. */
function closingUpstream(config: UpstreamConfig) {
  const gone = deferred<void>()
  const closes: (number | undefined)[] = []
  const upstream = {
    name: config.name,
    config,
    close: (_reason: string, timeoutMs?: number) => {
      closes.push(timeoutMs)
      return gone.promise
    },
    reconfigure: () => {},
  } as unknown as Upstream
  return { upstream, closes, gone }
}

function registryOf() {
  const created: ReturnType<typeof closingUpstream>[] = []
  const changes: string[] = []
  const forgotten: string[] = []
  const forgetting = deferred<void>()
  const registry = new Registry({
    create: (config) => {
      const one = closingUpstream(config)
      created.push(one)
      return one.upstream
    },
    attach: () => () => void changes.push('detached'),
    onChange: (name, change) => void changes.push(`${name} ${change}`),
    forget: async ({ name }) => {
      forgotten.push(name)
      await forgetting.promise
    },
  })
  return { registry, created, changes, forgotten, forgetting }
}

const a = childUpstream('echo', { name: 'a' })
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('what is stopped and started at once starts when the one before has gone: limits hold over a restart', async () => {
  const { registry, created, changes } = registryOf()
  registry.apply([a])
  registry.apply([{ ...a, enabled: false }])
  registry.apply([a])
  expect(created).toHaveLength(1)
  expect(registry.get('a')).toBeUndefined()
  created[0]?.gone.resolve()
  await settled()
  expect(created).toHaveLength(2)
  expect(registry.get('a')).toBe(created[1]?.upstream)
  expect(changes).toEqual(['a added', 'a started', 'a stopped', 'a changed', 'a changed', 'detached', 'a started'])
})

test('what is removed and added again waits as well, and does not start when it was stopped meanwhile', async () => {
  const { registry, created } = registryOf()
  registry.apply([a])
  registry.apply([])
  registry.apply([a])
  registry.apply([{ ...a, enabled: false }])
  created[0]?.gone.resolve()
  await settled()
  expect(created).toHaveLength(1)
})

test('what is removed is forgotten once it is closed, and what comes under its name starts after that', async () => {
  const { registry, created, forgotten, forgetting } = registryOf()
  registry.apply([a])
  registry.apply([])
  registry.apply([a])
  await settled()
  expect(forgotten).toEqual([])
  created[0]?.gone.resolve()
  await settled()
  expect(forgotten).toEqual(['a'])
  expect(created).toHaveLength(1)
  forgetting.resolve()
  await settled()
  expect(created).toHaveLength(2)
  expect(registry.get('a')).toBe(created[1]?.upstream)
})

test('what does not run is forgotten at once when it is removed; what is stopped, replaced or shut down, never', async () => {
  const { registry, created, forgotten, forgetting } = registryOf()
  forgetting.resolve()
  registry.apply([{ ...a, enabled: false }, childUpstream('echo', { name: 'b' })])
  registry.apply([childUpstream('echo', { name: 'b' })])
  await settled()
  expect(forgotten).toEqual(['a'])
  registry.apply([{ ...childUpstream('echo', { name: 'b' }), enabled: false }])
  created[0]?.gone.resolve()
  await settled()
  registry.apply([childUpstream('echo', { name: 'b' })])
  registry.apply([childUpstream('echo', { name: 'b', protocol: 'jsonrpc' })])
  created[1]?.gone.resolve()
  await settled()
  const closed = registry.close(5_000)
  created[2]?.gone.resolve()
  await closed
  expect(forgotten).toEqual(['a'])
})

test('a shutdown waits for what is being forgotten', async () => {
  const { registry, created, forgotten, forgetting } = registryOf()
  registry.apply([a])
  registry.apply([])
  let done = false
  const closed = registry.close(5_000).then(() => {
    done = true
  })
  created[0]?.gone.resolve()
  await settled()
  expect([forgotten, done]).toEqual([['a'], false])
  forgetting.resolve()
  await closed
})

test('a changed protocol replaces the upstream, one after the other', async () => {
  const { registry, created } = registryOf()
  registry.apply([a])
  registry.apply([{ ...a, protocol: 'jsonrpc' }])
  expect(created).toHaveLength(1)
  created[0]?.gone.resolve()
  await settled()
  expect(registry.get('a')?.config.protocol).toBe('jsonrpc')
})

const { name, enabled, protocol, isolation, pool, timeouts } = a
const common = { name, enabled, protocol, isolation, pool, timeouts }
const remote: UpstreamConfig = {
  ...common,
  transport: 'http',
  url: 'https://mcp.example/mcp',
  headers: { 'X-Team': 'one' },
}

test.each<[string, Partial<UpstreamConfig>, boolean]>([
  ['another transport', { transport: 'sse' }, true],
  ['another URL', { url: 'https://mcp.example/other' }, true],
  ['other settings of the sign-in', { oauth: { clientId: 'own' } }, false],
  ['another header', { headers: { 'X-Team': 'two' } }, false],
  ['other limits', { timeouts: { ...timeouts, responseTimeoutMs: 5 } }, false],
])('a remote upstream with %s is another one, or the same: %o', async (_, change, isAnother) => {
  const { registry, created } = registryOf()
  registry.apply([remote])
  registry.apply([{ ...remote, ...change } as UpstreamConfig])
  created[0]?.gone.resolve()
  await settled()
  expect(created).toHaveLength(isAnother ? 2 : 1)
  expect(registry.config('a')).toMatchObject(change)
})

test('closing waits for all that was ever started, can be hastened, and nothing starts afterwards', async () => {
  const { registry, created, forgetting } = registryOf()
  forgetting.resolve()
  registry.apply([a, childUpstream('echo', { name: 'b' })])
  registry.apply([a])
  const closed = registry.close(5_000)
  const hastened = registry.close(0)
  expect(created.map(({ closes }) => closes)).toEqual([
    [5_000, 0],
    [undefined, 5_000, 0],
  ])
  expect(() => registry.apply([a])).toThrow('the host is closing')
  let done = false
  void closed.then(() => {
    done = true
  })
  created[0]?.gone.resolve()
  await settled()
  expect(done).toBe(false)
  created[1]?.gone.resolve()
  await Promise.all([closed, hastened])
})
