import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Authorizer, Refusal } from '../../electron/kit/authorizer.ts'
import { replyHeaders } from '../../electron/upstream/http/headers.ts'
import { retryAfterMs } from '../../electron/upstream/http/http-client.ts'
import { clientOf, collect, eventsOf, failureOf, serveHttp, textOf, untilDone } from './http-client-support.ts'

interface Seen {
  method: string | undefined
  url: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks = await collect<Buffer>(incoming)
  return Buffer.concat(chunks).toString('utf8')
}

/** Keeps every request and has it answered. */
async function recording(answer: (seen: Seen, outgoing: ServerResponse) => void) {
  const seen: Seen[] = []
  const url = await serveHttp(async (incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const request = { method, url: path, headers, body: await bodyOf(incoming) }
    seen.push(request)
    answer(request, outgoing)
  })
  return { url, seen }
}

const ok = (outgoing: ServerResponse, text = '{}') => outgoing.setHeader('Content-Type', 'application/json').end(text)

describe('a request', () => {
  test('carries the message, the headers of the protocol and those of the config', async () => {
    const { url, seen } = await recording((_, outgoing) => ok(outgoing))
    url.search = '?tenant=1'
    const client = clientOf(url, { headers: () => ({ 'X-Api-Key': ' key ', 'User-Agent': 'mine' }) })
    await client.post('{"ä":1}', { ...untilDone(), headers: { 'Mcp-Session-Id': 's1' } })
    expect(seen).toMatchObject([
      {
        method: 'POST',
        url: '/mcp?tenant=1',
        body: '{"ä":1}',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'accept-encoding': 'identity',
          'mcp-session-id': 's1',
          'x-api-key': 'key',
          'user-agent': 'mine',
        },
      },
    ])
  })

  test('GET asks for a stream only, DELETE has no body', async () => {
    const { url, seen } = await recording((_, outgoing) => outgoing.writeHead(405).end())
    const client = clientOf(url)
    expect(await client.get(untilDone())).toMatchObject({ status: 405, body: { kind: 'empty' } })
    expect(await client.delete(untilDone())).toMatchObject({ status: 405 })
    expect(seen).toMatchObject([
      { method: 'GET', headers: { accept: 'text/event-stream' } },
      { method: 'DELETE', body: '' },
    ])
    expect(seen[0]?.headers).not.toHaveProperty('content-type')
    expect(seen[0]?.headers['user-agent']).toMatch(/^poolscope\/\d/)
  })

  test('headers that the protocol or the connection needs are not the config’s to set', async () => {
    const { url, seen } = await recording((_, outgoing) => ok(outgoing))
    const configured = {
      'content-type': 'text/plain',
      ACCEPT: '*/*',
      'Accept-Encoding': 'gzip',
      'Mcp-Session-Id': 'stolen',
      'MCP-Protocol-Version': '1999-01-01',
      'Mcp-Method': 'x',
      'Mcp-Param-Region': 'x',
      'Last-Event-ID': 'x',
      'Content-Length': '1',
      'Transfer-Encoding': 'chunked',
      Connection: 'close',
      Host: 'elsewhere.example',
      Expect: '100-continue',
      'Proxy-Authorization': 'x',
    }
    await clientOf(url, { headers: () => configured }).post('{}', untilDone())
    const headers = seen[0]?.headers
    expect(headers).toMatchObject({ 'content-type': 'application/json', host: url.host, 'content-length': '2' })
    expect(JSON.stringify(headers)).not.toMatch(/stolen|1999|elsewhere|gzip|mcp-|last-event-id|proxy/i)
  })

  test.each([
    ['a name with a space', { 'X Key': 'secret-1' }],
    ['a whole line pasted as the name', { 'Authorization: Bearer secret-1': '' }],
    ['a line break in the value', { 'X-Key': 'secret-1\r\nX-Evil: 1' }],
    ['a NUL in the value', { 'X-Key': 'secret-1\0' }],
  ])('%s is CONFIG_INVALID, told by its name and without its value', async (_, headers: Record<string, string>) => {
    const { url, seen } = await recording((_request, outgoing) => ok(outgoing))
    const failure = await failureOf(clientOf(url, { headers: () => headers }).post('{}', untilDone()))
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID', data: { path: 'headers', written: false } })
    expect(failure.message).toMatch(/"X|"Authorization"/)
    expect(JSON.stringify(failure.toShape())).not.toContain('secret-1')
    expect(seen).toEqual([])
  })

  test('a value beyond ASCII goes as UTF-8, as the id of an event has to', async () => {
    const { url, seen } = await recording((_, outgoing) => ok(outgoing))
    await clientOf(url).get({ ...untilDone(), headers: { 'Last-Event-ID': 'ä🙂' } })
    expect(Buffer.from(String(seen[0]?.headers['last-event-id']), 'latin1').toString('utf8')).toBe('ä🙂')
  })

  test('a user name and password in the URL are sent as credentials and not as part of the URL', async () => {
    const { url, seen } = await recording((_, outgoing) => ok(outgoing))
    url.username = 'me'
    url.password = 'p%40ss'
    await clientOf(url).post('{}', untilDone())
    expect(seen[0]?.headers.authorization).toBe(`Basic ${btoa('me:p@ss')}`)
    expect(seen[0]?.headers.host).toBe(url.host)
  })

  test('requests one after the other share a connection, concurrent ones have one each', async () => {
    const ports = new Set<number | undefined>()
    const waiting: ServerResponse[] = []
    const url = await serveHttp((incoming, outgoing) => {
      ports.add(incoming.socket.remotePort)
      incoming.resume()
      if (incoming.method === 'POST') ok(outgoing)
      else {
        waiting.push(outgoing)
        if (waiting.length === 10) for (const each of waiting) ok(each)
      }
    })
    const client = clientOf(url)
    for (let i = 0; i < 10; i++) await client.post('{}', untilDone())
    expect(ports.size).toBe(1)
    await Promise.all(Array.from({ length: 10 }, () => client.get(untilDone())))
    expect(ports.size).toBe(10)
  })

  test('a connection that the server has closed in between is opened anew', async () => {
    const ports = new Set<number | undefined>()
    const closed: Promise<unknown>[] = []
    const url = await serveHttp((incoming, outgoing) => {
      ports.add(incoming.socket.remotePort)
      closed.push(new Promise((resolve) => incoming.socket.once('close', resolve)))
      incoming.resume()
      ok(outgoing)
      outgoing.once('finish', () => incoming.socket.end())
    })
    const client = clientOf(url)
    for (let i = 0; i < 5; i++) {
      await client.post('{}', untilDone())
      await closed.at(-1)
    }
    expect(ports.size).toBe(5)
  })

  test('the server is told to have it right before it is written, once', async () => {
    const order: string[] = []
    const { url } = await recording(({ url: path }, outgoing) => {
      order.push(`read ${path}`)
      if (path === '/mcp') outgoing.writeHead(307, { Location: '/there' }).end()
      else ok(outgoing)
    })
    await clientOf(url).post('{}', { ...untilDone(), onWritten: () => order.push('written') })
    expect(order).toEqual(['written', 'read /mcp', 'read /there'])
  })
})

describe('an answer', () => {
  test('in JSON is told byte for byte, whatever its status', async () => {
    const text = '{ "big": 12345678901234567890, "é":"\\u00e9" }'
    const { url } = await recording((_, outgoing) =>
      outgoing.writeHead(400, { 'Content-Type': 'Application/JSON; charset=utf-8', 'X-A': ['1', '2'] }).end(text),
    )
    const reply = await clientOf(url).post('{}', untilDone())
    expect(reply.status).toBe(400)
    expect(reply.headers.get('x-A')).toBe('1, 2')
    expect(reply.headers.get('X-None')).toBeNull()
    expect(textOf(reply)).toBe(text)
  })

  test.each([
    ['202 with a body', 202, { 'Content-Type': 'application/json' }, 'null'],
    ['204', 204, {}, ''],
    ['200 with nothing in it', 200, {}, ''],
    ['JSON with nothing in it', 200, { 'Content-Type': 'application/json' }, ''],
  ])('%s is empty', async (_, status, headers, text) => {
    const { url } = await recording((_request, outgoing) => outgoing.writeHead(status, headers).end(text))
    expect(await clientOf(url).post('{}', untilDone())).toMatchObject({ status, body: { kind: 'empty' } })
  })

  test('of another type is told by its first 2 KiB', async () => {
    const { url } = await recording((_, outgoing) =>
      outgoing.writeHead(502, { 'Content-Type': 'text/html' }).end(`<h1>Bad gateway</h1>${'x'.repeat(10_000)}`),
    )
    const { status, body } = await clientOf(url).post('{}', untilDone())
    expect(status).toBe(502)
    expect(body).toMatchObject({ kind: 'other', contentType: 'text/html', head: /^<h1>Bad gateway<\/h1>x+$/ })
    expect(body.kind === 'other' && body.head.length).toBe(2_048)
  })

  test('of another type that never ends is cut, and its connection closed', async () => {
    const closed = Promise.withResolvers<void>()
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      incoming.socket.once('close', () => closed.resolve())
      outgoing.writeHead(200, { 'Content-Type': 'text/plain' })
      const more = () => {
        while (!outgoing.destroyed && outgoing.write('x'.repeat(1_000)));
      }
      outgoing.on('drain', more)
      more()
    })
    expect((await clientOf(url).get(untilDone())).body).toMatchObject({ kind: 'other', contentType: 'text/plain' })
    await closed.promise
  })

  test('a stream with the status of a refusal is no stream', async () => {
    const { url } = await recording((_, outgoing) =>
      outgoing.writeHead(500, { 'Content-Type': 'text/event-stream' }).end('data: x\n\n'),
    )
    expect((await clientOf(url).get(untilDone())).body).toMatchObject({ kind: 'other', head: 'data: x\n\n' })
  })

  test('compressed without having been asked for is not guessed at', async () => {
    const { url } = await recording((_, outgoing) =>
      outgoing
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
        .end(gzipSync('{"a":1}')),
    )
    expect((await clientOf(url).post('{}', untilDone())).body).toMatchObject({
      kind: 'other',
      contentType: expect.stringContaining('gzip'),
    })
  })

  test.each(['declared', 'chunked'])(
    'a body over the limit, %s, is LINE_TOO_LONG and its connection closed',
    async (how) => {
      const closed = Promise.withResolvers<void>()
      const url = await serveHttp((incoming, outgoing) => {
        incoming.resume()
        incoming.socket.once('close', () => closed.resolve())
        outgoing.writeHead(200, {
          'Content-Type': 'application/json',
          ...(how === 'declared' && { 'Content-Length': 1_001 }),
        })
        outgoing.write('"'.padEnd(how === 'declared' ? 10 : 1_001, 'x'))
      })
      const failure = await failureOf(clientOf(url, { maxMessageBytes: 1_000 }).post('{}', untilDone()))
      expect(failure).toMatchObject({ code: 'LINE_TOO_LONG', data: { maxMessageBytes: 1_000, written: true } })
      await closed.promise
    },
  )

  test('a body of exactly the limit is taken', async () => {
    const text = `"${'x'.repeat(998)}"`
    const { url } = await recording((_, outgoing) => ok(outgoing, text))
    expect(textOf(await clientOf(url, { maxMessageBytes: 1_000 }).post('{}', untilDone()))).toBe(text)
  })

  test('an event over the limit ends the stream with LINE_TOO_LONG', async () => {
    const { url } = await recording((_, outgoing) => {
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' })
      outgoing.write(`data: first\n\ndata: ${'x'.repeat(2_000)}\n\n`)
    })
    const events = eventsOf(await clientOf(url, { maxMessageBytes: 1_000 }).get(untilDone()))
    const seen: string[] = []
    const reading = async () => {
      for await (const { data } of events) seen.push(data)
    }
    expect(await failureOf(reading())).toMatchObject({ code: 'LINE_TOO_LONG' })
    expect(seen).toEqual(['first'])
  })

  test('a stream ends cleanly at the end of its body, and its connection is used again', async () => {
    const ports = new Set<number | undefined>()
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      ports.add(incoming.socket.remotePort)
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('id: 1\ndata: a\n\ndata: b\n\n')
    })
    const client = clientOf(url)
    for (let i = 0; i < 2; i++) {
      const events = await collect(eventsOf(await client.post('{}', untilDone())))
      expect(events.map(({ data }) => data)).toEqual(['a', 'b'])
    }
    expect(ports.size).toBe(1)
  })

  test('a reader who is slower than the server holds it up, and gets everything', async () => {
    const total = 2_000
    const chunk = `data: ${'x'.repeat(10_000)}\n\n`
    let sent = 0
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' })
      const more = () => {
        while (sent < total) {
          sent++
          if (!outgoing.write(chunk)) return
        }
        outgoing.end()
      }
      outgoing.on('drain', more)
      more()
    })
    const events = eventsOf(await clientOf(url).get({ ...untilDone(), silenceMs: 10_000 }))
    let got = 0
    for await (const { data } of events) {
      if (got++ === 0) {
        // Nothing is read: the buffers in between fill up, and the server stops.
        let before: number
        do {
          before = sent
          await new Promise((resolve) => setTimeout(resolve, 50))
        } while (sent !== before)
        expect(sent).toBeLessThan(total)
      }
      expect(data.length).toBe(10_000)
    }
    expect(got).toBe(total)
  })
})

describe('a redirect', () => {
  test.each([307, 308])('%i within the origin is followed with method, headers and body', async (status) => {
    const { url, seen } = await recording(({ url: path }, outgoing) => {
      if (path === '/moved?x=1') ok(outgoing, '"here"')
      else outgoing.writeHead(status, { Location: '/moved?x=1' }).end('moved')
    })
    const client = clientOf(url, { headers: () => ({ Authorization: 'Bearer t' }) })
    expect(textOf(await client.post('{"m":1}', untilDone()))).toBe('"here"')
    expect(seen[1]).toMatchObject({ method: 'POST', body: '{"m":1}', headers: { authorization: 'Bearer t' } })
  })

  test('is followed three times and no more', async () => {
    const { url, seen } = await recording((_, outgoing) => outgoing.writeHead(307, { Location: '/again' }).end())
    const reply = await clientOf(url).post('{}', untilDone())
    expect(reply).toMatchObject({ status: 307, body: { kind: 'other', head: expect.stringContaining('/again') } })
    expect(seen.length).toBe(4)
  })

  test('to another server is not followed: no credentials go there, and the reply says where it leads', async () => {
    const { url: elsewhere, seen: there } = await recording((_, outgoing) => ok(outgoing))
    elsewhere.search = '?token=secret'
    const { url } = await recording((_, outgoing) => outgoing.writeHead(307, { Location: elsewhere.href }).end())
    const { status, body } = await clientOf(url, { headers: () => ({ Authorization: 'x' }) }).post('{}', untilDone())
    expect(status).toBe(307)
    expect(body).toMatchObject({ kind: 'other', head: expect.stringContaining(`${elsewhere.origin}/mcp,`) })
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(there).toEqual([])
  })

  test.each([301, 302, 303])('%i would turn the request into another one and is not followed', async (status) => {
    const { url, seen } = await recording((_, outgoing) => outgoing.writeHead(status, { Location: '/other' }).end())
    const reply = await clientOf(url).post('{}', untilDone())
    expect(reply).toMatchObject({ status, body: { kind: 'other', head: expect.stringContaining('/other') } })
    expect(seen.length).toBe(1)
  })
})

describe('credentials', () => {
  /** Has the tokens one after the other; the next is there once one was refused. */
  function authorizerOf(...tokens: (string | undefined)[]): Authorizer & { refusals: Refusal[] } {
    const refusals: Refusal[] = []
    return {
      refusals,
      authorization: async () => tokens[refusals.length],
      refused: async (refusal) => {
        refusals.push(refusal)
        return refusals.length < tokens.length
      },
    }
  }

  const guarded = (status: number, challenge: string | undefined) =>
    recording(({ headers, body }, outgoing) => {
      if (headers.authorization === 'Bearer good') ok(outgoing, body)
      else outgoing.writeHead(status, challenge === undefined ? {} : { 'WWW-Authenticate': challenge }).end('no')
    })

  test('that are good go with each request', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const authorizer = authorizerOf('Bearer good')
    expect(textOf(await clientOf(url, { authorizer }).post('1', untilDone()))).toBe('1')
    expect(seen.length).toBe(1)
    expect(authorizer.refusals).toEqual([])
  })

  test.each([
    [401, 'Bearer resource_metadata="https://x.example/"'],
    [403, 'Bearer error="insufficient_scope", scope="a b"'],
  ] as const)('that are refused with %i are renewed, and the request is sent once more', async (status, challenge) => {
    const { url, seen } = await guarded(status, challenge)
    const authorizer = authorizerOf('Bearer old', 'Bearer good')
    expect(textOf(await clientOf(url, { authorizer }).post('[1]', untilDone()))).toBe('[1]')
    expect(authorizer.refusals).toEqual([{ status, wwwAuthenticate: challenge, used: 'Bearer old' }])
    expect(seen.map(({ body }) => body)).toEqual(['[1]', '[1]'])
  })

  test('that are refused twice are the answer: there is no third attempt', async () => {
    const { url, seen } = await guarded(401, undefined)
    const authorizer = authorizerOf(undefined, 'Bearer bad', 'Bearer worse')
    expect(await clientOf(url, { authorizer }).post('1', untilDone())).toMatchObject({ status: 401 })
    expect(seen.length).toBe(2)
    expect(authorizer.refusals).toEqual([{ status: 401, wwwAuthenticate: null, used: undefined }])
  })

  test('that cannot be renewed leave the refusal as the reply', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const reply = await clientOf(url, { authorizer: authorizerOf('Bearer bad') }).post('1', untilDone())
    expect(reply).toMatchObject({ status: 401, body: { kind: 'other', head: 'no' } })
    expect(seen.length).toBe(1)
  })

  test('a 403 that is not about scope is nothing to renew', async () => {
    const { url, seen } = await guarded(403, 'Bearer error="invalid_request"')
    const authorizer = authorizerOf('Bearer bad', 'Bearer good')
    expect(await clientOf(url, { authorizer }).post('1', untilDone())).toMatchObject({ status: 403 })
    expect(seen.length).toBe(1)
    expect(authorizer.refusals).toEqual([])
  })

  test('of the config stand for themselves: the authorizer is not asked', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const authorizer = authorizerOf('Bearer good')
    const headers = () => ({ AUTHORIZATION: 'Bearer configured' })
    expect(await clientOf(url, { authorizer, headers }).post('1', untilDone())).toMatchObject({ status: 401 })
    expect(seen.map((it) => it.headers.authorization)).toEqual(['Bearer configured'])
    expect(authorizer.refusals).toEqual([])
  })
})

describe('Retry-After', () => {
  const now = Date.UTC(2026, 6, 28, 12)
  const of = (headers: IncomingHttpHeaders) => retryAfterMs(replyHeaders(headers), now)

  test.each([
    ['seconds', { 'retry-after': '120' }, 120_000],
    ['none', {}, undefined],
    ['more seconds than a timer can wait', { 'retry-after': '99999999999999999999' }, 2 ** 31 - 1],
    ['a date', { 'retry-after': 'Tue, 28 Jul 2026 12:00:10 GMT' }, 10_000],
    ['a date of the old form', { 'retry-after': 'Tuesday, 28-Jul-26 12:00:10 GMT' }, 10_000],
    ['a date that is over', { 'retry-after': 'Tue, 28 Jul 2026 11:00:00 GMT' }, 0],
    [
      'a date by a clock that is an hour off',
      { 'retry-after': 'Tue, 28 Jul 2026 13:00:10 GMT', date: 'Tue, 28 Jul 2026 13:00:00 GMT' },
      10_000,
    ],
    ['a negative number', { 'retry-after': '-5' }, undefined],
    ['a fraction', { 'retry-after': '1.5' }, undefined],
    ['nonsense', { 'retry-after': 'tomorrow 5' }, undefined],
  ])('%s', (_, headers: IncomingHttpHeaders, expected) => {
    expect(of(headers)).toBe(expected)
  })
})
