import { Client } from 'undici'
import type { Clock } from '../../kit/clock.ts'
import { openSocket } from './connector.ts'

export interface SocketPoolOptions {
  url: URL
  /** @throws AppError CONNECT_FAILED */
  proxy(): URL | undefined
  clock: Clock
  connectTimeoutMs(): number
}

/** One connection to the server, opened when it is needed and again when it was lost; a request at a time. */
export class PooledSocket {
  readonly client: Client
  #abortConnect: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor({ url, proxy, clock, connectTimeoutMs }: SocketPoolOptions, onDisconnect: () => void) {
    this.client = new Client(url.origin, {
      // A call may wait for its person for longer than any default: whoever asks has timeouts of their own.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_, callback) => {
        try {
          const options = { url, proxy: proxy(), clock, connectTimeoutMs: connectTimeoutMs() }
          this.#abortConnect = openSocket(options, (...result) => {
            this.#abortConnect = undefined
            callback(...result)
          })
        } catch (error) {
          callback(error instanceof Error ? error : new Error(String(error)), null)
        }
      },
    })
    this.client.on('disconnect', onDisconnect)
  }

  /** Resolves when the socket is closed, whatever it was doing. */
  destroy(): Promise<void> {
    if (!this.#closed) {
      this.#closed = this.client.destroy()
      this.#abortConnect?.()
    }
    return this.#closed
  }
}

/**
 * Connections to one server: as many as there are requests and streams under way, and those that were used lately. Not
 * undici's own pool, because a request that is aborted while its connection is being opened has to take that connection
 * with it; there it stays until it is open or the timeout is over.
 */
export class SocketPool {
  readonly #options: SocketPoolOptions
  readonly #sockets = new Set<PooledSocket>()
  /** The one that was used last is used first; the others run into their keep-alive timeout. */
  readonly #idle: PooledSocket[] = []

  constructor(options: SocketPoolOptions) {
    this.#options = options
  }

  take(): PooledSocket {
    const idle = this.#idle.pop()
    if (idle) return idle
    const socket: PooledSocket = new PooledSocket(this.#options, () => this.#disconnected(socket))
    this.#sockets.add(socket)
    return socket
  }

  /** The request on it has got its whole answer. */
  giveBack(socket: PooledSocket): void {
    if (this.#sockets.has(socket)) this.#idle.push(socket)
  }

  /** The request on it has failed or was given up. Resolves when it is closed. */
  async discard(socket: PooledSocket): Promise<void> {
    await socket.destroy()
    this.#sockets.delete(socket)
  }

  /**
   * The way to the server is in doubt: an idle connection may be as dead as another one was found to be, and nothing would
   * tell but the time that a request on it is waited for. The next request opens a new one.
   */
  dropIdle(): void {
    for (const socket of this.#idle.splice(0)) void this.discard(socket)
  }

  /** Resolves when all are closed. */
  async destroy(): Promise<void> {
    this.#idle.length = 0
    await Promise.all([...this.#sockets].map((socket) => this.discard(socket)))
  }

  /** An idle one whose server has hung up, or whose keep-alive time is over. One in use tells its request. */
  #disconnected(socket: PooledSocket): void {
    const at = this.#idle.indexOf(socket)
    if (at < 0) return
    this.#idle.splice(at, 1)
    void this.discard(socket)
  }
}
