import { AppError } from '../../../shared/errors.ts'
import type { StreamSnapshot } from '../../../shared/state.ts'
import { Channel, type Outgoing } from '../channel.ts'
import { scanObject, stringAt } from '../envelope.ts'
import type { ClientInfo } from '../handshake.ts'
import type { ModernHeaders } from '../modern-headers.ts'
import { modernMeta } from '../revisions.ts'
import type { Handshake, JsonText } from '../types.ts'
import { isUnwritten } from '../written.ts'
import type { HttpClient, HttpReply } from './http-client.ts'
import { KeepAlive } from './keep-alive.ts'
import type { Link, LinkChannelOptions, LinkHost } from './link.ts'
import { Outbox, outboxFull } from './outbox.ts'
import { Post } from './post.ts'
import { refusalOf } from './refusals.ts'
import { HttpSession } from './session.ts'
import { SessionStream } from './session-stream.ts'
import { listenMethod, Subscription, type SubscriptionContext } from './subscription.ts'
import { type StreamDeps, TrackedStream, type TrackedStreamOptions } from './tracked-stream.ts'

/** A notification or an answer is accepted at once, or something is wrong. */
const acceptMs = 30_000

const initialized = 'notifications/initialized'

/** As many pages of tools are read for the headers of their calls. */
const maxPages = 100

export interface StreamableLinkOptions extends StreamDeps {
  readonly client: HttpClient
  readonly clientInfo: ClientInfo
  readonly modernHeaders: ModernHeaders
  readonly host: LinkHost
  readonly channel: LinkChannelOptions
  /** See keep-alive.ts. */
  readonly keepAliveMs: number
}

/** Streamable HTTP, both eras: every message is a POST, and what answers it comes on that POST's response. */
export class StreamableLink implements Link {
  readonly channel: Channel
  readonly #options: StreamableLinkOptions
  readonly #session: HttpSession
  readonly #context: SubscriptionContext
  /** Requests under way, by their ids. */
  readonly #posts = new Map<number, Post | Subscription>()
  readonly #streams = new Set<TrackedStream>()
  readonly #outbox = new Outbox()
  /** Legacy: on which the server says what belongs to no request. */
  #own: TrackedStream | undefined
  /** A server takes requests once it knows that it is initialized: what is sent meanwhile waits for that. */
  #gate: Promise<void> | undefined

  constructor(options: StreamableLinkOptions) {
    const { client, host, clock, modernHeaders, random, keepAliveMs } = options
    this.#options = options
    this.#session = new HttpSession(modernHeaders, options.channel.mcp)
    this.channel = new Channel({
      ...options.channel,
      separate: true,
      write: (line, message) => this.#write(line, message),
      cancel: (id, reason) => this.#cancel(id, reason),
      over: (id) => this.#over(id),
    })
    this.#context = {
      channel: this.channel,
      client,
      session: this.#session,
      modernHeaders,
      host,
      clock,
      keepAlive: new KeepAlive(keepAliveMs, random),
      track: (stream) => this.#track(stream),
      forget: (stream) => void this.#streams.delete(stream),
      sessionGone: (status, said) => this.#sessionGone(status, said),
      learnTools: (signal) => this.#learnTools(signal),
      renamed: (from, to) => this.#renamed(from, to),
    }
  }

  async open(): Promise<void> {}

  established({ era }: Handshake): void {
    this.#session.settle(era)
    if (era !== 'legacy') return
    const { client, host, clock, random, keepAliveMs } = this.#options
    const keepAlive = new KeepAlive(keepAliveMs, random)
    const reader = new SessionStream({ channel: this.channel, client, session: this.#session, host, clock, keepAlive })
    this.#own = this.#track({ id: 'notifications', kind: 'notifications', read: (reading) => reader.read(reading) })
    this.#startOwn()
  }

  fail(error: AppError): void {
    this.#outbox.close()
    this.channel.fail(error, (id) => {
      const post = this.#posts.get(id)
      return !(post instanceof Post) || post.written
    })
  }

  /** Not before the server knows that it is initialized, which a client's own session says itself. */
  #startOwn(): void {
    void this.#gate?.then(() => this.#own?.start())
  }

  streams(): StreamSnapshot[] {
    return [...this.#streams].map((stream) => stream.snapshot())
  }

  reconnect(): number {
    return [...this.#streams].filter((stream) => stream.retryNow()).length
  }

  async farewell(signal: AbortSignal): Promise<void> {
    if (this.#session.id === undefined) return
    try {
      // 405 is as good an answer as any: the server does not let clients end sessions.
      await this.#options.client.delete({ headers: this.#session.ownHeaders(), signal })
    } catch {
      // It ends by itself some day.
    }
  }

  close(): Promise<void> {
    this.#outbox.close()
    for (const stream of this.#streams) stream.stop()
    this.#streams.clear()
    for (const post of this.#posts.values()) post.abort()
    return this.#options.client.close()
  }

  #write(line: JsonText, message: Outgoing): void {
    const { id, method } = message
    if (id === undefined || method === undefined) {
      if (method === initialized) {
        this.#gate = this.#tell(line, message)
        this.#startOwn()
      } else if (!this.#outbox.put(line.length, () => this.#tell(line, message)))
        this.#options.host.lost(outboxFull(), false)
      return
    }
    const request = { ...message, id, method }
    const isSubscription = method === listenMethod && this.#session.isModern
    const post = isSubscription
      ? new Subscription(this.#context, line, request)
      : new Post(this.#context, line, request)
    this.#posts.set(id, post)
    void this.#passed().then(() => post.run())
  }

  /** Settles in a later turn at the earliest: the channel has noted the request by then. */
  async #passed(): Promise<void> {
    await this.#gate
  }

  /** A notification, or an answer of ours. Never rejects: nobody waits for what becomes of it. */
  async #tell(line: JsonText, message: Outgoing): Promise<void> {
    const { diary, clock, client } = this.#options
    const what = message.method ?? 'an answer'
    if (message.method !== initialized) await this.#passed()
    const own = new AbortController()
    const timer = clock.after(acceptMs, () =>
      own.abort(new AppError('RESPONSE_TIMEOUT', `${what} was not accepted in time`)),
    )
    try {
      const headers = this.#session.headers(message)
      const send = () => client.post(line, { headers, signal: own.signal })
      this.#told(await send().catch((error: unknown) => (isUnwritten(error) ? send() : Promise.reject(error))), what)
    } catch (error) {
      diary.note(`${what} could not be told: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      timer.cancel()
      // A body that goes on is of no interest.
      own.abort()
    }
  }

  #told(reply: HttpReply, what: string): void {
    if (reply.status < 300) return
    const { host, diary, clock } = this.#options
    const error = refusalOf(reply, what, clock.wall())
    diary.note(error.message)
    if (reply.status === 401) host.refused(error)
    else if (reply.status === 404 && this.#session.id !== undefined) this.#sessionGone(404, error.message)
  }

  /** Legacy: a response that is closed is no cancel. Modern: it is the cancel. */
  #cancel(id: number, reason: string): void {
    const post = this.#posts.get(id)
    if (this.#session.isLegacy && post?.written) {
      this.channel.notify('notifications/cancelled', JSON.stringify({ requestId: id, reason }))
    }
    post?.abort()
  }

  #over(id: number): void {
    const post = this.#posts.get(id)
    this.#posts.delete(id)
    post?.over()
  }

  #renamed(from: number, to: number): void {
    const post = this.#posts.get(from)
    this.#posts.delete(from)
    if (post) this.#posts.set(to, post)
  }

  #track(options: TrackedStreamOptions): TrackedStream {
    const stream = new TrackedStream(this.#options, options)
    this.#streams.add(stream)
    return stream
  }

  #sessionGone(status: number, said: string): void {
    this.#session.id = undefined
    const error = new AppError(
      'CONNECTION_LOST',
      `the server no longer knows the session (${said}); the next request begins another`,
      { status, written: true },
    )
    this.#options.host.lost(error, true)
  }

  /** What comes of the lists is learnt where they pass. */
  async #learnTools(signal: AbortSignal): Promise<boolean> {
    const meta = modernMeta(this.#options.clientInfo)
    let cursor: string | undefined
    for (let page = 0; page < maxPages; page++) {
      const at = cursor === undefined ? '' : `"cursor":${JSON.stringify(cursor)},`
      const params = `{${at}"_meta":${meta}}`
      const call = { method: 'tools/list', params, background: true, responseTimeoutMs: acceptMs, signal }
      const answer = await this.channel.call(call)
      if (answer.kind === 'error') return false
      cursor = stringAt(answer.text, scanObject(answer.text, ['nextCursor'])?.[0])
      if (cursor === undefined) break
    }
    return true
  }
}
