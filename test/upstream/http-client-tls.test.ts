import { createServer } from 'node:http'
import { connect } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { proxyFor } from '../../electron/upstream/http/proxy.ts'
import { type Certificate, Listener, testCa } from '../fixtures/http/listener.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  clientOf,
  collect,
  eventsOf,
  failureOf,
  later,
  onceRequested,
  serveHttp,
  serveTcp,
  textOf,
  untilDone,
} from './http-client-support.ts'

// What NODE_EXTRA_CA_CERTS does when a process starts.
beforeAll(() => setDefaultCACertificates([...getCACertificates('default'), testCa()]))

async function serveTls(certificate: Certificate): Promise<{ port: number; requests: () => number }> {
  let requests = 0
  const listener = new Listener({
    handler: (incoming, outgoing) => {
      requests++
      incoming.resume()
      if (incoming.method === 'GET') outgoing.setHeader('Content-Type', 'text/event-stream').end('data: a\n\n')
      else outgoing.setHeader('Content-Type', 'application/json').end('"over TLS"')
    },
    onConnection: () => {},
    certificate,
  })
  await listener.open()
  later(() => listener.close())
  return { port: listener.port, requests: () => requests }
}

describe('TLS', () => {
  test.each(['localhost', '127.0.0.1'])('a certificate that is right for %s is taken', async (host) => {
    const { port } = await serveTls('trusted')
    const client = clientOf(`https://${host}:${port}/mcp`)
    expect(textOf(await client.post('{}', untilDone()))).toBe('"over TLS"')
    expect((await collect(eventsOf(await client.get(untilDone())))).length).toBe(1)
  })

  test.each([
    [
      'self-signed',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      /subject CN=localhost, issued by CN=localhost, .*self-signed.*NODE_EXTRA_CA_CERTS/,
    ],
    [
      'expired',
      'CERT_HAS_EXPIRED',
      /subject CN=localhost, issued by CN=Poolscope test CA, valid until Jan .*2021.*has expired/,
    ],
    ['wrong-host', 'ERR_TLS_CERT_ALTNAME_INVALID', /was made out to DNS:elsewhere\.example and not to localhost/],
  ] as const)('a certificate that is %s is said as such, and nothing is sent', async (certificate, code, message) => {
    const { port, requests } = await serveTls(certificate)
    const onWritten = vi.fn()
    const failure = await failureOf(clientOf(`https://localhost:${port}/mcp`).post('{}', { ...untilDone(), onWritten }))
    expect(failure).toMatchObject({
      code: 'TLS_FAILED',
      data: { code, host: 'localhost', port, written: false, certificate: { subject: 'CN=localhost' } },
    })
    expect(failure.message).toMatch(message)
    expect(failure.message).not.toMatch(/reject|unauthorized|insecure|disable|verif/i)
    expect(onWritten).not.toHaveBeenCalled()
    expect(requests()).toBe(0)
  })

  test('a certificate of an authority that nobody knows is said as such', async () => {
    const before = getCACertificates('default')
    setDefaultCACertificates(before.filter((pem) => pem.trim() !== testCa().trim()))
    try {
      const { port } = await serveTls('trusted')
      const failure = await failureOf(clientOf(`https://localhost:${port}/mcp`).post('{}', untilDone()))
      expect(failure).toMatchObject({
        code: 'TLS_FAILED',
        data: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', certificate: { issuer: 'CN=Poolscope test CA' } },
      })
      expect(failure.message).toMatch(/authority that this machine does not know.*NODE_EXTRA_CA_CERTS/)
    } finally {
      setDefaultCACertificates(before)
    }
  })

  test('a server without TLS is said as such', async () => {
    const url = await serveHttp((_, outgoing) => outgoing.end())
    const failure = await failureOf(clientOf(`https://${url.host}/mcp`).post('{}', untilDone()))
    expect(failure).toMatchObject({ code: 'TLS_FAILED', data: { written: false } })
    expect(failure.message).toContain('is it http:// and not https://?')
  })

  test('a handshake that breaks off is CONNECT_FAILED', async () => {
    const { port } = await serveTcp((socket) => socket.once('data', () => socket.destroy()))
    const failure = await failureOf(clientOf(`https://127.0.0.1:${port}/mcp`).post('{}', untilDone()))
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', data: { code: 'ECONNRESET', written: false } })
  })
})

describe('a proxy', () => {
  /** Takes everybody to `port` of this machine, whatever the name. */
  async function serveProxy(
    port: number,
  ): Promise<{ url: string; asked: { target?: string; authorization?: string }[] }> {
    const asked: { target?: string; authorization?: string }[] = []
    const server = createServer()
    server.on('connect', ({ url: target, headers }, socket, head) => {
      asked.push({ target, authorization: headers['proxy-authorization'] })
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        onward.write(head)
        onward.pipe(socket).pipe(onward)
      })
      const end = () => {
        onward.destroy()
        socket.destroy()
      }
      onward.on('error', end).on('close', end)
      socket.on('error', end).on('close', end)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    later(() => new Promise((resolve) => server.close(resolve)))
    const { port: proxyPort } = server.address() as { port: number }
    return { url: `http://127.0.0.1:${proxyPort}`, asked }
  }

  test('of the environment carries http to other machines, with its credentials', async () => {
    const target = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      outgoing.setHeader('Content-Type', 'application/json').end(JSON.stringify(incoming.headers))
    })
    const { url, asked } = await serveProxy(Number(target.port))
    const env = { HTTP_PROXY: url.replace('//', '//me:p%40ss@') }
    const client = clientOf('http://remote.example/mcp', { env })
    const headers = JSON.parse(textOf(await client.post('{}', untilDone())))
    await client.post('{}', untilDone())
    expect(headers).toMatchObject({ host: 'remote.example' })
    expect(headers).not.toHaveProperty('proxy-authorization')
    expect(asked).toEqual([{ target: 'remote.example:80', authorization: `Basic ${btoa('me:p@ss')}` }])
  })

  test('carries https without seeing it, and the certificate is held against the server’s own name', async () => {
    const { port } = await serveTls('wrong-host')
    const { url, asked } = await serveProxy(port)
    const env = { https_proxy: url, HTTP_PROXY: 'http://127.0.0.1:1' }
    expect(textOf(await clientOf('https://elsewhere.example/mcp', { env }).post('{}', untilDone()))).toBe('"over TLS"')
    const failure = await failureOf(clientOf('https://remote.example:8443/mcp', { env }).post('{}', untilDone()))
    expect(failure).toMatchObject({ code: 'TLS_FAILED', data: { host: 'remote.example', written: false } })
    expect(asked.map(({ target }) => target)).toEqual(['elsewhere.example:443', 'remote.example:8443'])
  })

  test('is never asked for this machine’s own addresses', async () => {
    const url = await serveHttp((_, outgoing) => outgoing.setHeader('Content-Type', 'application/json').end('{}'))
    const env = { HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1' }
    expect(textOf(await clientOf(url, { env }).post('{}', untilDone()))).toBe('{}')
    url.hostname = 'localhost'
    expect(textOf(await clientOf(url, { env }).post('{}', untilDone()))).toBe('{}')
  })

  test.each([
    ['refuses', 'HTTP/1.1 403 Forbidden\r\n\r\n', /did not connect \(HTTP status 403/],
    [
      'wants credentials',
      'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n',
      /put a user name and password into its URL/,
    ],
    ['answers in something else', 'SSH-2.0-x\r\n\r\n', /^the proxy: /],
    ['hangs up', '', /^the proxy: .* closed the connection/],
  ])('that %s is CONNECT_FAILED, once, without its credentials', async (_, answer, message) => {
    let connections = 0
    const { port } = await serveTcp((socket) => {
      connections++
      onceRequested(socket, () => socket.end(answer))
    })
    const env = { HTTP_PROXY: `me:s3cr3t@127.0.0.1:${port}` }
    const failure = await failureOf(clientOf('https://remote.example/', { env }).post('{}', untilDone()))
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', data: { proxy: true, port, written: false } })
    expect(failure.message).toMatch(message)
    expect(JSON.stringify(failure.toShape())).not.toContain('s3cr3t')
    expect(connections).toBe(1)
  })

  test('that never answers is CONNECT_TIMEOUT, and left', async () => {
    const clock = new FakeClock()
    const asked = Promise.withResolvers<void>()
    const { port, open } = await serveTcp((socket) => onceRequested(socket, () => asked.resolve()))
    const env = { HTTP_PROXY: `http://127.0.0.1:${port}` }
    const client = clientOf('http://remote.example/', { clock, env, connectTimeoutMs: () => 5_000 })
    const failing = failureOf(client.post('{}', untilDone()))
    await asked.promise
    await clock.advance(5_000)
    expect(await failing).toMatchObject({ code: 'CONNECT_TIMEOUT', data: { host: 'remote.example', written: false } })
    await vi.waitFor(() => expect(open.size).toBe(0))
  })

  test('whose variable can’t be used is said as such, without its value', async () => {
    for (const value of ['socks5://s3cr3t@proxy.example', 'http://s3cr3t:x:y/']) {
      const failure = await failureOf(
        clientOf('https://remote.example/', { env: { HTTPS_PROXY: value } }).post('{}', untilDone()),
      )
      expect(failure).toMatchObject({ code: 'CONNECT_FAILED', data: { variable: 'HTTPS_PROXY', written: false } })
      expect(JSON.stringify(failure.toShape())).not.toContain('s3cr3t')
    }
  })

  const both = { HTTP_PROXY: 'http://plain.example:3128', HTTPS_PROXY: 'https://secure.example' }
  test.each([
    ['http://a.example/', both, 'plain.example:3128'],
    ['https://a.example/', both, 'secure.example'],
    ['https://a.example/', { http_proxy: 'plain.example' }, 'plain.example'],
    ['http://a.example/', { HTTPS_PROXY: 'http://secure.example' }, undefined],
    ['http://a.example/', { ...both, http_proxy: 'http://lower.example' }, 'lower.example'],
    ['http://a.example/', {}, undefined],
    ['http://a.example/', { HTTP_PROXY: '' }, undefined],
    ['http://a.example/', { ...both, NO_PROXY: '*' }, undefined],
    ['http://a.example/', { ...both, NO_PROXY: 'b.example, .example' }, undefined],
    ['http://x.a.example/', { ...both, no_proxy: 'a.example' }, undefined],
    ['http://xa.example/', { ...both, NO_PROXY: 'a.example' }, 'plain.example:3128'],
    ['http://a.example:81/', { ...both, NO_PROXY: 'a.example:80' }, 'plain.example:3128'],
    ['http://a.example/', { ...both, NO_PROXY: 'a.example:80' }, undefined],
    ['http://[fd00::1]/', { ...both, NO_PROXY: 'fd00::1' }, undefined],
    ['http://[fd00::1]:81/', { ...both, NO_PROXY: '[fd00::1]:81' }, undefined],
    ['http://192.168.1.1/', both, 'plain.example:3128'],
    ['http://localhost:1/', both, undefined],
    ['http://app.localhost/', both, undefined],
    ['http://127.1.2.3/', both, undefined],
    ['http://[::1]:1/', both, undefined],
    ['http://[::ffff:127.0.0.1]/', both, undefined],
    ['http://localhost.example/', both, 'plain.example:3128'],
  ])('for %s with %j is %s', (url, env, expected) => {
    expect(proxyFor(new URL(url), env)?.host).toBe(expected)
  })
})
