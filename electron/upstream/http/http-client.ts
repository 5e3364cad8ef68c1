import { AppError } from '../../../shared/errors.ts'
import type { JsonText } from '../types.ts'
import { withWritten } from '../written.ts'
import { readBody, readExcerpt } from './body.ts'
import { clientClosed, destinationOf } from './errors.ts'
import { Exchange } from './exchange.ts'
import { asBytes, configuredHeaders, type RequestHeaders } from './headers.ts'
import type { HttpClientOptions, HttpReply, HttpRequestOptions } from './http-types.ts'
import { proxyFor } from './proxy.ts'
import { redirectOf } from './redirect.ts'
import { RequestLife } from './request-life.ts'
import { SocketPool } from './socket-pool.ts'

export type * from './http-types.ts'
export { retryAfterMs } from './retry-after.ts'

const defaultMaxMessageBytes = 16 * 1024 * 1024

/** A credential that is shorter is found in too many words. */
const shortestSecret = 8

const anyMessage = 'application/json, text/event-stream'

type Method = 'POST' | 'GET' | 'DELETE'

interface Outgoing {
  method: Method
  headers: RequestHeaders
  body: JsonText | undefined
  silenceMs: number | undefined
  onWritten(): void
}

/**
 * Requests to one remote server over HTTP/1.1, each with the config's headers and the authorizer's credentials. Any status is
 * a reply. Errors are of the network: CONNECT_FAILED, CONNECT_TIMEOUT, TLS_FAILED, CONNECTION_LOST, LINE_TOO_LONG; of the
 * config: CONFIG_INVALID; or why it was aborted. Each has `data.written`: false when it is certain that the server did not
 * get the request. Nothing secret is in them. Nothing is sent a second time by itself, but what was refused with 401 (or 403
 * for want of scope) once more with new credentials, and what was redirected within its origin with 307 or 308.
 *
 * Answers are asked for as they are (`Accept-Encoding: identity`), so that bytes and their limit are those of the message.
 */
export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #sockets: SocketPool
  readonly #lives = new Set<RequestLife>()
  #closed: Promise<void> | undefined

  constructor(options: HttpClientOptions) {
    this.#options = options
    const { url, clock, connectTimeoutMs, env = process.env } = options
    this.#sockets = new SocketPool({ url, proxy: () => proxyFor(url, env), clock, connectTimeoutMs })
  }

  /** POSTs one JSON-RPC message. */
  post(message: JsonText, options: HttpRequestOptions): Promise<HttpReply> {
    return this.#request('POST', message, { accept: anyMessage, 'content-type': 'application/json' }, options)
  }

  /** Opens a stream. */
  get(options: HttpRequestOptions): Promise<HttpReply> {
    return this.#request('GET', undefined, { accept: 'text/event-stream' }, options)
  }

  /** Ends a session. */
  delete(options: HttpRequestOptions): Promise<HttpReply> {
    return this.#request('DELETE', undefined, { accept: anyMessage }, options)
  }

  /** Ends every request and stream with CONNECTION_LOST. Resolves when all sockets are closed. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    for (const life of this.#lives) life.abort(clientClosed())
    await this.#sockets.destroy()
  }

  async #request(
    method: Method,
    message: JsonText | undefined,
    ownHeaders: RequestHeaders,
    { headers, signal, silenceMs, onWritten }: HttpRequestOptions,
  ): Promise<HttpReply> {
    if (this.#closed) throw withWritten(clientClosed(), false)
    const life: RequestLife = new RequestLife(signal, () => this.#lives.delete(life))
    this.#lives.add(life)
    let isTold = false
    const tellOnce = () => {
      if (!isTold) onWritten?.()
      isTold = true
    }
    try {
      const { url, headers: configured } = this.#options
      const all = { ...configuredHeaders(url, configured()), ...ownHeaders, 'accept-encoding': 'identity' }
      const outgoing = { method, headers: { ...all, ...asBytes(headers ?? {}) }, body: message, silenceMs }
      const reply = await this.#authorized(life, { ...outgoing, onWritten: tellOnce })
      if (reply.body.kind !== 'stream') life.end()
      return reply
    } catch (error) {
      const { written } = life
      life.end()
      throw error instanceof AppError ? withWritten(error, written) : error
    }
  }

  /** With the authorizer's credentials, and a second time with new ones where that may help. */
  async #authorized(life: RequestLife, outgoing: Outgoing): Promise<HttpReply> {
    const { authorizer } = this.#options
    if (!authorizer) return this.#send(life, outgoing)
    const { authorization: configured } = outgoing.headers
    const attempt = async () => {
      const own = configured === undefined ? await life.unlessAborted(authorizer.authorization(life.signal)) : undefined
      const headers = own === undefined ? outgoing.headers : { ...outgoing.headers, ...asBytes({ authorization: own }) }
      const reply = await this.#send(life, { ...outgoing, headers })
      if (reply.status !== 401 && reply.status !== 403) authorizer.accepted?.(own)
      return { used: configured ?? own, reply }
    }
    const { used, reply } = await attempt()
    const { status } = reply
    const wwwAuthenticate = reply.headers.get('www-authenticate')
    if (status !== 401 && !(status === 403 && wantsScope(wwwAuthenticate))) return reply
    // A session that ends is no matter of who we are: some servers answer a word of farewell so.
    if (outgoing.method === 'DELETE') return reply
    // It was refused, so nothing was done.
    life.exchange = undefined
    const again = await life.unlessAborted(authorizer.refused({ status, wwwAuthenticate, used }, life.signal))
    if (!again || configured !== undefined) return reply
    const second = await attempt()
    if (second.reply.status === 401) authorizer.refusedAgain?.(second.used)
    return second.reply
  }

  /** Sends it, and again where it is redirected within the origin. */
  async #send(life: RequestLife, { method, headers, body, silenceMs, onWritten }: Outgoing): Promise<HttpReply> {
    const {
      clock,
      maxMessageBytes = defaultMaxMessageBytes,
      mask: maskConfigured = (text: string) => text,
    } = this.#options
    const credential = headers.authorization?.split(' ').at(-1) ?? ''
    const mask = (text: string) => {
      const masked = maskConfigured(text)
      return credential.length < shortestSecret ? masked : masked.replaceAll(credential, '••••')
    }
    let { url } = this.#options
    const to = destinationOf(url)
    for (let followed = 0; ; followed++) {
      life.throwIfAborted()
      const request = { method, path: `${url.pathname}${url.search}`, headers, body }
      const exchange = new Exchange({ sockets: this.#sockets, to, request, clock, silenceMs, onWritten })
      life.exchange = exchange
      const head = await exchange.head
      const redirect = redirectOf(head, url, followed)
      if (!redirect) {
        const onEnd = () => life.end()
        return { ...head, mask, body: await readBody({ exchange, head, to, maxMessageBytes, clock, onEnd }) }
      }
      await readExcerpt({ exchange, clock })
      if (redirect.kind === 'stay') {
        const contentType = head.headers.get('content-type') ?? ''
        return { ...head, mask, body: { kind: 'other', contentType, head: redirect.text } }
      }
      url = redirect.url
    }
  }
}

/** A 403 that other credentials overcome says so (RFC 6750, section 3.1). */
const wantsScope = (wwwAuthenticate: string | null) => /\berror="?insufficient_scope\b/i.test(wwwAuthenticate ?? '')
