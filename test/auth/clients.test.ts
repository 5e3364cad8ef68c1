import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors.ts'
import { AuthorizationServer, json } from './fixtures/authorization-server.ts'
import { freePort, makeWorld, redirectOf } from './fixtures/world.ts'

const unused = async () => {}

describe('how we are known to an authorization server', () => {
  test('registered by ourselves: a native app, a public client', async () => {
    const world = await makeWorld()
    await world.auth().through()
    const [registration] = world.server.requests('/register')
    expect(JSON.parse(registration?.body ?? '')).toMatchObject({
      client_name: 'Poolscope',
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      redirect_uris: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)],
    })
  })

  test.each(['client_secret_basic', 'client_secret_post'])(
    'a server without public clients gives us a secret: %s',
    async (method) => {
      const world = await makeWorld()
      world.server.switches.metadata = (it) => ({ ...it, token_endpoint_auth_methods_supported: [method] })
      const auth = world.auth()
      await auth.through()
      expect(await auth.get()).toBe(200)
      world.server.expireAccessTokens()
      expect(await auth.get(), 'its secret is kept for refreshes').toBe(200)
      await auth.signOut()
      expect(world.server.refreshTokens.size).toBe(0)
      const [code, revocation] = [world.server.requests('/token')[0], world.server.requests('/revoke')[0]]
      for (const it of [code, revocation])
        expect(method === 'client_secret_basic' ? it?.authorization : it?.body).toMatch(/^Basic |client_secret=/)
    },
  )

  test('configured by hand: no registration, the secret filled in, the scope as it stands there', async () => {
    const world = await makeWorld()
    const redirectPort = await freePort()
    const redirect = `http://127.0.0.1:${redirectPort}/callback`
    world.server.register('by-hand', {
      secret: 's3cret-of-hand',
      redirectUris: [redirect],
      method: 'client_secret_basic',
    })
    world.resource.scopeInRefusal = 'mcp:other'
    const auth = world.auth({
      oauth: { clientId: 'by-hand', clientSecret: '${SECRET}', scope: 'mcp:read', redirectPort },
      expand: (text, where) => (where === 'oauth.clientSecret' ? text.replace('${SECRET}', 's3cret-of-hand') : text),
    })
    expect(auth.view()).toMatchObject({ kind: 'oauth', state: 'not-needed' })
    await auth.get()
    await auth.through()
    expect(auth.view()).toMatchObject({ state: 'signed-in', scopes: ['mcp:read'] })
    expect(world.server.requests('/register')).toEqual([])
    expect(await world.store.get(`oauth remote ${world.url}`)).not.toContain('s3cret')
    world.server.expireAccessTokens()
    expect(await auth.get()).toBe(200)
  })

  test('a variable of the config that is not set is told at the sign-in', async () => {
    const world = await makeWorld()
    const auth = world.auth({
      oauth: { clientId: '${ID}' },
      expand: (_, where) => {
        throw new AppError('CONFIG_INVALID', `${where}: ID is not set`)
      },
    })
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await auth.signOut()
  })

  test('by a client metadata document, where the server knows such', async () => {
    const world = await makeWorld()
    const document = 'https://poolscope.example/client.json'
    world.server.switches.metadata = (it) => ({ ...it, client_id_metadata_document_supported: true })
    const redirectUris: string[] = []
    world.server.register(document, { secret: undefined, redirectUris, method: 'none' })
    const auth = world.auth({ oauth: { clientMetadataUrl: document }, openBrowser: undefined })
    const { authorizationUrl } = await auth.signIn()
    const query = new URL(authorizationUrl).searchParams
    expect(query.get('client_id')).toBe(document)
    redirectUris.push(query.get('redirect_uri') ?? '')
    await auth.completeSignIn(await redirectOf(authorizationUrl))
    expect(await auth.get()).toBe(200)
    expect(world.server.requests('/register')).toEqual([])
  })

  test('not at all: it says what to do', async () => {
    const world = await makeWorld()
    world.server.switches.metadata = ({ registration_endpoint, ...rest }) => rest
    const auth = world.auth()
    await expect(auth.signIn()).rejects.toMatchObject({ message: expect.stringContaining('oauth.clientId') })
    expect(auth.view().state).toBe('failed')
  })

  test('a refused registration says why', async () => {
    const world = await makeWorld()
    world.server.switches.intercept = (request, response) => {
      if (request.url !== '/register') return false
      json(response, 400, { error: 'invalid_redirect_uri', error_description: 'https only' })
      return true
    }
    await expect(world.auth().signIn()).rejects.toMatchObject({
      message: expect.stringContaining('invalid_redirect_uri (https only)'),
      data: { status: 400 },
    })
  })
})

describe('another authorization server than before', () => {
  test('gets a registration of its own, and nothing of the old one', async () => {
    const world = await makeWorld()
    const auth = world.auth()
    await auth.through()
    const second = await AuthorizationServer.start()
    world.resource.authorizationServer = second
    try {
      world.server.refreshTokens.clear()
      expect(await auth.get(), 'the old server no longer refreshes').toBe(401)
      expect(auth.view().state).toBe('signed-out')
      expect(second.received).toEqual([])
      await auth.through()
      expect(auth.view()).toMatchObject({ state: 'signed-in', issuer: second.url })
      expect(second.requests('/register')).toHaveLength(1)
      const told = second.received.map((it) => `${it.authorization} ${it.body}`).join('\n')
      for (const secret of world.server.secrets) expect(told).not.toContain(secret)
    } finally {
      await second.close()
    }
  })

  test('does not get the client of the config, until a person signs out', async () => {
    const world = await makeWorld()
    const redirectPort = await freePort()
    const redirect = `http://127.0.0.1:${redirectPort}/callback`
    const second = await AuthorizationServer.start()
    for (const server of [world.server, second])
      server.register('by-hand', { secret: 'hand-secret', redirectUris: [redirect], method: 'client_secret_basic' })
    const oauth = { clientId: 'by-hand', clientSecret: 'hand-secret', redirectPort }
    const auth = world.auth({ oauth })
    try {
      await auth.through()
      expect(auth.view()).toMatchObject({ state: 'signed-in', issuer: world.server.url })
      world.resource.authorizationServer = second
      await expect(auth.signIn()).rejects.toMatchObject({ message: expect.stringContaining('Sign out first') })
      expect(second.received.map((it) => it.body).join()).not.toContain('hand')
      await auth.signOut()
      await auth.through()
      expect(auth.view()).toMatchObject({ state: 'signed-in', issuer: second.url })
    } finally {
      await second.close()
    }
  })
})

describe('a server that means harm', () => {
  test.each([
    ['authorization_endpoint', 'file:///etc/passwd', /file:|Url|OAuth/],
    ['authorization_endpoint', 'javascript:alert(1)', /OAuth/],
    ['authorization_endpoint', 'vscode://install', /only https/],
    ['authorization_endpoint', 'http://evil.example/authorize', /only https/],
    ['authorization_endpoint', 'https://user:pass@evil.example/authorize', /user name/],
    ['registration_endpoint', 'http://evil.example/register', /only https/],
    ['registration_endpoint', 'ftp://evil.example/register', /only https/],
  ])('names as its %s %s: nothing is opened', async (endpoint, url, why) => {
    const world = await makeWorld()
    world.server.switches.metadata = (it) => ({ ...it, [endpoint]: url })
    const opened: string[] = []
    const auth = world.auth({ openBrowser: async (it) => void opened.push(it) })
    await expect(auth.signIn()).rejects.toMatchObject({
      code: 'UPSTREAM_UNAUTHORIZED',
      message: expect.stringMatching(why),
    })
    expect(opened).toEqual([])
    expect(auth.view()).toMatchObject({ state: 'failed', authorizationUrl: null })
  })

  test('names a token endpoint without TLS: the code stays here', async () => {
    const world = await makeWorld()
    world.server.switches.metadata = (it) => ({ ...it, token_endpoint: 'http://evil.example/token' })
    const auth = world.auth()
    await auth.through()
    expect(auth.view()).toMatchObject({ state: 'failed', error: expect.stringContaining('https') })
  })

  test.each(['javascript:alert(1)', 'file:///etc/passwd', 'http://evil.example/prm'])(
    'names its metadata at %s: it is not asked for, and no other place instead',
    async (url) => {
      const world = await makeWorld()
      const auth = world.auth()
      const signal = AbortSignal.timeout(5_000)
      const wwwAuthenticate = `Basic realm="x", Bearer resource_metadata="${url}"`
      expect(await auth.refused({ status: 401, wwwAuthenticate, used: undefined }, signal)).toBe(false)
      await expect(auth.signIn()).rejects.toMatchObject({ message: expect.stringContaining('only https') })
      expect(world.resource.received).toEqual([])
    },
  )

  test('says that it is another resource: no sign-in', async () => {
    const world = await makeWorld()
    world.resource.resourceMetadata = (it) => ({ ...it, resource: 'https://bank.example/mcp' })
    await expect(world.auth({ openBrowser: unused }).signIn()).rejects.toMatchObject({
      message: expect.stringContaining('bank.example'),
    })
  })

  test('has another issuer in its metadata than its own: no sign-in', async () => {
    const world = await makeWorld()
    world.server.switches.metadata = (it) => ({ ...it, issuer: 'https://evil.example' })
    await expect(world.auth().signIn()).rejects.toMatchObject({ message: expect.stringContaining('another issuer') })
  })

  test('does not do PKCE: no sign-in', async () => {
    const world = await makeWorld()
    world.server.switches.metadata = (it) => ({ ...it, code_challenge_methods_supported: ['plain'] })
    await expect(world.auth().signIn()).rejects.toMatchObject({ message: expect.stringContaining('S256') })
  })
})

describe('no sign-in', () => {
  test('beside an Authorization header of the config: a refusal says that it is refused', async () => {
    const world = await makeWorld()
    const auth = world.auth({ headers: { authorization: 'Bearer ${TOKEN}' } })
    expect(auth.view()).toMatchObject({ kind: 'header', state: 'not-needed' })
    expect(await auth.get()).toBe(401)
    expect(auth.view()).toMatchObject({
      kind: 'header',
      state: 'failed',
      error: 'the server refuses the Authorization header of the config (401): check its token',
    })
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    auth.accepted?.(undefined)
    expect(auth.view()).toMatchObject({ state: 'not-needed', error: null })
    expect(world.server.received).toEqual([])
  })

  test('beside a user name and password in the URL, which are an Authorization header', async () => {
    const world = await makeWorld()
    const before = world.auth()
    await before.through()
    const auth = world.auth({ url: new URL(world.url.replace('//', '//me:key@')) })
    expect(await auth.authorization(AbortSignal.timeout(5_000)), 'the tokens are of who signed in').toBeUndefined()
    expect(auth.view()).toMatchObject({ kind: 'header', state: 'not-needed' })
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('when the config switches it off', async () => {
    const world = await makeWorld()
    const auth = world.auth({ oauth: false })
    expect(await auth.get()).toBe(401)
    expect(auth.view()).toMatchObject({ kind: 'none', state: 'failed', error: expect.stringContaining('oauth: false') })
    await expect(auth.signIn()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('to a server that is reached without TLS over a network', async () => {
    const world = await makeWorld()
    const auth = world.auth({ url: new URL('http://mcp.example/mcp') })
    await expect(auth.signIn()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('https'),
    })
  })
})
