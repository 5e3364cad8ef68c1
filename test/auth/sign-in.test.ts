import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { json } from './fixtures/authorization-server.ts'
import { browse, makeWorld, redirectOf } from './fixtures/world.ts'

/** A browser that nobody uses. */
const unused = async () => {}

test('a person signs in: every step is told, and requests are let in', async () => {
  const world = await makeWorld()
  const auth = world.auth()
  expect(auth.view()).toMatchObject({ kind: 'none', state: 'not-needed', storage: null })
  expect(await auth.get()).toBe(401)
  expect(auth.view()).toMatchObject({ kind: 'oauth', state: 'signed-out', error: 'the server wants you to sign in' })
  expect(world.pages, 'no browser by itself').toEqual([])

  const page = await auth.through()
  expect(page).toMatchObject({ status: 200, text: expect.stringContaining('You can close this page') })
  expect([...new Set(auth.views.map((it) => it.state))]).toEqual([
    'signed-out',
    'discovering',
    'registering',
    'waiting-for-browser',
    'exchanging',
    'signed-in',
  ])
  expect(auth.view()).toMatchObject({
    issuer: world.server.url,
    storage: 'memory',
    error: null,
    authorizationUrl: null,
    expiresAt: world.clock.wall() + 3_600_000,
  })
  expect(auth.signedIn).toBe(1)
  expect(await auth.get()).toBe(200)
})

test('a server that names no metadata is asked at the well-known place, and tokens that do not say so do not expire', async () => {
  const world = await makeWorld()
  world.resource.namesMetadata = false
  world.server.switches.expiresIn = undefined
  const auth = world.auth()
  expect(await auth.get()).toBe(401)
  await auth.through()
  expect(auth.view()).toMatchObject({ state: 'signed-in', expiresAt: null })
  expect(await auth.get()).toBe(200)
  await world.clock.advance(86_400_000)
  expect(await auth.get()).toBe(200)
})

describe('a sign-in that does not come to its end', () => {
  test('cancelled: as before, and the listener is gone', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: unused })
    const { authorizationUrl } = await auth.signIn()
    const answer = await redirectOf(authorizationUrl)
    expect(auth.cancelSignIn()).toBe(true)
    await vi.waitFor(() => expect(auth.view()).toMatchObject({ state: 'signed-out', authorizationUrl: null }))
    await expect(fetch(answer)).rejects.toThrow()
    await expect(auth.completeSignIn(answer)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(auth.cancelSignIn()).toBe(false)
    expect(world.server.tokenRequests('authorization_code')).toEqual([])
  })

  test('cancelled in the middle of discovery', async () => {
    const world = await makeWorld()
    world.server.switches.intercept = (request) => request.url === '/.well-known/oauth-authorization-server'
    const auth = world.auth()
    const signIn = auth.signIn()
    await vi.waitFor(() => expect(world.server.received).not.toEqual([]))
    auth.cancelSignIn()
    await expect(signIn).rejects.toMatchObject({ code: 'ABORTED' })
    await vi.waitFor(() => expect(auth.view().state).toBe('signed-out'))
  })

  test('nobody comes back for five minutes: it says so, and registers anew the next time', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: unused })
    const { authorizationUrl } = await auth.signIn()
    await world.clock.advance(300_000)
    await vi.waitFor(() =>
      expect(auth.view()).toMatchObject({ state: 'failed', error: 'the sign-in was not finished within 300 s' }),
    )
    await expect(fetch(await redirectOf(authorizationUrl))).rejects.toThrow()
    await auth.signIn()
    expect(world.server.requests('/register')).toHaveLength(2)
  })

  test('closed: the listener and the timer are gone', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: unused })
    const { authorizationUrl } = await auth.signIn()
    const answer = await redirectOf(authorizationUrl)
    await auth.close()
    await expect(fetch(answer)).rejects.toThrow()
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('refused by the person', async () => {
    const world = await makeWorld()
    world.server.switches.answer = (answer) => {
      answer.delete('code')
      answer.set('error', 'access_denied')
    }
    const auth = world.auth()
    const page = await auth.through()
    expect(auth.view()).toMatchObject({ state: 'failed', error: 'access was denied at the authorization server' })
    expect(page).toMatchObject({ status: 400, text: expect.stringContaining('access was denied') })
    expect(auth.signedIn).toBe(0)
  })

  test('refused in words that would be a page of their own: they are text on ours', async () => {
    const world = await makeWorld()
    world.server.switches.answer = (answer) => {
      answer.delete('code')
      answer.set('error', '<script>alert(1)</script>')
      answer.set('error_description', '"><img src=x onerror=alert(2)>\u0007')
    }
    const page = await world.auth().through()
    for (const raw of ['<script', '<img', '\u0007']) expect(page?.text).not.toContain(raw)
    expect(page?.text).toContain('&lt;img src=x')
    expect(page?.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/)
    expect(page?.headers.get('referrer-policy')).toBe('no-referrer')
  })

  test.each([
    ['another issuer', (answer: URLSearchParams) => answer.set('iss', 'https://evil.example')],
    ['no issuer though it is announced', (answer: URLSearchParams) => answer.delete('iss')],
    [
      'an error of another issuer',
      (answer: URLSearchParams) => {
        answer.delete('code')
        answer.set('error', 'evil-words')
        answer.set('iss', 'https://evil.example')
      },
    ],
  ])('answered with %s: no code is redeemed, and nothing of it is shown', async (_, change) => {
    const world = await makeWorld()
    world.server.switches.answer = change
    const auth = world.auth()
    const page = await auth.through()
    expect(auth.view()).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('another authorization server'),
    })
    expect(`${page?.text} ${auth.view().error}`).not.toContain('evil')
    expect(world.server.requests('/token')).toEqual([])
  })

  test.each([
    ['with HTTP 500', 500, 'oops'],
    ['with a page that quotes the code', 200, '<html>'],
    ['with another type of token', 200, JSON.stringify({ access_token: 'a', token_type: 'mac' })],
    ['with a token that no header can carry', 200, JSON.stringify({ access_token: 'a\r\nx: y', token_type: 'bearer' })],
    ['with an error of its own making', 400, JSON.stringify({ error: { code: 7 } })],
    ['with a redirect to another server', 307, ''],
  ])('the token endpoint answers %s', async (_, status, body) => {
    const world = await makeWorld()
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/token') return false
      const sent = world.server.requests('/token').at(-1)?.body
      response
        .writeHead(status, { 'content-type': 'text/html', location: 'http://127.0.0.1:9/token' })
        .end(body === '<html>' ? `${sent}<html>` : body)
      return true
    }
    const auth = world.auth()
    const page = await auth.through()
    expect(auth.view()).toMatchObject({ state: 'failed', error: expect.stringMatching(/token|OAuth/) })
    expect(page?.status).toBe(400)
    expect(world.server.requests('/token'), 'a code is redeemed once').toHaveLength(1)
    expect(await auth.get()).toBe(401)
  })

  test('an authorization server that is not there', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await world.server.close()
    await expect(auth.signIn()).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(auth.view().state).toBe('failed')
  })

  test('an authorization server that never answers', async () => {
    const world = await makeWorld()
    world.server.switches.intercept = (request) => request.url === '/.well-known/oauth-authorization-server'
    const auth = world.auth()
    const signIn = auth.signIn()
    await vi.waitFor(() => expect(world.server.received).not.toEqual([]))
    await Promise.all([expect(signIn).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' }), world.clock.advance(15_000)])
  })

  test('a metadata document without end', async () => {
    const world = await makeWorld()
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/.well-known/oauth-authorization-server') return false
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      }
      response.on('drain', more)
      more()
      return true
    }
    await expect(world.auth().signIn()).rejects.toMatchObject({ code: 'LINE_TOO_LONG' })
  })
})

describe('the redirect', () => {
  test('takes only the answer with the right state, and that once', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: unused })
    const { authorizationUrl } = await auth.signIn()
    const answer = new URL(await redirectOf(authorizationUrl))
    for (const state of ['', 'x', `${answer.searchParams.get('state')}x`]) {
      const forged = new URL(answer)
      forged.searchParams.set('state', state)
      expect(await browse(forged.href)).toMatchObject({ status: 400, text: expect.stringContaining('does not belong') })
    }
    const bare = new URL(answer)
    bare.search = ''
    expect((await browse(bare.href)).status).toBe(400)
    expect(auth.view().state).toBe('waiting-for-browser')

    world.server.switches.holdTokens = true
    const first = browse(answer.href)
    await vi.waitFor(() => expect(auth.view().state).toBe('exchanging'))
    expect((await browse(answer.href)).status).toBe(400)
    await vi.waitFor(() => expect(world.server.held).toBe(1))
    world.server.release()
    expect((await first).status).toBe(200)
    expect(world.server.requests('/token')).toHaveLength(1)
  })

  test('answers nothing but the callback on its own host', async () => {
    const world = await makeWorld()
    const { authorizationUrl } = await world.auth({ openBrowser: unused }).signIn()
    const answer = new URL(await redirectOf(authorizationUrl))
    expect(answer.hostname).toBe('127.0.0.1')
    for (const path of ['/', '/favicon.ico', '/callback/', '/callbackx', '//callback'])
      expect((await browse(`${answer.origin}${path}${answer.search}`)).status).toBe(404)
    expect((await fetch(answer, { method: 'POST' })).status).toBe(404)
    expect((await browse(answer.href.replace('127.0.0.1', 'localhost')).catch(() => ({ status: 404 }))).status).toBe(
      404,
    )
  })

  test('comes by hand where the browser can not reach this machine', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: undefined })
    const { authorizationUrl, opened } = await auth.signIn()
    expect(opened).toBe(false)
    expect(auth.view()).toMatchObject({ state: 'waiting-for-browser', authorizationUrl })
    const answer = await redirectOf(authorizationUrl)
    const other = new URL(answer)
    other.searchParams.set('state', 'other')
    for (const wrong of ['', 'nonsense', 'https://example.com/callback?code=1&state=2', other.href])
      await expect(auth.completeSignIn(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await auth.completeSignIn(` ${answer}\n`)
    expect(auth.view().state).toBe('signed-in')
    expect(await auth.get()).toBe(200)
  })

  test('by hand, refused at the token endpoint: the caller hears of it', async () => {
    const world = await makeWorld()
    const auth = world.auth({ openBrowser: undefined })
    const answer = await redirectOf((await auth.signIn()).authorizationUrl)
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/token') return false
      json(response, 400, { error: 'invalid_grant', error_description: 'too late' })
      return true
    }
    await expect(auth.completeSignIn(answer)).rejects.toMatchObject({
      code: 'UPSTREAM_UNAUTHORIZED',
      message: 'the authorization server refuses: invalid_grant (too late)',
    })
  })

  test('at a configured port that another has: says which', async () => {
    const world = await makeWorld()
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const auth = world.auth({ oauth: { redirectPort: port } })
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', data: { port } })
    expect(auth.view()).toMatchObject({ state: 'failed', error: expect.stringContaining(String(port)) })
    await new Promise((resolve) => other.close(resolve))
    await auth.through()
    expect(auth.view().state).toBe('signed-in')
    expect([...world.server.clients.values()][0]?.redirectUris).toEqual([`http://127.0.0.1:${port}/callback`])
  })

  test('stays at the port that the server knows us by; when that is taken, we register anew', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    await auth.through()
    expect(world.server.requests('/register')).toHaveLength(1)
    const port = Number(new URL([...world.server.clients.values()][0]?.redirectUris[0] ?? '').port)
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    await auth.through()
    expect(auth.view().state).toBe('signed-in')
    expect(world.server.requests('/register')).toHaveLength(2)
    await new Promise((resolve) => other.close(resolve))
  })
})

describe('the browser', () => {
  test('is opened once for two clicks at the same moment, and again for a later one', async () => {
    const world = await makeWorld()
    const opened: string[] = []
    const auth = world.auth({ openBrowser: async (url) => void opened.push(url) })
    const [a, b] = await Promise.all([auth.signIn(), auth.signIn()])
    expect(a).toEqual(b)
    expect(opened).toEqual([a.authorizationUrl])
    await auth.signIn()
    expect(opened).toEqual([a.authorizationUrl, a.authorizationUrl])
    expect(world.server.requests('/register')).toHaveLength(1)
  })

  describe('whose opener never comes back', () => {
    const hangs = () => new Promise<void>(() => {})

    test('is waited for a few seconds, and then left to the person', async () => {
      const world = await makeWorld()
      const auth = world.auth({ openBrowser: hangs })
      const signIn = auth.signIn()
      await vi.waitFor(() => expect(auth.view().state).toBe('waiting-for-browser'))
      await world.clock.advance(5_000)
      expect(await signIn).toMatchObject({ opened: false, authorizationUrl: auth.view().authorizationUrl })
      const again = auth.signIn()
      await vi.waitFor(() => expect(world.clock.pending).toBe(2))
      await world.clock.advance(5_000)
      expect(await again).toEqual(await signIn)
    })

    test('does not keep the answer that the browser brings', async () => {
      const world = await makeWorld()
      const auth = world.auth({
        openBrowser: async (url) => {
          void browse(url)
          await hangs()
        },
      })
      await auth.signIn()
      await vi.waitFor(() => expect(auth.view().state).toBe('signed-in'))
      expect(await auth.get()).toBe(200)
    })

    test.each(['cancelled', 'out of time', 'closed'])('does not keep a sign-in that is %s', async (how) => {
      const world = await makeWorld()
      const auth = world.auth({ openBrowser: hangs })
      const signIn = auth.signIn()
      await vi.waitFor(() => expect(auth.view().state).toBe('waiting-for-browser'))
      const answer = await redirectOf(auth.view().authorizationUrl ?? '')
      if (how === 'cancelled') {
        auth.cancelSignIn()
        await expect(signIn).rejects.toMatchObject({ code: 'ABORTED' })
        await vi.waitFor(() => expect(auth.view().state).toBe('signed-out'))
      } else if (how === 'closed') {
        await Promise.all([expect(signIn).rejects.toMatchObject({ code: 'ABORTED' }), auth.close()])
      } else {
        await world.clock.advance(300_000)
        expect(await signIn).toMatchObject({ opened: false })
        await vi.waitFor(() => expect(auth.view().state).toBe('failed'))
      }
      await expect(fetch(answer)).rejects.toThrow()
    })
  })

  test('that can not be opened leaves the URL to be opened by hand', async () => {
    const world = await makeWorld()
    const auth = world.auth({
      openBrowser: async () => {
        throw new Error('no display')
      },
    })
    const { authorizationUrl, opened } = await auth.signIn()
    expect(opened).toBe(false)
    expect(auth.view().authorizationUrl).toBe(authorizationUrl)
    await browse(authorizationUrl)
    await vi.waitFor(() => expect(auth.view().state).toBe('signed-in'))
  })
})
