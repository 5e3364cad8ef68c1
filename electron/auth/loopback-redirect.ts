import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError } from '../../shared/errors.ts'
import { resultPage, resultPageHeaders } from './result-page.ts'

const host = '127.0.0.1'
const path = '/callback'

/** What becomes of an answer, for the page that the browser shows. */
export type Verdict = { ok: true } | { ok: false; message: string }

/**
 * Where the browser brings the authorization server's answer (RFC 8252, 7.3): a listener on this machine, for one answer.
 * Everything else that comes is turned away.
 */
export class LoopbackRedirect {
  readonly uri: string
  readonly #server: Server
  readonly #answering = new Set<Promise<void>>()

  private constructor(server: Server, port: number) {
    this.#server = server
    this.uri = `http://${host}:${port}${path}`
  }

  /**
   * @param port 0 for any that is free
   * @param take is given each answer; undefined when it is not of the sign-in that waits, or came before
   * @throws AppError ADDRESS_IN_USE
   */
  static async listen(
    port: number,
    take: (answer: URLSearchParams) => Promise<Verdict> | undefined,
  ): Promise<LoopbackRedirect> {
    // A browser has a short line and few headers; who holds a connection open is cut off.
    const server = createServer({ maxHeaderSize: 32 * 1024, headersTimeout: 10_000, requestTimeout: 10_000 })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES'
        reject(
          taken
            ? new AppError('ADDRESS_IN_USE', `port ${port} for the answer of the sign-in is not free (${error.code})`, {
                port,
              })
            : error,
        )
      })
      server.listen(port, host, resolve)
    })
    const redirect = new LoopbackRedirect(server, (server.address() as AddressInfo).port)
    server.on('request', (request, response) => redirect.#serve(request, response, take))
    return redirect
  }

  /** After those who brought an answer have read what became of it. */
  async close(): Promise<void> {
    await Promise.all(this.#answering)
    if (!this.#server.listening) return
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  #serve(
    request: IncomingMessage,
    response: ServerResponse,
    take: (answer: URLSearchParams) => Promise<Verdict> | undefined,
  ): void {
    response.on('error', () => response.destroy()) // the browser went away: nobody reads the page
    const own = new URL(this.uri)
    const at = (request.url ?? '').indexOf('?')
    const asked = at < 0 ? request.url : request.url?.slice(0, at)
    // The Host, because a name that points at this machine could bring pages of another site here.
    if (request.method !== 'GET' || request.headers.host !== own.host || asked !== path) {
      response.writeHead(404, { connection: 'close' }).end()
      return
    }
    const verdict = take(new URLSearchParams(at < 0 ? '' : request.url?.slice(at + 1)))
    if (!verdict) {
      const text = 'This answer does not belong to the sign-in that waits. Start it again in Poolscope.'
      response.writeHead(400, resultPageHeaders).end(resultPage('Not signed in', text))
      return
    }
    const answered = verdict.then(
      (it) =>
        new Promise<void>((resolve) => {
          response.once('close', resolve)
          if (response.destroyed) return resolve()
          const page = it.ok
            ? resultPage('Signed in', 'Poolscope is signed in. You can close this page.')
            : resultPage('Not signed in', it.message)
          response.writeHead(it.ok ? 200 : 400, resultPageHeaders).end(page)
        }),
    )
    this.#answering.add(answered)
    void answered.finally(() => this.#answering.delete(answered))
  }
}
