import type { Socket } from 'node:net'
import { AppError } from '../../../shared/errors.ts'
import { BriefMap } from '../../kit/brief-map.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Unsubscribe } from '../../kit/emitter.ts'
import type { Handshake, JsonText, ServerNotification } from '../../upstream/types.ts'
import type { ClientContext, SessionBackend } from '../backend.ts'
import type { EventChannel, Exchange } from '../exchange.ts'
import type { SseConnection } from '../http/sse.ts'
import { isLoud, type LogLevel } from '../log-level.ts'
import type { Target } from '../targets.ts'
import { type ReplayBudget, ResumableStream } from './replay.ts'
import { ServerRequests } from './server-requests.ts'
import { supportsEmptyEvents } from './versions.ts'

/** Key of the stream that a GET opens; those of POSTs count from 1. */
const standaloneKey = 0

/** What a server asks before the client has opened a stream waits for it, up to this many. */
const maxUnsent = 32

/** Ended streams kept for a client that comes back: a busy session must not collect its whole past. */
const maxEndedStreams = 32

export interface SessionOptions {
  id: string
  number: number
  target: Target
  protocolVersion: string
  client: { name: string; version: string } | null
  /** The text of the client's own params of `initialize`. */
  initialize: JsonText
  /** What the client said of itself, as upstreams are told. */
  context: ClientContext
  backend: SessionBackend
  serverCapabilities: Handshake['capabilities']
  clock: Clock
  budget: ReplayBudget
}

/** One legacy client's MCP session: what it declared, what is under way, and its streams. */
export class LegacySession {
  readonly id: string
  readonly number: number
  readonly upstream: string
  readonly protocolVersion: string
  readonly client: { name: string; version: string } | null
  readonly initialize: JsonText
  readonly context: ClientContext
  readonly serverCapabilities: Handshake['capabilities']
  readonly openedAt: number
  /** By the key of the client's id: what `notifications/cancelled` aborts, and where its answer goes. */
  readonly inFlight = new BriefMap<string, { controller: AbortController; exchange: Exchange }>()
  /** By URI; stops the watch. */
  readonly subscriptions = new Map<string, Unsubscribe>()
  readonly serverRequests = new ServerRequests()
  /** What serves it; undefined from the time that its upstream was replaced until its next request. */
  backend: SessionBackend | undefined
  /** The connection that its client used last. */
  socket: Socket | null = null
  /** Requests of the whole session. */
  requests = 0
  /** Soft affinity: the connection that served it last. */
  lastConnectionId: string | undefined
  /** Hard affinity: the process keeps something for this session, and only it may serve. */
  pinnedTo: string | undefined
  #target: Target
  #closed = false
  readonly #unsent: JsonText[] = []
  #lastActiveAt: number
  #nextStreamKey = standaloneKey + 1
  readonly #clock: Clock
  readonly #budget: ReplayBudget
  readonly #standalone: ResumableStream
  /** Streams of upgraded POSTs, oldest first. */
  readonly #streams = new Map<number, ResumableStream>()

  constructor(options: SessionOptions) {
    this.id = options.id
    this.number = options.number
    this.upstream = options.target.name
    this.#target = options.target
    this.backend = options.backend
    this.protocolVersion = options.protocolVersion
    this.client = options.client
    this.initialize = options.initialize
    this.context = options.context
    this.serverCapabilities = options.serverCapabilities
    this.#clock = options.clock
    this.#budget = options.budget
    this.openedAt = options.clock.now()
    this.#lastActiveAt = this.openedAt
    this.#standalone = new ResumableStream(standaloneKey, options.budget, options.clock)
  }

  get lastActiveAt(): number {
    return this.#lastActiveAt
  }

  get isIdle(): boolean {
    return this.inFlight.size === 0 && !this.#standalone.isConnected
  }

  /** Whether its client declared anything that a server could ask it for. */
  get canBeAsked(): boolean {
    const { elicitation, sampling, roots } = this.context.capabilities
    return elicitation !== undefined || sampling !== undefined || roots !== undefined
  }

  /** Since when its client has neither a request under way nor a stream or a connection open. */
  get goneSince(): number | undefined {
    return this.isIdle && this.socket?.destroyed !== false ? this.#lastActiveAt : undefined
  }

  get hasStandaloneStream(): boolean {
    return this.#standalone.isConnected
  }

  touch(): void {
    this.#lastActiveAt = this.#clock.now()
  }

  get target(): Target {
    return this.#target
  }

  /** The upstream was stopped and started, or replaced: what served this session is gone with the old one. */
  retarget(target: Target): void {
    if (this.#target === target) return
    this.#target = target
    this.#leaveBackend()
  }

  /** What serves it from now on, unless it was closed or retargeted, or got another, in the meantime. */
  adopt(target: Target, backend: SessionBackend): SessionBackend {
    if (this.#closed || this.#target !== target || this.backend) {
      backend.close()
      if (this.backend) return this.backend
      throw new AppError('ABORTED', 'The session has ended, or its upstream was replaced')
    }
    this.backend = backend
    if (this.context.logLevel !== undefined) backend.setLogLevel?.(this.context.logLevel)
    return backend
  }

  setLogLevel(level: LogLevel): void {
    this.context.logLevel = level
    this.backend?.setLogLevel?.(level)
  }

  /** Until the client sets a level the server decides (specification, "Logging"): everything passes. */
  wantsLog({ message }: ServerNotification): boolean {
    return this.context.logLevel === undefined || isLoud(message, this.context.logLevel)
  }

  /** The stream of a GET. */
  openStandalone(connection: SseConnection): void {
    this.#standalone.attach(connection, supportsEmptyEvents(this.protocolVersion))
    for (const message of this.#unsent.splice(0)) this.#standalone.send(message)
  }

  endStandalone(): void {
    this.#standalone.close()
  }

  /** The stream of a POST whose answer became events. */
  openStream(connection: SseConnection): EventChannel {
    const stream = new ResumableStream(this.#nextStreamKey++, this.#budget, this.#clock)
    this.#streams.set(stream.key, stream)
    this.#forgetStreams((kept) => kept > maxEndedStreams)
    stream.attach(connection, supportsEmptyEvents(this.protocolVersion))
    return stream
  }

  /** @returns the stream that goes on after this event; undefined when it is unknown or what was missed is not kept */
  resumable(key: number, sequence: number): ResumableStream | undefined {
    const stream = key === standaloneKey ? this.#standalone : this.#streams.get(key)
    return stream?.canResume(sequence) ? stream : undefined
  }

  /** Keeps a subscription until its client, or the session, ends it. */
  follow(uri: string, stop: Unsubscribe): void {
    if (this.#closed || this.subscriptions.has(uri)) stop()
    else this.subscriptions.set(uri, stop)
  }

  unfollow(uri: string): void {
    this.subscriptions.get(uri)?.()
    this.subscriptions.delete(uri)
  }

  /** A message of the server outside of any request. */
  notify(message: JsonText): void {
    if (this.#standalone.wasOpened) this.#standalone.send(message)
  }

  /**
   * A question of the server that belongs to no request for certain. Without a stream of its own it travels with a request
   * under way, or waits for the client to open one.
   */
  ask(message: JsonText): boolean {
    if (this.#standalone.wasOpened) this.#standalone.send(message)
    else if (this.inFlight.values().some(({ exchange }) => exchange.notify(message))) return true
    else if (this.#unsent.length < maxUnsent) this.#unsent.push(message)
    else return false
    return true
  }

  /** Forgets streams that ended long enough ago. */
  forgetEnded(keepMs: number): void {
    const before = this.#clock.now() - keepMs
    this.#forgetStreams((_, endedAt) => endedAt <= before)
  }

  /**
   * Aborts what is under way, gives up what served it and ends its streams.
   * @param why what the requests under way are answered with; default: that their caller cancelled them
   */
  close(why?: AppError): void {
    this.#closed = true
    for (const { controller } of this.inFlight.values()) controller.abort(why)
    this.#leaveBackend()
    this.serverRequests.close()
    this.#standalone.close()
    for (const stream of this.#streams.values()) stream.close()
    this.#streams.clear()
  }

  #leaveBackend(): void {
    for (const stop of this.subscriptions.values()) stop()
    this.subscriptions.clear()
    this.backend?.close()
    this.backend = undefined
    this.pinnedTo = undefined
    this.lastConnectionId = undefined
  }

  #forgetStreams(due: (kept: number, endedAt: number) => boolean): void {
    for (const [key, stream] of this.#streams) {
      if (stream.endedAt === undefined || !due(this.#streams.size, stream.endedAt)) continue
      stream.forget()
      this.#streams.delete(key)
    }
  }
}
