import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { controlHttp } from '../../electron/host/control-http.ts'

const maxBodyBytes = 1_000

async function start() {
  const ran: unknown[] = []
  const server = createServer(
    controlHttp({
      token: 'secret',
      rendererDir: import.meta.dirname,
      maxBodyBytes,
      run: async (_name, arg) => {
        ran.push(arg)
        return { ok: true, result: { ok: true } }
      },
      subscribe: () => () => {},
      metricsContentType: 'text/plain',
      metrics: async () => '',
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/commands/upstream.drain`
  const post = (body: BodyInit, more: RequestInit = {}) =>
    fetch(url, { method: 'POST', headers: { Authorization: 'Bearer secret' }, body, ...more })
  return { post, ran }
}

test('a body of the largest allowed size is taken', async () => {
  const { post, ran } = await start()
  const text = JSON.stringify({ upstream: 'x'.repeat(maxBodyBytes - '{"upstream":""}'.length) })
  expect(text).toHaveLength(maxBodyBytes)
  const reply = await post(text)
  expect([reply.status, await reply.json()]).toEqual([200, { ok: true, result: { ok: true } }])
  expect(ran).toEqual([JSON.parse(text)])
})

const refusal = {
  ok: false,
  error: { code: 'INVALID_ARGUMENT', message: expect.stringContaining('1000 bytes'), data: { maxBytes: maxBodyBytes } },
}

test('a larger one is answered with 413, as at the gateway', async () => {
  const { post, ran } = await start()
  const reply = await post('x'.repeat(maxBodyBytes + 1))
  expect([reply.status, reply.headers.get('connection'), await reply.json()]).toEqual([413, 'close', refusal])
  expect(ran).toEqual([])
})

test('one that does not say its size is refused where it exceeds the limit, and the answer is seen', async () => {
  const { post } = await start()
  const chunk = new TextEncoder().encode('y'.repeat(600))
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < 20; i++) controller.enqueue(chunk)
      controller.close()
    },
  })
  const reply = await post(body, { duplex: 'half' } as RequestInit)
  expect([reply.status, await reply.json()]).toEqual([413, refusal])
})

test('a body that is not UTF-8 is a 400', async () => {
  const { post } = await start()
  expect((await post(new Uint8Array([0x22, 0xff, 0x22]))).status).toBe(400)
})
