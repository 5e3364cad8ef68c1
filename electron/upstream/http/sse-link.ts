import { AppError } from '../../../shared/errors.ts'
import type { StreamSnapshot } from '../../../shared/state.ts'
import type { Clock, Timer } from '../../kit/clock.ts'
import { deferred } from '../../kit/deferred.ts'
import { Channel, type Outgoing } from '../channel.ts'
import { spanAt, stringAt } from '../envelope.ts'
import type { TransportHooks } from '../transport.ts'
import type { JsonText } from '../types.ts'
import { type Diary, plain } from './diary.ts'
import type { HttpClient, SseEvent } from './http-client.ts'
import type { Link, LinkChannelOptions, LinkHost } from './link.ts'
import { Outbox, outboxFull } from './outbox.ts'
import { isTrouble, refusalOf, rpcErrorIn } from './refusals.ts'

/** How long a server has to answer when it is asked whether its stream still is one. */
const pingMs = 10_000

/** A message is accepted at once, or something is wrong; its answer comes on the stream. */
const acceptMs = 30_000

const initialized = 'notifications/initialized'

export interface SseLinkOptions {
  readonly url: URL
  /** The client of the stream. */
  readonly client: HttpClient
  /** Another, for the address that the server tells; closed with the link. */
  connect(url: URL): HttpClient
  readonly clock: Clock
  readonly host: LinkHost
  readonly diary: Diary
  readonly hooks: Pick<TransportHooks, 'changed'>
  readonly channel: LinkChannelOptions
  /** A stream on which nothing was heard for this long is asked whether it lives. */
  readonly keepAliveMs: number
}

/**
 * The old HTTP+SSE transport (MCP 2024-11-05): everything that the server says comes on the one stream of a GET, and what is
 * said to it goes to the address that its first event tells. The session is its stream: lost with it.
 */
export class SseLink implements Link {
  readonly channel: Channel
  readonly #options: SseLinkOptions
  readonly #endpoint = deferred<HttpClient>()
  readonly #abort = new AbortController()
  readonly #outbox = new Outbox()
  /** Requests that the server can't have got yet, by their ids. */
  readonly #unwritten = new Map<number, AbortController>()
  #state: StreamSnapshot['state'] = 'idle'
  #openedAt: number | null = null
  #lastMessageAt: number | null = null
  #lastDrop: StreamSnapshot['lastDrop'] = null
  #version: string | undefined
  #gate: Promise<void> | undefined
  #quietTimer: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(options: SseLinkOptions) {
    this.#options = options
    this.#endpoint.promise.catch(() => {})
    this.channel = new Channel({
      ...options.channel,
      write: (line, message) => this.#write(line, message),
      over: (id) => this.#unwritten.get(id)?.abort(),
    })
  }

  async open(): Promise<void> {
    const { client, clock, hooks } = this.#options
    this.#state = 'connecting'
    hooks.changed()
    const reply = await client.get({ signal: this.#abort.signal })
    if (reply.body.kind !== 'stream') throw refusalOf(reply, 'GET', clock.wall())
    this.#state = 'open'
    this.#openedAt = clock.wall()
    hooks.changed()
    void this.#read(reply.body.events)
    await this.#endpoint.promise
  }

  established(): void {
    this.#watchQuiet()
  }

  fail(error: AppError): void {
    this.#outbox.close()
    this.channel.fail(error, (id) => !this.#unwritten.has(id))
  }

  streams(): StreamSnapshot[] {
    return [
      {
        id: 'messages',
        kind: 'messages',
        state: this.#state,
        openedAt: this.#openedAt,
        attempts: this.#state === 'connecting' ? 1 : 0,
        nextAttemptAt: null,
        reconnects: 0,
        lastDrop: this.#lastDrop,
        lastMessageAt: this.#lastMessageAt,
        resumable: false,
      },
    ]
  }

  /** Its stream is opened again with another session, by the pool. */
  reconnect(): number {
    return 0
  }

  async farewell(): Promise<void> {}

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#state = 'stopped'
    this.#quietTimer?.cancel()
    this.#outbox.close()
    this.#abort.abort()
    const error = new AppError('CONNECTION_LOST', 'the connection was closed by Poolscope', { reason: 'closed' })
    this.#endpoint.reject(error)
    const poster = await this.#endpoint.promise.catch(() => undefined)
    await Promise.all([this.#options.client.close(), poster?.close()])
  }

  async #read(events: AsyncIterable<SseEvent>): Promise<void> {
    let reason = 'the server ended the stream'
    try {
      for await (const event of events) {
        if (event.event === 'endpoint') this.#located(event.data)
        else if (event.data !== '') this.#hear(event.data)
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error)
    }
    this.#lose(reason)
  }

  /** Credentials go there with every message: it has to be the server that they are for. */
  #located(address: string): void {
    if (this.#endpoint.settled) return
    const { url, connect, diary } = this.#options
    const endpoint = URL.parse(address, url)
    if (endpoint?.origin !== url.origin) {
      const where = endpoint ? `another server (${plain(endpoint.origin, 200)})` : 'what is no URL'
      const message = `the server wants messages at ${where}, which is not done: its stream comes from ${url.origin}`
      this.#endpoint.reject(new AppError('HANDSHAKE_FAILED', message))
      return
    }
    diary.note('the stream is open, and the server has told where it takes messages')
    this.#endpoint.resolve(connect(endpoint))
  }

  #hear(text: JsonText): void {
    const { clock, host } = this.#options
    this.#lastMessageAt = clock.wall()
    this.#version ??= stringAt(text, spanAt(text, ['result', 'protocolVersion']))
    host.fine()
    this.channel.receive(text)
    if (this.#quietTimer) this.#watchQuiet()
  }

  #lose(reason: string): void {
    const { clock, host } = this.#options
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#quietTimer?.cancel()
    this.#lastDrop = { at: clock.wall(), reason }
    const error = new AppError('CONNECTION_LOST', `the server's stream was lost, and the session with it: ${reason}`, {
      reason: 'stream',
      written: true,
    })
    this.#endpoint.reject(error)
    host.lost(error, false)
  }

  /** A stream whose other end is gone says nothing, and neither does one that has nothing to say: the server is asked. */
  #watchQuiet(): void {
    const { clock, keepAliveMs } = this.#options
    this.#quietTimer?.cancel()
    this.#quietTimer = clock.after(keepAliveMs, () => {
      const ping = {
        method: 'ping',
        background: true,
        responseTimeoutMs: Math.min(pingMs, keepAliveMs),
        cancellable: false,
      }
      this.channel.call(ping).then(
        () => this.#state === 'open' && this.#watchQuiet(),
        (error: unknown) => this.#lose(`no bytes for ${keepAliveMs} ms, and ${String(error)}`),
      )
    })
  }

  #write(line: JsonText, message: Outgoing): void {
    const { id, method } = message
    if (method === initialized) this.#gate = this.#send(line, message)
    else if (id !== undefined) void this.#send(line, message)
    else if (!this.#outbox.put(line.length, () => this.#send(line, message)))
      this.#options.host.lost(outboxFull(), false)
  }

  /** Never rejects. */
  async #send(line: JsonText, { id, method }: Outgoing): Promise<void> {
    const { clock, host, diary } = this.#options
    const what = `POST ${plain(method ?? 'an answer', 100)}`
    const own = new AbortController()
    if (id !== undefined) this.#unwritten.set(id, own)
    let timer: Timer | undefined
    try {
      if (method !== initialized) await this.#gate
      const poster = await this.#endpoint.promise
      const headers: Record<string, string> =
        this.#version === undefined ? {} : { 'MCP-Protocol-Version': this.#version }
      timer = clock.after(acceptMs, () =>
        own.abort(new AppError('CONNECTION_LOST', `${what} was not accepted within ${acceptMs} ms`)),
      )
      const onWritten = () => void (id !== undefined && this.#unwritten.delete(id))
      const reply = await poster.post(line, { headers, signal: own.signal, onWritten })
      const { status, body } = reply
      if (status < 300) {
        // A server that answers at once, as Streamable HTTP does.
        if (body.kind === 'json') this.channel.receive(body.text)
        return
      }
      const error = refusalOf(reply, what, clock.wall())
      if (status === 401) host.refused(error)
      else if (status === 403) host.forbidden()
      else if (status === 404) this.#lose(`the server no longer knows the session (${error.message})`)
      else if (status >= 500) host.troubled(error)
      const rpc = status < 500 && body.kind === 'json' ? rpcErrorIn(body.text) : undefined
      this.#conclude(id, rpc && status !== 403 ? { kind: 'error', text: rpc.text } : error, () =>
        diary.note(error.message),
      )
    } catch (thrown) {
      const error = thrown instanceof AppError ? thrown : new AppError('CONNECTION_LOST', `${what}: ${String(thrown)}`)
      // One that is over before it was sent is no trouble of the session.
      if (this.#conclude(id, error, () => diary.note(error.message)) && isTrouble(error)) host.troubled(error)
    } finally {
      timer?.cancel()
      if (id !== undefined) this.#unwritten.delete(id)
      // A body that goes on is of no interest.
      own.abort()
    }
  }

  /** @returns whether a request waited for it */
  #conclude(id: number | undefined, outcome: Parameters<Channel['conclude']>[1], otherwise: () => void): boolean {
    if (id !== undefined) return this.channel.conclude(id, outcome)
    otherwise()
    return false
  }
}
