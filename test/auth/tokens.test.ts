import { describe, expect, test, vi } from 'vitest'
import { refreshAheadMs } from '../../electron/auth/refresher.ts'
import type { SecretStore } from '../../electron/auth/types.ts'
import { AppError } from '../../shared/errors.ts'
import { memorySecretStore } from '../support/memory-store.ts'
import { json } from './fixtures/authorization-server.ts'
import { makeWorld } from './fixtures/world.ts'

const hour = 3_600_000
const refreshes = (world: Awaited<ReturnType<typeof makeWorld>>) => world.server.tokenRequests('refresh_token').length

describe('a refused access token', () => {
  test('under fifty requests at once is refreshed once, and all go through', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    for (let round = 1; round <= 3; round++) {
      world.server.expireAccessTokens()
      const statuses = await Promise.all(Array.from({ length: 50 }, () => auth.get()))
      expect(statuses).toEqual(Array(50).fill(200))
      expect(refreshes(world)).toBe(round)
    }
    expect(auth.view()).toMatchObject({ state: 'signed-in', error: null })
    expect(auth.views.some((it) => it.state === 'refreshing')).toBe(true)
    expect(auth.signedIn, 'a refresh is no sign-in').toBe(1)
  })

  test('is retried at once by who comes late, after the refresh', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    const signal = AbortSignal.timeout(5_000)
    const used = await auth.authorization(signal)
    world.server.expireAccessTokens()
    expect(await auth.get()).toBe(200)
    expect(await auth.refused({ status: 401, wwwAuthenticate: null, used }, signal)).toBe(true)
    expect(await auth.refused({ status: 401, wwwAuthenticate: null, used: undefined }, signal)).toBe(true)
    expect(refreshes(world)).toBe(1)
  })

  test('whose refresh is refused: signed out, the tokens deleted, no browser', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.server.expireAccessTokens()
    world.server.refreshTokens.clear()
    expect(await auth.get()).toBe(401)
    expect(auth.view()).toMatchObject({
      state: 'signed-out',
      scopes: [],
      expiresAt: null,
      error: expect.stringMatching(/^sign in again: .*invalid_grant/),
    })
    expect(JSON.parse((await world.store.get(`oauth remote ${world.url}`)) ?? '')).not.toHaveProperty('tokens')
    expect(world.pages).toHaveLength(1)
    expect(await auth.get()).toBe(401)
    expect(refreshes(world)).toBe(1)
    await auth.through()
    expect(await auth.get()).toBe(200)
    expect(world.server.requests('/register'), 'still the same client').toHaveLength(1)
  })

  test('whose client is gone: the next sign-in registers anew', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.server.clients.clear()
    world.server.expireAccessTokens()
    expect(await auth.get()).toBe(401)
    expect(auth.view().state).toBe('signed-out')
    await auth.through()
    expect(await auth.get()).toBe(200)
    expect(world.server.requests('/register')).toHaveLength(2)
  })

  test('without a refresh token: signed out, the token deleted', async () => {
    const world = await makeWorld()
    world.server.switches.refreshTokens = false
    const auth = world.auth()
    await auth.through()
    expect(await auth.get()).toBe(200)
    world.server.expireAccessTokens()
    expect(await auth.get()).toBe(401)
    expect(auth.view()).toMatchObject({ state: 'signed-out', expiresAt: null })
    expect(refreshes(world)).toBe(0)
  })

  test('that is refused again however often it is refreshed does not become a storm', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.resource.wants.set('/mcp', '')
    const alwaysRefused = async () => {
      world.server.expireAccessTokens()
      return await auth.get()
    }
    // Tokens of this server open nothing there any more.
    world.resource.authorizationServer = Object.assign(Object.create(world.server), { accessTokens: new Map() })
    for (let n = 0; n < 50; n++) expect(await alwaysRefused()).toBe(401)
    expect(refreshes(world)).toBe(1)
    expect(auth.view()).toMatchObject({ state: 'failed', error: expect.stringContaining('just refreshed') })
    await world.clock.advance(60_000)
    for (let n = 0; n < 50; n++) await alwaysRefused()
    expect(refreshes(world)).toBeLessThanOrEqual(3)
    world.resource.authorizationServer = world.server
    await world.clock.advance(300_000)
    await auth.through()
    expect(await auth.get()).toBe(200)
    expect(auth.view()).toMatchObject({ state: 'signed-in', error: null })
  })

  test('goes through with the tokens of a sign-in that ends while its refresh is under way', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    const used = await auth.authorization(AbortSignal.timeout(5_000))
    world.server.expireAccessTokens()
    world.server.switches.holdTokens = true
    const request = auth.get()
    await vi.waitFor(() => expect(world.server.held).toBe(1))
    world.server.switches.holdTokens = false
    await auth.through()
    expect(await request).toBe(200)
    expect(auth.view()).toMatchObject({ state: 'signed-in', error: null })
    expect(auth.barred(401), 'a refusal of the tokens before').toBe(false)
    expect(auth.view().state).toBe('signed-in')
    auth.refusedAgain?.(used)
    expect(auth.barred(401)).toBe(false)
    auth.refusedAgain?.(await auth.authorization(AbortSignal.timeout(5_000)))
    expect(auth.barred(401)).toBe(true)
    expect(auth.view().state).toBe('failed')
  })

  test('leaves whoever gives up waiting, and goes on for the others', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    const used = await auth.authorization(AbortSignal.timeout(5_000))
    world.server.expireAccessTokens()
    world.server.switches.holdTokens = true
    const leaving = new AbortController()
    const refusal = { status: 401, wwwAuthenticate: null, used } as const
    const left = auth.refused(refusal, leaving.signal)
    const stays = auth.refused(refusal, AbortSignal.timeout(5_000))
    await vi.waitFor(() => expect(world.server.held).toBe(1))
    const reason = new Error('deadline')
    leaving.abort(reason)
    await expect(left).rejects.toBe(reason)
    world.server.release()
    expect(await stays).toBe(true)
    expect(refreshes(world)).toBe(1)
  })
})

describe('ahead of the expiry', () => {
  test('tokens are refreshed by themselves', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    const { expiresAt } = auth.view()
    await world.clock.advance(hour - refreshAheadMs - 1)
    expect(refreshes(world)).toBe(0)
    await world.clock.advance(1)
    await vi.waitFor(() => expect(auth.view().expiresAt).toBeGreaterThan(expiresAt ?? 0))
    expect(refreshes(world)).toBe(1)
    expect(await auth.get()).toBe(200)
  })

  test('who is about to use them waits for it after a sleep of the machine', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.server.expireAccessTokens()
    world.clock.jumpWall(2 * hour) // timers did not run
    expect(await Promise.all([auth.get(), auth.get(), auth.get()])).toEqual([200, 200, 200])
    expect(refreshes(world)).toBe(1)
    expect(world.resource.received.every((it) => it.status === 200)).toBe(true)
  })

  test('a server in trouble is asked less and less, its tokens are used on, and it is well again by itself', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    let troubled = true
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/token' || !troubled) return false
      json(response, 503, { error: 'temporarily_unavailable' })
      return true
    }
    await world.clock.advance(hour - refreshAheadMs)
    await vi.waitFor(() => expect(refreshes(world)).toBe(1))
    await vi.waitFor(() =>
      expect(auth.view()).toMatchObject({ state: 'signed-in', error: expect.stringContaining('temporarily') }),
    )
    expect(await auth.get()).toBe(200)
    for (let n = 2; n <= 12; n++) {
      await world.clock.advance(300_000)
      await vi.waitFor(() => expect(auth.view().state).not.toBe('refreshing'))
    }
    expect(refreshes(world)).toBeGreaterThan(3)
    expect(refreshes(world), 'an hour of trouble').toBeLessThan(40)
    expect(auth.view()).toMatchObject({ state: 'failed' })
    expect(auth.signedIn).toBe(1)
    troubled = false
    await world.clock.advance(300_000)
    await vi.waitFor(() => expect(auth.view()).toMatchObject({ state: 'signed-in', error: null }))
    expect(auth.signedIn, 'what was given up may be tried again').toBe(2)
    expect(await auth.get()).toBe(200)
  })

  test('tokens that live for a moment do not keep us busy', async () => {
    const world = await makeWorld()
    world.server.switches.expiresIn = 0
    const auth = world.auth()
    await auth.through()
    await Promise.all(Array.from({ length: 20 }, () => auth.get()))
    for (let n = 0; n < 20; n++) await auth.get()
    expect(refreshes(world)).toBe(0)
    await world.clock.advance(60_000)
    expect(await auth.get()).toBe(200)
    expect(refreshes(world)).toBeLessThanOrEqual(7)
  })
})

describe('missing scopes', () => {
  test('are told, and asked for on top of those that are granted', async () => {
    const world = await makeWorld()
    world.resource.scopeInRefusal = 'mcp:basic'
    const auth = world.auth()
    await auth.get()
    await auth.through()
    expect(auth.view().scopes).toEqual(['mcp:basic'])
    expect(await auth.get()).toBe(200)

    world.resource.wants.set('/mcp', 'mcp:write mcp:admin')
    expect(await auth.get()).toBe(403)
    expect(auth.view()).toMatchObject({
      state: 'forbidden',
      error: 'sign in again to grant what the server asks for: mcp:write mcp:admin',
    })
    expect(world.pages, 'no browser by itself').toHaveLength(1)
    auth.accepted?.(await auth.authorization(AbortSignal.timeout(5_000)))
    expect(auth.view().state, 'another request goes through').toBe('forbidden')

    await auth.through()
    expect(auth.view()).toMatchObject({
      state: 'signed-in',
      scopes: ['mcp:basic', 'mcp:write', 'mcp:admin'],
      error: null,
    })
    expect(await auth.get()).toBe(200)
  })

  test('cancelled: the missing scopes are told on', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.resource.wants.set('/mcp', 'mcp:write')
    await auth.get()
    const { error } = auth.view()
    const again = world.auth({ store: world.store, openBrowser: async () => {} })
    await again.get()
    await again.signIn()
    again.cancelSignIn()
    await vi.waitFor(() => expect(again.view()).toMatchObject({ state: 'forbidden', error }))
  })

  test('and any other 403 is no question of signing in', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.resource.forbids = true
    expect(await auth.get()).toBe(403)
    expect(auth.view()).toMatchObject({ state: 'forbidden', error: 'the server does not let you in (403)' })
    expect(refreshes(world)).toBe(0)
    world.resource.forbids = false
    expect(await auth.get()).toBe(200)
    expect(auth.view()).toMatchObject({ state: 'signed-in', error: null })
  })
})

describe('signing out', () => {
  test('deletes the tokens and revokes them', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    await auth.signOut()
    expect(auth.view()).toMatchObject({ kind: 'oauth', state: 'signed-out', error: null, scopes: [], issuer: null })
    const revoked = world.server.requests('/revoke').map((it) => new URLSearchParams(it.body).get('token_type_hint'))
    expect(revoked).toEqual(['refresh_token', 'access_token'])
    expect([world.server.accessTokens.size, world.server.refreshTokens.size]).toEqual([0, 0])
    expect(await auth.authorization(AbortSignal.timeout(5_000))).toBeUndefined()
    await auth.signOut()
    expect(world.server.requests('/revoke')).toHaveLength(2)
  })

  test.each([
    ['does not offer it', null],
    ['fails at it', 'the tokens could not be revoked at the server'],
  ])('at a server that %s: signed out all the same', async (_, error) => {
    const world = await makeWorld()
    if (error === null) world.server.switches.metadata = ({ revocation_endpoint, ...rest }) => rest
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/revoke') return false
      response.writeHead(500).end(world.server.requests('/revoke').at(-1)?.body)
      return true
    }
    const auth = world.auth()
    await auth.through()
    await auth.signOut()
    expect(auth.view()).toMatchObject({ state: 'signed-out', error: error && expect.stringContaining(error) })
    expect(await auth.authorization(AbortSignal.timeout(5_000))).toBeUndefined()
  })

  test('in the middle of a refresh: its tokens are not used', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.server.expireAccessTokens()
    world.server.switches.holdTokens = true
    const request = auth.get()
    await vi.waitFor(() => expect(world.server.held).toBe(1))
    await auth.signOut()
    world.server.release()
    expect(await request).toBe(401)
    expect(auth.view().state).toBe('signed-out')
    expect(await auth.authorization(AbortSignal.timeout(5_000))).toBeUndefined()
  })

  test('in the middle of a sign-in ends that too', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: async () => {} })
    await auth.signIn()
    await auth.signOut()
    expect(auth.view()).toMatchObject({ state: 'signed-out', authorizationUrl: null, error: null })
  })
})

describe('what is kept', () => {
  test('is in use after a restart, and refreshed there', async () => {
    const world = await makeWorld()
    const first = world.auth()
    await first.through()
    await first.close()
    const second = world.auth()
    expect(await second.get()).toBe(200)
    expect(second.view()).toMatchObject({ kind: 'oauth', state: 'signed-in', issuer: world.server.url })
    world.server.expireAccessTokens()
    expect(await second.get()).toBe(200)
    await second.close()
    const third = world.auth()
    expect(await third.get(), 'the rotated tokens were kept').toBe(200)
    expect(refreshes(world)).toBe(1)
  })

  test('is of one upstream: neither another path, nor another name, nor another server gets it', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    for (const options of [
      { url: new URL(`${world.resource.url}/other`) },
      { upstream: 'second account' },
      { url: new URL(world.url.replace('127.0.0.1', 'localhost')) },
      { url: new URL('https://127.0.0.1/mcp') },
    ])
      expect(await world.auth(options).authorization(AbortSignal.timeout(5_000))).toBeUndefined()
    const other = world.auth({ upstream: 'other', url: new URL(`${world.resource.url}/other`) })
    expect(await other.get()).toBe(401)
    await other.through()
    expect([await other.get(), await auth.get()]).toEqual([200, 200])
    await other.signOut()
    expect(await auth.get()).toBe(200)
  })

  test('of a client that the config no longer names is not refreshed by another', async () => {
    const world = await makeWorld()
    const first = world.auth()
    await first.through()
    await first.close()
    world.server.expireAccessTokens()
    const second = world.auth({ oauth: { clientId: 'someone-else' } })
    expect(await second.get()).toBe(401)
    expect(second.view()).toMatchObject({ state: 'signed-out', error: expect.stringContaining('another client') })
    expect(refreshes(world)).toBe(0)
  })

  test('in a store that fails: the sign-in holds until the end, and it is said', async () => {
    const world = await makeWorld()
    const store: SecretStore = {
      ...memorySecretStore(),
      kind: 'file',
      get: () => Promise.reject(new AppError('CONFIG_INVALID', 'belongs to another user')),
      set: () => Promise.reject(new Error('ENOSPC')),
    }
    const auth = world.auth({ store })
    await auth.through()
    expect(auth.view()).toMatchObject({ state: 'signed-in', storage: 'memory' })
    expect(await auth.get()).toBe(200)
    for (const told of ['could not be read', 'could not be kept'])
      expect(world.logs).toContainEqual(expect.stringContaining(told))
  })

  test('as something that is not ours counts as nothing', async () => {
    const world = await makeWorld()
    await world.store.set(`oauth remote ${world.url}`, '{"tokens":{"accessToken":"x"}}')
    const auth = world.auth()
    expect(await auth.get()).toBe(401)
    await auth.through()
    expect(await auth.get()).toBe(200)
  })
})
