import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A server of numbered events, one stream for each subscription, that can go away and come back on its port. */
export class StreamServer {
  port = 0
  /** Since the last {@link goAway}: which subscription came, when (performance.now) and what it had seen last. */
  arrivals: { subscription: string; at: number; lastEventId: number }[] = []
  /** The most streams that one subscription has had at once. */
  mostAtOnce = 0
  readonly #retryMs: number | undefined
  readonly #open = new Map<string, Set<ServerResponse>>()
  readonly #sockets = new Set<Socket>()
  #published = 0
  #server: Server | undefined

  constructor(retryMs?: number) {
    this.#retryMs = retryMs
  }

  get streams(): number {
    return [...this.#open.values()].reduce((sum, { size }) => sum + size, 0)
  }

  async start(): Promise<void> {
    const server = createServer(({ url = '', headers }, response) => {
      const subscription = url.slice(1)
      const lastEventId = Number(headers['last-event-id'] ?? 0)
      this.arrivals.push({ subscription, at: performance.now(), lastEventId })
      const mine = this.#open.get(subscription) ?? new Set()
      this.#open.set(subscription, mine.add(response))
      this.mostAtOnce = Math.max(this.mostAtOnce, mine.size)
      response.once('close', () => mine.delete(response))
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write(this.#retryMs === undefined ? ': hello\n\n' : `retry: ${this.#retryMs}\n\n`)
      for (let id = lastEventId + 1; id <= this.#published; id++) response.write(eventOf(id))
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', 256, resolve)
    })
    this.port = (server.address() as AddressInfo).port
  }

  /** Tells every stream the next event; who is away gets it when it comes back. */
  publish(): number {
    this.#published++
    for (const mine of this.#open.values()) for (const response of mine) response.write(eventOf(this.#published))
    return this.#published
  }

  /** Resets every connection at once and listens no more. */
  async goAway(): Promise<void> {
    this.arrivals = []
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#server) this.#server.close(() => resolve())
    else resolve()
    this.#server = undefined
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await promise
  }
}

const eventOf = (id: number) => `id: ${id}\ndata: ${id}\n\n`
