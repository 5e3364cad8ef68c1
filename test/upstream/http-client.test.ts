import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { clientOf, failureOf, ok, recording, serveHttp, textOf, untilDone } from './http-client-support.ts'

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

  test('headers of the config go as UTF-8, whatever is in them', async () => {
    const { url, seen } = await recording((_, outgoing) => ok(outgoing))
    await clientOf(url, { headers: () => ({ 'X-Team': 'Büro → 🙂' }) }).post('{}', untilDone())
    expect(Buffer.from(String(seen[0]?.headers['x-team']), 'latin1').toString('utf8')).toBe('Büro → 🙂')
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
    const { url, seen } = await recording((_, outgoing) => outgoing.writeHead(307, { Location: elsewhere.href }).end())
    const { status, body } = await clientOf(url, { headers: () => ({ Authorization: 'x' }) }).post('{}', untilDone())
    expect(status).toBe(307)
    expect(body).toMatchObject({
      kind: 'other',
      head: expect.stringContaining(`${elsewhere.origin}/mcp, which is another server`),
    })
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(there).toEqual([])
    expect(seen.length).toBe(1)
  })

  test.each([301, 302, 303])('%i would turn the request into another one and is not followed', async (status) => {
    const { url, seen } = await recording((_, outgoing) => outgoing.writeHead(status, { Location: '/other' }).end())
    const reply = await clientOf(url).post('{}', untilDone())
    expect(reply).toMatchObject({ status, body: { kind: 'other', head: expect.stringContaining('/other') } })
    expect(seen.length).toBe(1)
  })
})
