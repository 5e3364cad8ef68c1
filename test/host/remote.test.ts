import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { UpstreamSnapshot } from '../../shared/contract.ts'
import { AuthorizationServer } from '../auth/fixtures/authorization-server.ts'
import { type HttpTestServer, startHttpServer } from '../fixtures/http/index.ts'
import { type Served, serve, temporaryDir } from '../support/serve.ts'
import { type ProtectedMcp, protect } from './support/protected-mcp.ts'

/** Remote upstreams of a real host, as a script sees them: over its commands. */

let server: HttpTestServer
beforeEach(async () => {
  server = await startHttpServer()
  onTestFinished(() => server.close())
})

async function hostOf(mcpServers: Record<string, unknown> = {}, options: Parameters<typeof serve>[0] = {}) {
  const host = await serve({ config: { mcpServers }, ...options })
  let stopped: ReturnType<Served['stop']> | undefined
  const stop = () => {
    stopped ??= host.stop()
    return stopped
  }
  onTestFinished(async () => void (await stop()))
  return { ...host, stop }
}

const docsOf = async (host: Served): Promise<UpstreamSnapshot> => {
  const docs = (await host.command('snapshot.get', {})).upstreams.find(({ name }) => name === 'docs')
  if (!docs) throw new Error('there is no upstream docs')
  return docs
}
const untilDocs = (host: Served, expected: object) =>
  vi.waitFor(async () => {
    const docs = await docsOf(host)
    expect(docs).toMatchObject(expected)
    return docs
  }, 10_000)
const echo = (host: Served) =>
  host.command('request.send', {
    upstream: 'docs',
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: 'hi' } },
  })
const kinds = async (host: Served) =>
  (await host.command('events.list', { upstream: 'docs' })).events.map(({ kind }) => kind).reverse()

test.each([['legacy'], ['modern']] as const)('a request is sent in the era of a server that is %s', async (era) => {
  const only = await startHttpServer({ eras: [era] })
  onTestFinished(() => only.close())
  const host = await hostOf({ docs: { url: only.url } })
  expect((await echo(host)).result).toMatchObject({ content: [{ text: 'hi' }] })
  expect(await docsOf(host)).toMatchObject({ era, state: 'ready' })
})

test('a request whose time is over before its server is connected says so', async () => {
  server.inject({ kind: 'delay', ms: 60_000 })
  const host = await hostOf({ docs: { url: server.url } })
  const sent = host.command('request.send', { upstream: 'docs', method: 'tools/list', timeoutMs: 200 })
  await expect(sent).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

describe('an added server', () => {
  test('is connected to at once', async () => {
    const host = await hostOf()
    await host.command('upstream.add', { name: 'docs', entry: { url: server.url } })
    const docs = await untilDocs(host, { state: 'ready', transport: 'http' })
    expect(docs.connections).toMatchObject([{ pid: null, openReason: 'person' }])
    expect((await echo(host)).result).toBeDefined()
    expect(await fetch(`${host.ready.url}/readyz`)).toHaveProperty('status', 200)
  })

  test('that is not there says so at once', async () => {
    const host = await hostOf()
    await server.close()
    await host.command('upstream.add', { name: 'docs', entry: { url: server.url } })
    const { lastFailure } = await untilDocs(host, { state: 'failing' })
    expect(lastFailure).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('refused the connection'),
    })
  })

  test('that refuses the configured token is not asked again, and says whose fault it is', async () => {
    server.requireToken('the-right-one')
    const host = await hostOf()
    const entry = { url: server.url, headers: { Authorization: 'Bearer the-wrong-token' } }
    await host.command('upstream.add', { name: 'docs', entry })
    await untilDocs(host, { state: 'unauthorized', auth: { kind: 'header', state: 'failed' } })
    await expect(echo(host)).rejects.toMatchObject({ code: 'UPSTREAM_UNAUTHORIZED' })
    await expect(host.command('upstream.signIn', { upstream: 'docs' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    const told = JSON.stringify(await host.command('snapshot.get', {})) + host.stderr()
    expect(told).not.toContain('the-wrong-token')
    const asked = server.records.requests.length

    const corrected = { url: server.url, headers: { Authorization: 'Bearer the-right-one' } }
    await host.command('upstream.update', { name: 'docs', entry: corrected })
    expect((await echo(host)).result).toBeDefined()
    expect(asked).toBe(1)
    await untilDocs(host, { state: 'ready', auth: { kind: 'header', state: 'not-needed', error: null } })
    expect(await kinds(host)).toContain('auth.failed')
  })
})

describe('signing in', () => {
  let issuer: AuthorizationServer
  let guarded: ProtectedMcp
  beforeEach(async () => {
    issuer = await AuthorizationServer.start()
    guarded = await protect(server, issuer)
    onTestFinished(async () => {
      await guarded.close()
      await issuer.close()
    })
  })
  const signIn = (host: Served) => host.command('upstream.signIn', { upstream: 'docs' })
  /** Where the authorization server sends the browser, which does not get there. */
  const redirectOf = async (authorizationUrl: string | null) => {
    const response = await fetch(authorizationUrl ?? '', { redirect: 'manual' })
    return response.headers.get('location') ?? ''
  }

  test('by the browser of this machine; the tokens outlive the host; signing out revokes them', async () => {
    const dir = await temporaryDir()
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const first = await hostOf({ docs: { url: guarded.url } }, { dir })
    await expect(echo(first)).rejects.toMatchObject({ code: 'UPSTREAM_UNAUTHORIZED' })
    await untilDocs(first, { state: 'unauthorized', auth: { kind: 'oauth', state: 'signed-out', storage: 'file' } })
    const readiness = await fetch(`${first.ready.url}/readyz`)
    expect([readiness.status, await readiness.json()]).toMatchObject([
      503,
      { notReady: [{ upstream: 'docs', state: 'unauthorized' }] },
    ])

    const { authorizationUrl, opened } = await signIn(first)
    expect(opened).toBe(false)
    await untilDocs(first, { auth: { state: 'waiting-for-browser', authorizationUrl } })
    const page = await fetch(authorizationUrl ?? '')
    expect(page.status).toBe(200)
    await untilDocs(first, { auth: { state: 'signed-in', issuer: expect.stringContaining(issuer.url) } })
    expect((await echo(first)).result).toBeDefined()
    await untilDocs(first, { state: 'ready' })
    expect(await kinds(first)).toEqual(expect.arrayContaining(['auth.required', 'auth.started', 'auth.signed-in']))
    const file = join(dir, 'secrets.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(first.stderr()).toContain('tokens are kept in a file')
    const told = [first.stderr(), JSON.stringify(await first.command('snapshot.get', {}))]
    told.push(await (await fetch(first.ready.metrics)).text())
    for (const { id } of (await docsOf(first)).connections)
      told.push(JSON.stringify(await first.command('logs.get', { connectionId: id })))
    await first.stop()

    const second = await hostOf({ docs: { url: guarded.url } }, { dir })
    expect((await echo(second)).result).toBeDefined()
    const [refresh] = issuer.refreshTokens.keys()
    await second.command('upstream.signOut', { upstream: 'docs' })
    expect(await docsOf(second)).toMatchObject({
      state: 'unauthorized',
      auth: { state: 'signed-out' },
      connections: [],
    })
    await expect(echo(second)).rejects.toMatchObject({ code: 'UPSTREAM_UNAUTHORIZED' })
    await untilDocs(second, { state: 'unauthorized', auth: { state: 'signed-out' } })
    expect(await readFile(file, 'utf8')).not.toContain(refresh)
    expect(issuer.requests('/revoke').length).toBeGreaterThan(0)

    told.push(second.stderr(), JSON.stringify(await second.command('snapshot.get', {})))
    for (const secret of issuer.secrets) expect(told.filter((text) => text.includes(secret))).toEqual([])
  })

  test('by pasting where the browser ended, on another machine', async () => {
    const host = await hostOf({ docs: { url: guarded.url } })
    const { authorizationUrl } = await signIn(host)
    const redirectUrl = await redirectOf(authorizationUrl)
    await expect(
      host.command('upstream.completeSignIn', { upstream: 'docs', redirectUrl: 'https://elsewhere.example/' }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await host.command('upstream.completeSignIn', { upstream: 'docs', redirectUrl })
    expect((await echo(host)).result).toBeDefined()
  })

  test('is kept while the upstream is stopped, and forgotten when it is removed, whether it runs or not', async () => {
    const dir = await temporaryDir()
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const host = await hostOf({ docs: { url: guarded.url } }, { dir })
    const kept = async () => Object.keys(JSON.parse(await readFile(join(dir, 'secrets.json'), 'utf8')).secrets)
    const isIn = async () => {
      await fetch((await signIn(host)).authorizationUrl ?? '')
      await untilDocs(host, { auth: { state: 'signed-in' } })
      expect(await kept()).toHaveLength(1)
    }
    await isIn()
    await host.command('upstream.stop', { upstream: 'docs' })
    await untilDocs(host, { state: 'stopped' })
    expect(await kept()).toHaveLength(1)
    await host.command('upstream.start', { upstream: 'docs' })
    expect((await echo(host)).result).toBeDefined()

    await host.command('upstream.remove', { upstream: 'docs' })
    await vi.waitFor(async () => expect(await kept()).toEqual([]), 10_000)
    await vi.waitFor(() => expect([issuer.accessTokens.size, issuer.refreshTokens.size]).toEqual([0, 0]), 10_000)
    expect(server.sessions, 'ended while its server still knew us').toEqual([])

    await host.command('upstream.add', { name: 'docs', entry: { url: guarded.url } })
    await untilDocs(host, { state: 'unauthorized' })
    await isIn()
    await host.command('upstream.stop', { upstream: 'docs' })
    await writeFile(join(dir, 'servers.json'), JSON.stringify({ mcpServers: {} }))
    await vi.waitFor(async () => expect(await kept()).toEqual([]), 10_000)
    for (const secret of issuer.secrets) expect(host.stderr()).not.toContain(secret)
  })

  test('given up leaves everything as it was', async () => {
    const host = await hostOf({ docs: { url: guarded.url } })
    await expect(echo(host)).rejects.toMatchObject({ code: 'UPSTREAM_UNAUTHORIZED' })
    const { authorizationUrl } = await signIn(host)
    await host.command('upstream.cancelSignIn', { upstream: 'docs' })
    await untilDocs(host, { state: 'unauthorized', auth: { state: 'signed-out', authorizationUrl: null } })
    await expect(fetch(await redirectOf(authorizationUrl))).rejects.toThrow('fetch failed')
    await host.command('upstream.cancelSignIn', { upstream: 'docs' })
  })

  test('refused by the person is told, and can be tried again', async () => {
    const host = await hostOf({ docs: { url: guarded.url } })
    issuer.switches.answer = (answer) => {
      answer.delete('code')
      answer.set('error', 'access_denied')
    }
    await fetch((await signIn(host)).authorizationUrl ?? '')
    const { auth } = await untilDocs(host, { auth: { state: 'failed' } })
    expect(auth?.error).toContain('denied')
    await vi.waitFor(async () => expect(await kinds(host)).toContain('auth.failed'))
    issuer.switches.answer = () => undefined
    await fetch((await signIn(host)).authorizationUrl ?? '')
    await untilDocs(host, { auth: { state: 'signed-in' } })
    expect((await echo(host)).result).toBeDefined()
  })

  test('of an MCP client with Poolscope is not what a refusal of the server leads to', async () => {
    const host = await hostOf({ docs: { url: guarded.url } })
    const reply = await fetch(host.ready.mcp.docs ?? '', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${host.ready.token}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
      }),
    })
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([200, null])
    expect(await reply.json()).toMatchObject({
      error: {
        code: -32603,
        message: expect.stringContaining('in Poolscope'),
        data: { code: 'UPSTREAM_UNAUTHORIZED' },
      },
    })
  })
})

test('a stream that waits for its next attempt is tried at once when a person says so, and told in feed and metrics', async () => {
  const legacy = await startHttpServer({ eras: ['legacy'] })
  onTestFinished(() => legacy.close())
  const host = await hostOf({ docs: { url: legacy.url } })
  await echo(host)
  const { connections } = await untilDocs(host, { connections: [{ streams: [{ state: 'open' }] }] })
  const connectionId = connections[0]?.id ?? ''
  // So patient that only a person brings it back within the time of this test.
  legacy.inject(
    { kind: 'reply', status: 503, headers: { 'Retry-After': '600' } },
    { times: Number.POSITIVE_INFINITY, when: ({ verb }) => verb === 'GET' },
  )
  legacy.dropStreams('get')
  await vi.waitFor(async () => {
    const [connection] = (await docsOf(host)).connections
    const [stream] = connection?.streams ?? []
    expect(stream?.state).toBe('waiting')
    expect((stream?.nextAttemptAt ?? 0) - Date.now()).toBeGreaterThan(500_000)
  }, 10_000)
  legacy.clearFaults()
  expect(await host.command('connection.reconnect', { connectionId })).toEqual({ ok: true, streams: 1 })
  await untilDocs(host, { connections: [{ id: connectionId, streams: [{ state: 'open' }] }] })
  expect(await host.command('connection.reconnect', { connectionId })).toEqual({ ok: true, streams: 0 })
  await vi.waitFor(async () => expect(await kinds(host)).toContain('stream.dropped'))
  const metrics = await (await fetch(host.ready.metrics)).text()
  expect(metrics).toMatch(/poolscope_streams\{upstream="docs",kind="notifications",state="open"\} 1/)
  expect(metrics).toMatch(
    /poolscope_stream_drops_total\{upstream="docs",kind="notifications",reason="http-status"\} \d/,
  )
  expect(metrics).toContain('network_transport="tcp"')
})
