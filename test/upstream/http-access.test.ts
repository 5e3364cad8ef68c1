import { Agent } from 'undici'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SecretStore } from '../../electron/auth/types.ts'
import { createAuth } from '../../electron/auth/upstream-auth.ts'
import { systemClock } from '../../electron/kit/clock.ts'
import { silentLogger } from '../../electron/kit/logger.ts'
import type { UpstreamDeps } from '../../electron/upstream/deps.ts'
import { AuthorizationServer } from '../auth/fixtures/authorization-server.ts'
import { type HttpTestServer, isCallOf } from '../fixtures/http/index.ts'
import { type ProtectedMcp, protect } from '../host/support/protected-mcp.ts'
import { memorySecretStore } from '../support/memory-store.ts'
import { failureOf } from './failure.ts'
import { closedAfterTest, type HttpOverrides, httpConfig, reach, serve } from './http-support.ts'
import { callTool, eventually, textOf } from './support.ts'

/** Whether a server lets us in: what an upstream does about it, and what its sign-in shows, tell the same. */

/** Each request on connections of its own: what is left open is the upstream's. */
async function fetchOnce(url: string | URL, init?: RequestInit): Promise<Response> {
  const dispatcher = new Agent()
  const { status, headers, ...reply } = await fetch(url, { ...init, dispatcher } as RequestInit).then(async (it) => ({
    status: it.status,
    headers: it.headers,
    text: await it.text(),
  }))
  await dispatcher.destroy()
  return new Response(reply.text || null, { status, headers })
}

const credentialsIn =
  (store: SecretStore): NonNullable<UpstreamDeps['auth']> =>
  (target) =>
    createAuth({
      ...target,
      store,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      fetch: fetchOnce,
      // Its page comes once the sign-in is done.
      openBrowser: async (url) => void fetchOnce(url).then((page) => page.text()),
    })
const guarded = (url: string, overrides: HttpOverrides = {}) =>
  reach(url, { protocol: 'legacy', ...overrides }, { auth: credentialsIn(memorySecretStore()) })
const forever = { times: Number.POSITIVE_INFINITY }

describe('a server that lets nobody in any more', () => {
  let server: HttpTestServer
  beforeEach(async () => {
    server = await serve({ eras: ['legacy'] })
  })

  test.each([
    ['nobody in particular', {}, { kind: 'none', error: 'the server does not let you in (403)' }],
    [
      'who does not want to sign in',
      { oauth: false as const },
      { kind: 'none', error: expect.stringContaining('(403)') },
    ],
    [
      'the token of the config',
      { headers: { Authorization: 'Bearer of-the-config' } },
      {
        kind: 'header',
        error: 'the server refuses the Authorization header of the config (403): check its token',
      },
    ],
  ])('(a plain 403), for %s: blocked, and seen so, until a request is let in', async (_, overrides, expected) => {
    const { upstream, told } = guarded(server.url, overrides)
    server.inject({ kind: 'reply', status: 403 }, forever)
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('UPSTREAM_FORBIDDEN')
    expect(upstream.view()).toMatchObject({ state: 'unauthorized', auth: { ...expected, state: 'forbidden' } })
    expect(told['auth.changed'].map(({ view }) => view.state)).toEqual(['forbidden'])

    server.clearFaults()
    upstream.retry()
    expect(textOf(await upstream.request(callTool('echo', { text: 'in' })))).toBe('in')
    expect(upstream.view()).toMatchObject({ state: 'ready', auth: { state: 'not-needed', error: null } })
  })

  test('in the middle of a session: what another session still may does not hide it', async () => {
    const { upstream } = guarded(server.url, { pool: { maxConnections: 2 } })
    server.inject({ kind: 'delay', ms: 400 }, { when: isCallOf('echo') })
    const slow = upstream.request(callTool('echo', { text: 'slow' }))
    await server.records.first(isCallOf('echo'))
    await upstream.request(callTool('echo', { text: 'x' }))
    server.inject({ kind: 'reply', status: 403 }, { ...forever, when: ({ method }) => method !== 'tools/call' })
    server.inject({ kind: 'reply', status: 403 }, { when: isCallOf('exact') })
    await failureOf(upstream.request(callTool('exact')))
    await expect.poll(() => upstream.view().state, eventually).toBe('unauthorized')
    expect(upstream.view().auth?.state).toBe('forbidden')
    expect(textOf(await slow)).toBe('slow')
    expect(upstream.view()).toMatchObject({ state: 'unauthorized', auth: { state: 'forbidden' } })
  })

  test('but a single request that is forbidden is the matter of who made it', async () => {
    const { upstream } = guarded(server.url)
    server.inject({ kind: 'reply', status: 403 }, { when: isCallOf('exact') })
    expect((await failureOf(upstream.request(callTool('exact')))).code).toBe('UPSTREAM_FORBIDDEN')
    await server.records.first(({ method }) => method === 'ping')
    await upstream.request(callTool('echo', { text: 'x' }))
    expect(upstream.view()).toMatchObject({ state: 'ready', auth: { state: 'not-needed', error: null } })
  })
})

describe('signed in', () => {
  let server: HttpTestServer
  let issuer: AuthorizationServer
  let door: ProtectedMcp
  beforeEach(async () => {
    server = await serve({ eras: ['legacy'] })
    issuer = closedAfterTest(await AuthorizationServer.start())
    door = closedAfterTest(await protect(server, issuer))
  })

  async function signedIn(overrides: HttpOverrides = {}) {
    const remote = guarded(door.url, overrides)
    const { upstream } = remote
    await upstream.signIn?.signIn()
    await expect.poll(() => upstream.view().auth?.state, eventually).toBe('signed-in')
    expect(textOf(await upstream.request(callTool('echo', { text: 'x' })))).toBe('x')
    return remote
  }

  test('with tokens that are good, and forbidden all the same', async () => {
    const { upstream } = await signedIn()
    server.inject({ kind: 'reply', status: 403 }, forever)
    await failureOf(upstream.request(callTool('echo')))
    await expect.poll(() => upstream.view().state, eventually).toBe('unauthorized')
    expect(upstream.view().auth).toMatchObject({
      kind: 'oauth',
      state: 'forbidden',
      error: 'the server does not let you in (403)',
    })
    server.clearFaults()
    await upstream.signIn?.signIn()
    await expect.poll(() => upstream.view(), eventually).toMatchObject({ state: 'ready', auth: { state: 'signed-in' } })
  })

  test('with tokens that are refused as soon as they were refreshed', async () => {
    const { upstream } = await signedIn()
    server.requireToken('none that anybody has')
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('UPSTREAM_UNAUTHORIZED')
    expect(upstream.view()).toMatchObject({
      state: 'unauthorized',
      auth: { state: 'failed', error: expect.stringContaining('refuse') },
    })
  })

  test('anew while a request waits for a refresh: it is served, and the upstream with it', async () => {
    const { upstream } = await signedIn()
    issuer.expireAccessTokens()
    issuer.switches.holdTokens = true
    const request = upstream.request(callTool('echo', { text: 'y' }))
    await expect.poll(() => issuer.held, eventually).toBe(1)
    issuer.switches.holdTokens = false
    await upstream.signIn?.signIn()
    expect(textOf(await request)).toBe('y')
    expect(upstream.view()).toMatchObject({ state: 'ready', auth: { state: 'signed-in' } })
  })

  test.each([
    ['its headers', { headers: { 'x-new': '1' } }],
    ['its sign-in', { oauth: { scope: 'mcp:new' } }],
  ])('and stays so when the config changes %s in the middle of a refresh', async (_, change) => {
    const { upstream } = await signedIn()
    issuer.expireAccessTokens()
    issuer.switches.holdTokens = true
    const caught = upstream.request(callTool('echo')).catch(() => undefined)
    await expect.poll(() => issuer.held, eventually).toBe(1)
    upstream.reconfigure(httpConfig(door.url, { protocol: 'legacy', ...change }))
    issuer.switches.holdTokens = false
    issuer.release()
    expect(textOf(await upstream.request(callTool('echo', { text: 'y' })))).toBe('y')
    await caught
    expect(upstream.view().auth).toMatchObject({ state: 'signed-in', error: null })
    expect(issuer.tokenRequests('refresh_token')).toHaveLength(1)
  })

  test('and out: sessions end at once, requests under way say why, and nothing is tried until somebody signs in', async () => {
    const { upstream, told } = await signedIn({ pool: { maxConnections: 2 } })
    server.inject({ kind: 'silence' }, { when: isCallOf('exact') })
    const caught = failureOf(upstream.request(callTool('exact')))
    await server.records.first(isCallOf('exact'))
    await upstream.request(callTool('echo', { text: 'y' }))
    const out = upstream.signIn?.signOut()
    await expect.poll(() => upstream.view().state, { interval: 1 }).toBe('unauthorized')
    await out
    expect(upstream.view()).toMatchObject({
      state: 'unauthorized',
      auth: { kind: 'oauth', state: 'signed-out', error: null },
      connections: [],
      pool: { breaker: { failures: 0 } },
    })
    expect(await caught).toMatchObject({
      code: 'UPSTREAM_UNAUTHORIZED',
      message: expect.stringContaining('signed out'),
    })
    expect(server.sessions, 'ended with the tokens that they were begun with').toEqual([])
    expect(issuer.requests('/revoke').length).toBeGreaterThan(0)
    const { length } = server.records.requests
    const { opened } = upstream.view().pool
    expect((await failureOf(upstream.request(callTool('echo')))).code).toBe('UPSTREAM_UNAUTHORIZED')
    expect([server.records.requests.length, upstream.view().pool.opened]).toEqual([length, opened])
    expect(told['connection.closing'].map(({ error }) => error?.code)).toEqual(Array(2).fill('UPSTREAM_UNAUTHORIZED'))

    await upstream.signIn?.signIn()
    await expect.poll(() => upstream.view(), eventually).toMatchObject({ state: 'ready', auth: { state: 'signed-in' } })
    expect(server.records.runsOf('exact'), 'never sent again').toHaveLength(0)
  })

  test('and out, of a server that says nothing any more, does not take long', async () => {
    const { upstream } = await signedIn()
    server.inject({ kind: 'silence' }, forever)
    const startedAt = performance.now()
    await upstream.signIn?.signOut()
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    expect(upstream.view()).toMatchObject({ state: 'unauthorized', auth: { state: 'signed-out' }, connections: [] })
  })

  test('out without having been in changes nothing', async () => {
    const { upstream } = guarded(server.url)
    await upstream.request(callTool('echo', { text: 'x' }))
    await upstream.signIn?.signOut()
    expect(upstream.view().state).toBe('ready')
  })
})
