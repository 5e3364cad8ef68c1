import { describe, expect, test } from 'vitest'
import { forgetSignIn, revocationMs } from '../../electron/auth/forget.ts'
import { makeWorld, type World } from './fixtures/world.ts'

const forget = (world: World, signal = new AbortController().signal) =>
  forgetSignIn({
    upstream: 'remote',
    url: new URL(world.url),
    store: world.store,
    clock: world.clock,
    logger: { log: (level, message) => void world.logs.push(`${level} ${message}`) },
    signal,
  })
const kept = (world: World) => world.store.get(`oauth remote ${world.url}`)

async function signedInBefore() {
  const world = await makeWorld()
  const auth = world.auth()
  await auth.through()
  await auth.close()
  expect(await kept(world)).toContain('tokens')
  return world
}

describe('an upstream that is removed', () => {
  test('leaves neither tokens nor client, and its tokens are revoked', async () => {
    const world = await signedInBefore()
    await forget(world)
    expect(await kept(world)).toBeUndefined()
    expect([world.server.accessTokens.size, world.server.refreshTokens.size]).toEqual([0, 0])
    for (const line of world.logs) world.also(line)
    const again = world.auth()
    expect(await again.get()).toBe(401)
    await again.through()
    expect(world.server.requests('/register'), 'another client').toHaveLength(2)
  })

  test('where nobody ever signed in, or who did has signed out, is no trouble', async () => {
    const world = await makeWorld()
    await forget(world)
    const auth = world.auth()
    await auth.through()
    await auth.signOut()
    await auth.close()
    expect(await kept(world)).toContain('client')
    const { length } = world.server.requests('/revoke')
    await forget(world)
    expect(await kept(world)).toBeUndefined()
    expect(world.server.requests('/revoke')).toHaveLength(length)
  })

  test('does not wait for a server that does not answer, and is not kept for that', async () => {
    const world = await signedInBefore()
    let asked = () => {}
    const inTheMiddle = new Promise<void>((resolve) => {
      asked = resolve
    })
    world.server.switches.intercept = ({ url }) => {
      if (url !== '/revoke') return false
      asked()
      return true
    }
    const forgotten = forget(world)
    await inTheMiddle
    expect(await kept(world)).toBeUndefined()
    await world.clock.advance(revocationMs)
    await forgotten
    expect(world.logs.at(-1)).toMatch(/^warn auth: removed, but its tokens could not be revoked: not within 5 s/)
  })

  test('while the host closes, is forgotten all the same; only its server is not told', async () => {
    const world = await signedInBefore()
    await forget(world, AbortSignal.abort(new Error('the host closes')))
    expect(await kept(world)).toBeUndefined()
    expect(world.server.requests('/revoke')).toEqual([])
  })

  test('has no other forgotten: not one of another name, nor of another address', async () => {
    const world = await signedInBefore()
    for (const other of [{ upstream: 'other' }, { url: new URL('/other', world.url) }]) {
      const { store, clock } = world
      const signal = new AbortController().signal
      const options = { upstream: 'remote', url: new URL(world.url), store, clock, signal, ...other }
      await forgetSignIn({ ...options, logger: { log: () => {} } })
    }
    expect(await kept(world)).toContain('tokens')
  })
})
