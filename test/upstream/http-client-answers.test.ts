import type { IncomingHttpHeaders } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { replyHeaders } from '../../electron/upstream/http/headers.ts'
import { retryAfterMs } from '../../electron/upstream/http/http-client.ts'
import {
  clientOf,
  collect,
  eventsOf,
  failureOf,
  ok,
  recording,
  serveHttp,
  textOf,
  untilDone,
} from './http-client-support.ts'

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

  test('is the one after what the server said in between', async () => {
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      outgoing.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
      outgoing.setHeader('Content-Type', 'application/json').end('"final"')
    })
    const reply = await clientOf(url).post('{}', untilDone())
    expect(reply.status).toBe(200)
    expect(textOf(reply)).toBe('"final"')
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

  test.each([401, 403])('%i whose JSON does not end is told all the same', async (status) => {
    const closed = Promise.withResolvers<void>()
    const url = await serveHttp((incoming, outgoing) => {
      incoming.resume()
      incoming.socket.once('close', () => closed.resolve())
      outgoing.writeHead(status, { 'Content-Type': 'application/json' }).write('{"error":')
    })
    const reply = await clientOf(url).post('{}', untilDone())
    expect(reply).toMatchObject({ status, body: { kind: 'other', head: '{"error":' } })
    await closed.promise
  })

  test('401 with JSON of more than 64 KiB is cut, and one that is whole is not', async () => {
    const texts = [JSON.stringify('x'.repeat(1_000_000)), '{"error":{"code":-32001,"message":"who?"}}']
    const { url } = await recording((_, outgoing) =>
      outgoing.writeHead(401, { 'Content-Type': 'application/json' }).end(texts.shift()),
    )
    const client = clientOf(url)
    expect((await client.post('{}', untilDone())).body.kind).toBe('other')
    expect(textOf(await client.post('{}', untilDone()))).toBe('{"error":{"code":-32001,"message":"who?"}}')
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
