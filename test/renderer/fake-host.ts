/**
 * A host without pools: the contract over HTTP with made-up, lively data, and the built renderer.
 *
 *   vite build -c renderer/vite.config.ts && node test/renderer/fake-host.ts [--port N] [--empty] [--token TEXT] [--files DIR]
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import sirv from 'sirv'
import { commands, isCommandName } from '../../shared/commands.ts'
import { AppError, toErrorShape } from '../../shared/errors.ts'
import { frameIntervalMs } from '../../shared/frames.ts'
import { fakeCommands } from './fake-commands.ts'
import { FakeWorld } from './fake-world.ts'

export interface FakeHostOptions {
  port?: number
  token?: string
  empty?: boolean
  /** Where the built renderer is. */
  filesDir?: string
  /** False: time stands still until `pump` is called. */
  live?: boolean
}

/** As the product will send it: no inline scripts, no eval. */
const contentSecurityPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

export class FakeHost {
  readonly world: FakeWorld
  readonly token: string
  readonly #server: Server
  readonly #streams = new Set<ServerResponse>()
  readonly #timer: ReturnType<typeof setInterval> | undefined
  /** While false the host has hung: no frame is sent, no request answered. */
  talking = true
  /** Requests that came with a wrong token. */
  refused = 0

  private constructor(world: FakeWorld, token: string, server: Server, live: boolean) {
    this.world = world
    this.token = token
    this.#server = server
    if (live) this.#timer = setInterval(() => this.pump(), frameIntervalMs)
  }

  static async start({
    port = 0,
    token = 'test-token',
    empty = false,
    live = true,
    filesDir = resolve(import.meta.dirname, '../../out/renderer'),
  }: FakeHostOptions = {}): Promise<FakeHost> {
    const server = createServer()
    await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const host = new FakeHost(new FakeWorld({ empty, url }), token, server, live)
    const handlers = fakeCommands(host.world, token)
    const files = sirv(filesDir, { single: true, dev: true })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      response.setHeader('content-security-policy', contentSecurityPolicy)
      const path = new URL(request.url ?? '/', url).pathname
      if (!path.startsWith('/api/')) return files(request, response)
      if (!host.talking) return
      if (request.headers.authorization !== `Bearer ${token}`) {
        host.refused++
        return reply(response, 401, { ok: false, error: { code: 'UNAUTHORIZED', message: 'A token is needed' } })
      }
      if (path === '/api/frames') return host.#openStream(response)
      void answer(request, response, path.slice('/api/commands/'.length), handlers)
    })
    return host
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get streams(): number {
    return this.#streams.size
  }

  /** Moves the world on by one frame and sends it. */
  pump(): void {
    const frame = this.world.tick()
    if (this.talking) this.send(`data: ${JSON.stringify(frame)}\n\n`)
  }

  /** Writes raw text to every stream, to test what a parser makes of it. */
  send(text: string): void {
    this.sendBytes(Buffer.from(text))
  }

  sendBytes(bytes: Buffer): void {
    for (const stream of this.#streams) stream.write(bytes)
  }

  /** Cuts every stream, as a host that died would. */
  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.dropStreams()
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  #openStream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(': hello\n\n')
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  handlers: ReturnType<typeof fakeCommands>,
): Promise<void> {
  try {
    if (!isCommandName(name)) throw new AppError('COMMAND_NOT_FOUND', `There is no command ${name}`)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const arg = commands[name].arg.parse(JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}'))
    // The table ties argument and handler by name; TypeScript can't follow that through a union of names.
    const run = handlers[name] as (arg: unknown) => unknown
    reply(response, 200, { ok: true, result: run(arg) })
  } catch (thrown) {
    reply(response, 200, { ok: false, error: toErrorShape(thrown) })
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      empty: { type: 'boolean' },
      token: { type: 'string' },
      files: { type: 'string' },
    },
  })
  const host = await FakeHost.start({
    port: Number(values.port ?? 7499),
    empty: values.empty ?? false,
    token: values.token ?? 'dev',
    ...(values.files ? { filesDir: values.files } : {}),
  })
  process.stdout.write(`${host.url}/?token=${host.token}\n`)
}
