import { describe, expect, test } from 'vitest'
import { makeWorld, type World } from './fixtures/world.ts'

const notFound = async () => new Response('nothing here', { status: 404 })

describe('a server without a sign-in', () => {
  test('says what to do instead, and not how a place that it does not have answered', async () => {
    const world = await makeWorld()
    const auth = world.auth({ fetch: notFound })
    expect(await auth.get()).toBe(401)
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'UPSTREAM_UNAUTHORIZED' })
    const { state, error } = auth.view()
    expect([state, error]).toEqual(['failed', expect.stringMatching(/describes no sign-in.*headers.*oauth\.clientId/)])
    expect(error).not.toContain('/register')
  })

  test('a registration that is out of reach, or that the metadata names, stays what is said', async () => {
    const world = await makeWorld()
    const away = world.auth({
      fetch: async (_, init) => {
        if (init?.method === 'POST') throw new TypeError('fetch failed')
        return await notFound()
      },
    })
    await expect(away.signIn()).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    const refused = world.auth({
      fetch: async (url, init) => (init?.method === 'POST' ? await notFound() : await fetch(url, init)),
    })
    await expect(refused.signIn()).rejects.toMatchObject({ message: expect.stringContaining('/register answered') })
  })
})

describe('a server that wants other credentials than tokens', () => {
  const refused = async (auth: ReturnType<World['auth']>, wwwAuthenticate: string) => {
    const signal = AbortSignal.timeout(5_000)
    expect(await auth.refused({ status: 401, wwwAuthenticate, used: undefined }, signal)).toBe(false)
    auth.barred(401)
    return auth.view()
  }

  test.each(['Basic realm="x"', 'Digest realm="x", nonce="y"', 'Negotiate', 'NTLM, Basic realm="x"'])(
    '(%s) is no reason to offer a sign-in',
    async (scheme) => {
      const world = await makeWorld()
      const auth = world.auth()
      const error = expect.stringMatching(/wants (Basic|Digest|Negotiate|NTLM) credentials.*headers/)
      expect(await refused(auth, scheme)).toMatchObject({ kind: 'none', state: 'failed', error })
      expect(await refused(auth, `${scheme}, Bearer`)).toMatchObject({ kind: 'oauth', state: 'signed-out' })
    },
  )
})
