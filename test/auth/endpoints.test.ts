import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { checkedEndpoint, EndpointError, isProtected } from '../../electron/auth/endpoints.ts'
import { guardedFetch } from '../../electron/auth/guarded-fetch.ts'
import { challengeOf } from '../../electron/auth/oauth-flow.ts'
import { proxiedFetch } from '../../electron/auth/proxied-fetch.ts'
import { FakeClock } from '../support/fake-clock.ts'

describe('an endpoint that a server names', () => {
  const open = new URL('https://mcp.example/mcp')
  const inner = new URL('https://192.168.1.5/mcp')
  const local = new URL('http://127.0.0.1:8080/mcp')

  test.each([
    'https://login.example/authorize?x=1',
    'https://8.8.8.8/token',
    'https://[2606:4700::1111]/token',
    'https://internal.example/',
    'https://[::ffff:808:808]/',
  ])('%s is used whoever names it', (url) => {
    for (const upstream of [open, inner, local]) expect(checkedEndpoint(url, upstream).href).toBe(url)
  })

  test.each([
    'https://10.1.2.3/token',
    'https://172.31.0.1/token',
    'https://192.168.0.1/token',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/token',
    'https://[fd00::1]/token',
    'https://[fe80::1]/token',
    'https://[::ffff:10.0.0.1]/token',
    'https://0x0a000001/token',
    'https://167772161/token',
    'https://192.0.0.192/token',
    'https://198.18.0.1/token',
    'https://255.255.255.255/token',
    'https://[64:ff9b::a9fe:a9fe]/token',
    'https://[64:ff9b:1::a00:1]/token',
    'https://[2002:a00:1::]/token',
    'https://[2001::1]/token',
    'https://[::10.0.0.1]/token',
    'https://[fec0::1]/token',
    'https://[ff02::1]/token',
    'https://router/token',
    'https://ROUTER./token',
    'https://nas.local/token',
    'https://metadata.google.internal/token',
    'https://box.lan/token',
    'https://box.home.arpa/token',
  ])('%s is used only when the upstream is in an inner network, or here', (url) => {
    expect(() => checkedEndpoint(url, open)).toThrow(EndpointError)
    for (const upstream of [inner, local]) expect(checkedEndpoint(url, upstream)).toBeInstanceOf(URL)
  })

  test.each([
    'http://127.0.0.1:3000/token',
    'http://localhost/token',
    'https://auth.localhost/token',
    'http://localhost./token',
    'http://[::1]:1/token',
    'https://127.255.1.1/token',
    'http://[::ffff:127.0.0.1]/token',
    'https://0.0.0.0/token',
    'https://0/token',
    'https://[::]/token',
  ])('%s is used only when the upstream is on this machine', (url) => {
    for (const upstream of [open, inner]) expect(() => checkedEndpoint(url, upstream)).toThrow(EndpointError)
    expect(checkedEndpoint(url, local)).toBeInstanceOf(URL)
  })

  test.each([
    'http://login.example/authorize',
    'http://10.0.0.1/token',
    'http://0.0.0.0/token',
    'http://router/token',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vscode://x',
    'ws://login.example',
    'https://me@login.example/',
    'not a url',
    '',
  ])('%j is never used', (url) => {
    for (const upstream of [open, inner, local])
      expect(() => checkedEndpoint(url, upstream)).toThrow(expect.objectContaining({ code: 'UPSTREAM_UNAUTHORIZED' }))
  })
})

test.each([
  ['https://mcp.example', true],
  ['http://mcp.example', false],
  ['http://localhost:1', true],
  ['http://127.0.0.1', true],
  ['http://192.168.1.1', false],
])('credentials may travel to %s: %s', (url, yes) => {
  expect(isProtected(new URL(url))).toBe(yes)
})

test.each([
  [null, {}],
  ['Bearer', {}],
  ['Bearer scope="a b", error="insufficient_scope"', { scope: 'a b', error: 'insufficient_scope' }],
  ['Basic realm="Bearer x", bearer scope=a', { scope: 'a' }],
  [
    'Negotiate, Bearer resource_metadata="https://x.example/prm"',
    { resourceMetadataUrl: new URL('https://x.example/prm') },
  ],
  ['Basic realm="scope=no"', { otherScheme: 'Basic' }],
  ['Bearer resource_metadata="::"', {}],
])('the challenge %s is read', (header, expected) => {
  expect(Object.fromEntries(Object.entries(challengeOf(header)).filter(([, value]) => value !== undefined))).toEqual(
    expected,
  )
})

describe('requests to an authorization server', () => {
  async function serve(status: number, headers: Record<string, string>, body: string) {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.writeHead(status, headers).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { url, asked, close: () => new Promise((resolve) => server.close(resolve)) }
  }

  const guarded = (url: string) =>
    guardedFetch({
      fetch: proxiedFetch,
      upstream: new URL(url),
      clock: new FakeClock(),
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    })

  test('follow no redirect by themselves', async () => {
    const server = await serve(302, { location: '/elsewhere' }, '')
    expect((await guarded(server.url)(server.url)).status).toBe(302)
    expect(server.asked).toEqual(['GET /'])
    await server.close()
  })

  test.each([204, 304])('may be answered with %i', async (status) => {
    const server = await serve(status, {}, '')
    const response = await guarded(server.url)(server.url)
    expect([response.status, await response.text()]).toEqual([status, ''])
    await server.close()
  })

  test('go through the proxy of the environment, but never to this machine', async () => {
    const tunnels: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request, socket) => {
      tunnels.push(request.url ?? '')
      socket.end('HTTP/1.1 403 No\r\n\r\n')
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const here = await serve(200, {}, 'here')
    const { port } = proxy.address() as AddressInfo
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])
      vi.stubEnv(name, `http://127.0.0.1:${port}`)
    vi.stubEnv('NO_PROXY', undefined)
    try {
      vi.stubEnv('no_proxy', 'other.example')
      expect(await (await proxiedFetch(here.url)).text()).toBe('here')
      expect(tunnels).toEqual([])
      await expect(proxiedFetch('https://login.example/token')).rejects.toThrow()
      expect(tunnels).toEqual(['login.example:443'])
      vi.stubEnv('no_proxy', 'login.invalid')
      await expect(proxiedFetch('https://login.invalid/token')).rejects.toThrow()
      expect(tunnels).toEqual(['login.example:443'])
    } finally {
      vi.unstubAllEnvs()
      await Promise.all([here.close(), new Promise((resolve) => proxy.close(resolve))])
    }
  })
})
