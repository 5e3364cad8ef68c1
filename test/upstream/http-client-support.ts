import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { Clock } from '../../electron/kit/clock.ts'
import { systemClock } from '../../electron/kit/clock.ts'
import { HttpClient, type HttpClientOptions, type HttpReply } from '../../electron/upstream/http/http-client.ts'
import { AppError } from '../../shared/errors.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** At the end of the test. */
export const later = (cleanup: () => unknown): void => void cleanups.push(cleanup)

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A real HTTP server. @returns its URL, `/mcp` */
export async function serveHttp(handler: RequestListener): Promise<URL> {
  const server = createHttpServer(handler)
  const port = await listening(server)
  later(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return new URL(`http://127.0.0.1:${port}/mcp`)
}

/** A real TCP server that says what it likes. @returns its port and sockets that are open */
export async function serveTcp(onSocket: (socket: Socket) => void): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>()
  const server = createTcpServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    onSocket(socket)
  })
  const port = await listening(server)
  later(() => {
    for (const socket of open) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return { port, open }
}

/** Calls back once a whole request of `POST {}` has been read. */
export function onceRequested(socket: Socket, run: (text: string) => void): void {
  let text = ''
  const onData = (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const head = text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
    if (head < 0 || text.length < head + 4 + length) return
    socket.off('data', onData)
    run(text)
  }
  socket.on('data', onData)
}

export function clientOf(url: URL | string, more: Partial<HttpClientOptions> & { clock?: Clock } = {}): HttpClient {
  const client = new HttpClient({
    url: new URL(url),
    headers: () => ({}),
    clock: systemClock,
    connectTimeoutMs: () => 10_000,
    env: {},
    ...more,
  })
  later(() => client.close())
  return client
}

/** Never aborted. */
export const untilDone = (): { signal: AbortSignal } => ({ signal: new AbortController().signal })

export async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  const outcome = await promise.then(
    (value) => new Error(`no failure but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (outcome instanceof AppError) return outcome
  throw outcome
}

/** All of it, in order. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export function textOf({ body }: HttpReply): string {
  if (body.kind !== 'json') throw new Error(`no JSON but ${JSON.stringify(body)}`)
  return body.text
}

export function eventsOf({ body }: HttpReply) {
  if (body.kind !== 'stream') throw new Error(`no stream but ${JSON.stringify(body)}`)
  return body.events
}

export interface Seen {
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
export async function recording(answer: (seen: Seen, outgoing: ServerResponse) => void) {
  const seen: Seen[] = []
  const url = await serveHttp(async (incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const request = { method, url: path, headers, body: await bodyOf(incoming) }
    seen.push(request)
    answer(request, outgoing)
  })
  return { url, seen }
}

export const ok = (outgoing: ServerResponse, text = '{}') =>
  outgoing.setHeader('Content-Type', 'application/json').end(text)
