import { describe, expect, test, vi } from 'vitest'
import { json } from './fixtures/authorization-server.ts'
import { makeWorld, type World } from './fixtures/world.ts'

const soon = () => AbortSignal.timeout(5_000)
const refreshes = (world: World) => world.server.tokenRequests('refresh_token').length

/** Signed in, its access token refused from now on, and a request that waits for the refresh. */
async function refreshing(world: World) {
  const auth = world.auth()
  await auth.through()
  world.server.expireAccessTokens()
  world.server.switches.holdTokens = true
  const request = auth.get()
  await vi.waitFor(() => expect(world.server.held).toBe(1))
  return { auth, request }
}

describe('credentials that are closed', () => {
  test('refresh nothing, tell nothing and change nothing, whatever the sessions that still run meet', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    const used = await auth.authorization(soon())
    await auth.close()
    const kept = await world.store.get(`oauth remote ${world.url}`)
    const told = auth.views.length
    world.server.expireAccessTokens()
    expect(await auth.get()).toBe(401)
    world.clock.jumpWall(7_200_000) // The tokens are due by now.
    expect(await auth.authorization(soon())).toBe(used)
    auth.barred(401)
    await world.clock.advance(600_000)
    expect(refreshes(world)).toBe(0)
    expect(auth.views.length).toBe(told)
    expect(world.clock.pending).toBe(0)
    expect(await world.store.get(`oauth remote ${world.url}`)).toBe(kept)
  })

  test('without a refresh token leave what is kept to those that come after them', async () => {
    const world = await makeWorld()
    world.server.switches.refreshTokens = false
    const auth = world.auth()
    await auth.through()
    const used = await auth.authorization(soon())
    await auth.close()
    expect(await auth.refused({ status: 401, wwwAuthenticate: null, used }, soon())).toBe(false)
    expect(await world.auth().get()).toBe(200)
  })

  test('while a refresh fails are not tried again', async () => {
    const world = await makeWorld()
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/token' || refreshes(world) === 0) return false
      json(response, 503, { error: 'temporarily_unavailable' })
      return true
    }
    const auth = world.auth()
    await auth.through()
    world.server.expireAccessTokens()
    expect(await auth.get()).toBe(401)
    expect(world.clock.pending).toBe(1)
    await auth.close()
    expect(world.clock.pending).toBe(0)
  })
})

describe('closing in the middle of a refresh', () => {
  test('keeps the tokens that it brings, where refresh tokens serve once', async () => {
    const world = await makeWorld()
    const { auth, request } = await refreshing(world)
    const told = auth.views.length
    const closed = auth.close()
    const next = world.auth({ after: closed })
    const served = next.get()
    world.server.release()
    await closed
    expect(await request, 'who waited for it is served too').toBe(200)
    expect(await served).toBe(200)
    expect(refreshes(world)).toBe(1)
    expect([auth.views.length, auth.signedIn]).toEqual([told, 1])
  })

  test('does not wait long for an authorization server that says nothing', async () => {
    const world = await makeWorld()
    const { auth, request } = await refreshing(world)
    const closed = auth.close()
    await world.clock.advance(5_000)
    await closed
    expect(await request).toBe(401)
  })

  test('does not send it when it was not sent yet', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    world.server.expireAccessTokens()
    const asked = world.server.received.length
    world.server.switches.intercept = (request) => request.url === '/.well-known/oauth-authorization-server'
    const request = auth.get()
    await vi.waitFor(() => expect(world.server.received.length).toBeGreaterThan(asked))
    await auth.close()
    expect(await request).toBe(401)
    expect(refreshes(world)).toBe(0)
    expect(world.logs.join()).not.toContain('could not be refreshed')
  })
})

test('closing waits for a sign-out, so that nobody takes up its tokens', async () => {
  const world = await makeWorld()
  const leave = Promise.withResolvers<void>()
  const auth = world.auth({ onSigningOut: () => leave.promise })
  await auth.through()
  const signedOut = auth.signOut()
  const next = world.auth({ after: auth.close() })
  leave.resolve()
  expect(await next.authorization(soon())).toBeUndefined()
  await signedOut
})
