import { AppError } from '../../../shared/errors.ts'
import type { Unsubscribe } from '../../kit/emitter.ts'
import type {
  Handshake,
  JsonText,
  ServerNotification,
  Upstream,
  UpstreamReply,
  UpstreamSession,
} from '../../upstream/types.ts'
import type { BackendRequest, HandshakeRequest, SessionBackend } from '../backend.ts'
import type { Holders } from '../holders.ts'
import { memberOf } from '../json/members.ts'
import type { LogLevel } from '../log-level.ts'
import type { SessionNeeds } from '../targets.ts'

export type OwnProcessHooks = Pick<SessionNeeds, 'notification' | 'serverRequest' | 'goneSince' | 'end'>

/**
 * A process that serves one session and nobody else: what it remembers is this client's. When it dies, calls under way
 * fail and the next one opens another with the same `initialize`; with the session it is closed. It gives way to others
 * when its client has gone without a word.
 */
export class OwnProcess implements SessionBackend {
  readonly profile = undefined
  readonly #upstream: Upstream
  /** The client's own; undefined for a server of the modern era. */
  readonly #initialize: JsonText | undefined
  readonly #hooks: OwnProcessHooks
  readonly #holders: Holders
  #release: Unsubscribe | undefined
  readonly #watched = new Map<string, (notification: ServerNotification) => void>()
  #logLevel: LogLevel | undefined
  #session: UpstreamSession | undefined
  #opening: Promise<UpstreamSession> | undefined
  #closed = false

  constructor(upstream: Upstream, initialize: JsonText | undefined, hooks: OwnProcessHooks, holders: Holders) {
    this.#holders = holders
    this.#upstream = upstream
    this.#initialize = initialize
    this.#hooks = hooks
  }

  get name(): string {
    return this.#upstream.name
  }

  get config(): Upstream['config'] {
    return this.#upstream.config
  }

  async handshake({ signal }: HandshakeRequest): Promise<Handshake> {
    return (await this.#live(signal)).handshake
  }

  async request(request: BackendRequest): Promise<UpstreamReply> {
    return (await this.#live(request.signal)).request(request)
  }

  setLogLevel(level: LogLevel): void {
    this.#logLevel = level
    if (this.#session && !this.#session.ended.aborted) this.#tellLogLevel(this.#session)
  }

  /** A notification of the client; without a process there is nobody to tell. */
  notify(method: string, params: JsonText | undefined): void {
    if (!this.#session || this.#session.ended.aborted) return
    try {
      this.#session.notify(method, params)
    } catch {
      // Nothing was written because the process is ending, which the next request tells.
    }
  }

  watch: Upstream['watch'] = async (what, listener) => {
    if (this.#initialize === undefined) return this.#upstream.watch(what, listener)
    // What the process says of its lists comes to its session anyway.
    if ('list' in what) return { stop: () => {} }
    const { uri } = what
    const reply = await (await this.#live(undefined)).request(subscription('resources/subscribe', uri))
    if (reply.kind === 'error') return { refused: reply.text }
    this.#watched.set(uri, listener)
    return {
      stop: () => {
        if (!this.#watched.delete(uri) || !this.#session || this.#session.ended.aborted) return
        // Whether the server still knew of it changes nothing.
        this.#session.request(subscription('resources/unsubscribe', uri)).catch(() => {})
      },
    }
  }

  close(): void {
    this.#closed = true
    this.#release?.()
    this.#session?.close()
  }

  async #live(signal: AbortSignal | undefined): Promise<UpstreamSession> {
    if (this.#session && !this.#session.ended.aborted) return this.#session
    this.#opening ??= this.#open(signal).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(signal: AbortSignal | undefined): Promise<UpstreamSession> {
    if (this.#closed) throw new AppError('POOL_CLOSED', 'The session has ended', { upstream: this.name })
    const session = await this.#upstream.openSession({ initialize: this.#initialize, signal })
    if (this.#closed) {
      session.close()
      throw new AppError('ABORTED', 'The session has ended', { upstream: this.name })
    }
    this.#session = session
    this.#release?.()
    this.#release = this.#holders.add({
      upstream: this.#upstream,
      idleSince: () => this.#hooks.goneSince(),
      giveWay: () => this.#giveWay(session),
    })
    session.onNotification = (notification) => this.#notification(notification)
    session.onServerRequest = (request) => this.#hooks.serverRequest(request)
    this.#tellLogLevel(session)
    for (const uri of this.#watched.keys())
      session.request(subscription('resources/subscribe', uri)).catch(() => this.#watched.delete(uri))
    return session
  }

  /** Where each session is to have its own, what is lost must be told; where only roots were declared, nothing is. */
  #giveWay(session: UpstreamSession): void {
    if (this.config.isolation === 'session') this.#hooks.end()
    else session.close()
    if (this.#session === session) this.#session = undefined
  }

  #tellLogLevel(session: UpstreamSession): void {
    // A modern server is told with each request.
    if (this.#logLevel === undefined || this.#initialize === undefined) return
    const params = JSON.stringify({ level: this.#logLevel })
    // What it says beyond the level is filtered anyway.
    session.request({ method: 'logging/setLevel', params }).catch(() => {})
  }

  #notification(notification: ServerNotification): void {
    const { method, message } = notification
    const params = method === 'notifications/resources/updated' ? memberOf(message, 'params') : undefined
    const uri = params && memberOf(params, 'uri')
    const listener = uri?.startsWith('"') ? this.#watched.get(JSON.parse(uri) as string) : undefined
    if (listener) listener(notification)
    else this.#hooks.notification(notification)
  }
}

const subscription = (method: string, uri: string) => ({ method, params: JSON.stringify({ uri }) })
