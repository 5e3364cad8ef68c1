import { AppError } from '../../shared/errors.ts'
import type { Lease } from '../pool/types.ts'
import type { SessionListener, UpstreamConnection } from './connection-types.ts'
import type {
  Handshake,
  JsonText,
  ServerNotification,
  ServerRequest,
  UpstreamReply,
  UpstreamRequest,
  UpstreamSession,
} from './types.ts'

/** What is kept until somebody listens; a server that says more before it was asked anything is not heard. */
const early = 100

const initialized = 'notifications/initialized'

/** A client's own session with a process of its own. It ends with its process: whether to open another is the caller's. */
export class OwnSession implements UpstreamSession, SessionListener {
  readonly #send: (request: UpstreamRequest, connection: UpstreamConnection) => Promise<UpstreamReply>
  readonly #ended = new AbortController()
  #lease: Lease<UpstreamConnection> | undefined
  #connection: UpstreamConnection | undefined
  #announced = false
  #underWay = 0
  #retired = false
  #notifications: ServerNotification[] = []
  #requests: ServerRequest[] = []
  #onNotification: ((notification: ServerNotification) => void) | undefined
  #onServerRequest: ((request: ServerRequest) => void) | undefined

  constructor(send: (request: UpstreamRequest, connection: UpstreamConnection) => Promise<UpstreamReply>) {
    this.#send = send
  }

  /** Its connection is ready. */
  begin(lease: Lease<UpstreamConnection>): void {
    this.#lease = lease
    this.#connection = lease.resource
    this.#announced = this.handshake.era === 'modern'
  }

  get connectionId(): string {
    return this.#process.connectionId
  }

  get pid(): number | null {
    return this.#process.pid
  }

  get handshake(): Handshake {
    const { handshake } = this.#process
    if (!handshake) throw new AppError('INTERNAL', 'a connection was granted before its handshake')
    return handshake
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  async request(request: UpstreamRequest): Promise<UpstreamReply> {
    if (!this.#announced) this.notify(initialized)
    const lasting = request.method === 'subscriptions/listen'
    if (!lasting) this.#underWay++
    try {
      return await this.#send(request, this.#process)
    } finally {
      if (!lasting) this.#underWay--
      if (this.#retired) this.retire()
    }
  }

  notify(method: string, params?: JsonText): void {
    if (method === initialized) {
      if (this.#announced) return
      this.#announced = true
    }
    this.#process.notify(method, params)
  }

  get onNotification(): (notification: ServerNotification) => void {
    return this.#onNotification ?? ((notification) => this.#keep(this.#notifications, notification))
  }

  set onNotification(listener: (notification: ServerNotification) => void) {
    this.#onNotification = listener
    for (const notification of this.#notifications.splice(0)) listener(notification)
  }

  get onServerRequest(): (request: ServerRequest) => void {
    return this.#onServerRequest ?? ((request) => this.#keep(this.#requests, request))
  }

  set onServerRequest(listener: (request: ServerRequest) => void) {
    this.#onServerRequest = listener
    for (const request of this.#requests.splice(0)) if (!request.gone.aborted) listener(request)
  }

  /** Its connection has ended, by itself or by us. */
  onEnded(error: AppError): void {
    this.#ended.abort(error)
    this.#lease?.release()
  }

  /** The upstream closes: what is under way may still be answered. */
  retire(): void {
    this.#retired = true
    if (this.#underWay === 0) this.close()
  }

  close(): void {
    this.#lease?.release({ reason: 'single-use', manner: 'gentle' })
  }

  get #process(): UpstreamConnection {
    if (!this.#connection) throw new AppError('INTERNAL', 'a session was used before it was opened')
    return this.#connection
  }

  #keep<T>(list: T[], item: T): void {
    if (list.length < early) list.push(item)
  }
}
