import type { Clock } from '../../kit/clock.ts'
import type { Handshake, ServerNotification } from '../../upstream/types.ts'
import type { EventChannel } from '../exchange.ts'
import type { SseConnection } from '../http/sse.ts'
import { paramsOf } from '../message.ts'
import { type LogLevel, logLevels } from './log-level.ts'
import { type ReplayBudget, ResumableStream } from './replay.ts'
import { supportsEmptyEvents } from './versions.ts'

/** Key of the stream that a GET opens; those of POSTs count from 1. */
const standaloneKey = 0

/** Ended streams kept for a client that comes back: a busy session must not collect its whole past. */
const maxEndedStreams = 32

export interface SessionOptions {
  id: string
  number: number
  upstream: string
  protocolVersion: string
  client: { name: string; version: string } | null
  /** What the client declared in `initialize`. */
  clientCapabilities: Record<string, unknown>
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
  readonly clientCapabilities: Record<string, unknown>
  readonly serverCapabilities: Handshake['capabilities']
  readonly openedAt: number
  /** By the key of the client's id: what `notifications/cancelled` aborts. */
  readonly inFlight = new Map<string, AbortController>()
  readonly subscriptions = new Set<string>()
  /** Requests of the whole session. */
  requests = 0
  /** Soft affinity: the connection that served it last. */
  lastConnectionId: string | undefined
  #logLevel: LogLevel | undefined
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
    this.upstream = options.upstream
    this.protocolVersion = options.protocolVersion
    this.client = options.client
    this.clientCapabilities = options.clientCapabilities
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

  get hasStandaloneStream(): boolean {
    return this.#standalone.isConnected
  }

  touch(): void {
    this.#lastActiveAt = this.#clock.now()
  }

  setLogLevel(level: LogLevel): void {
    this.#logLevel = level
  }

  /** Until the client sets a level the server decides (specification, "Logging"): everything passes. */
  wantsLog(notification: ServerNotification): boolean {
    if (this.#logLevel === undefined) return true
    const rank = logLevels.indexOf(paramsOf(notification.message)?.level as LogLevel)
    // A level that the specification does not know can't be compared: better seen than lost.
    return rank === -1 || rank >= logLevels.indexOf(this.#logLevel)
  }

  /** The stream of a GET. */
  openStandalone(connection: SseConnection): void {
    this.#standalone.attach(connection, supportsEmptyEvents(this.protocolVersion))
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

  /** A message of the server outside of any request. */
  notify(message: string): void {
    if (this.#standalone.wasOpened) this.#standalone.send(message)
  }

  /** Forgets streams that ended long enough ago. */
  forgetEnded(keepMs: number): void {
    const before = this.#clock.now() - keepMs
    this.#forgetStreams((_, endedAt) => endedAt <= before)
  }

  /** Aborts what is under way and ends its streams. */
  close(): void {
    for (const controller of this.inFlight.values()) controller.abort()
    this.#standalone.close()
    for (const stream of this.#streams.values()) stream.close()
    this.#streams.clear()
  }

  #forgetStreams(due: (kept: number, endedAt: number) => boolean): void {
    for (const [key, stream] of this.#streams) {
      if (stream.endedAt === undefined || !due(this.#streams.size, stream.endedAt)) continue
      stream.forget()
      this.#streams.delete(key)
    }
  }
}
