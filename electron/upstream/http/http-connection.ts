import { AppError } from '../../../shared/errors.ts'
import type { CloseReason, StreamSnapshot } from '../../../shared/state.ts'
import type { Clock, Random, Timer } from '../../kit/clock.ts'
import { deferred } from '../../kit/deferred.ts'
import type { CloseManner, DownCause } from '../../pool/types.ts'
import type { Answer, Call } from '../channel.ts'
import type { ConnectionLogSnapshot, ConnectionOptions, UpstreamConnection } from '../connection-types.ts'
import type { ClientInfo } from '../handshake.ts'
import type { ModernHeaders } from '../modern-headers.ts'
import type { Opening } from '../negotiation.ts'
import { modernMeta } from '../revisions.ts'
import type { TransportHooks } from '../transport.ts'
import type { Handshake, JsonText } from '../types.ts'
import { Diary } from './diary.ts'
import { closedBecause, connectTimedOut } from './ends.ts'
import { type LinkKind, shakeHands } from './handshaking.ts'
import type { HttpClient } from './http-client.ts'
import type { Link, LinkChannelOptions, LinkHost } from './link.ts'
import { SessionHealth } from './session-health.ts'
import { SseLink } from './sse-link.ts'
import { StreamableLink } from './streamable-link.ts'

/** A session that ends sooner than this ends for a reason that the next one will meet too: the pool backs off. */
const stableMs = 30_000

/** How long the server has to take note that a session is over. */
const farewellMs: Record<CloseManner, number> = { gentle: 2_000, abrupt: 500, kill: 0 }

export interface HttpConnectionOptions extends ConnectionOptions {
  readonly url: URL
  readonly clientInfo: ClientInfo
  readonly clock: Clock
  readonly random: Random
  readonly modernHeaders: ModernHeaders
  readonly hooks: Pick<TransportHooks, 'tell' | 'changed' | 'answers'>
  /** See keep-alive.ts. */
  readonly keepAliveMs: number
  /** Masks the secrets of the config in a text of the server. */
  mask(text: string): string
  /** How the messages travel, as far as it is known. */
  readonly linkKind: LinkKind
  /** It turned out to be the other way. */
  foundLink(kind: LinkKind): void
  connect(url: URL): HttpClient
  /** The server does not let us in: told before the connection goes down. */
  refused(error: AppError): void
}

/** One client session with a remote server, over Streamable HTTP or the old HTTP+SSE: handshake, requests, and the end. */
export class HttpConnection implements UpstreamConnection {
  readonly connectionId: string
  readonly pid = null
  readonly end = { exitCode: null, signal: null, forced: false }
  readonly endedAfterOneAnswer = false
  readonly spawnBlockedMs = 0
  readonly ready: Promise<void>
  readonly ping?: (signal: AbortSignal) => Promise<void>
  served = 0
  errors = 0
  lastError: string | undefined
  handshake: Handshake | undefined
  kind: string | undefined
  inFlight = 0
  readonly #options: HttpConnectionOptions
  readonly #diary: Diary
  readonly #ready = deferred<void>()
  readonly #gone = deferred<void>()
  readonly #farewell = new AbortController()
  readonly #connectTimer: Timer
  readonly #health: SessionHealth
  #link: Link
  #onDown: ((cause: DownCause) => void) | undefined
  #cause: (DownCause & { error: AppError }) | undefined
  #closeReason: CloseReason | undefined
  #closing: Promise<void> | undefined
  #readyAt: number | undefined

  constructor(options: HttpConnectionOptions) {
    this.#options = options
    const { clock, connectionId, connectTimeoutMs, hooks, opening } = options
    this.connectionId = connectionId
    this.kind = options.kind
    this.ready = this.#ready.promise
    // Told by onDown too; a pool that looks away must not turn it into an unhandled rejection.
    this.ready.catch(() => {})
    this.#diary = new Diary(() => clock.wall())
    this.#health = new SessionHealth({
      clock,
      ping: (signal) => this.#ping(signal),
      unwell: (error) => this.#down({ reason: 'unhealthy', expected: false, error }),
      refused: (error) => this.#refused(error),
      back: () => hooks.answers(),
    })
    this.#link = this.#linkOf(options.linkKind)
    if (opening.era !== 'jsonrpc') this.ping = (signal) => this.#check(signal)
    this.#connectTimer = clock.after(connectTimeoutMs, () => this.#connectFailed(connectTimedOut(connectTimeoutMs)))
    queueMicrotask(() => void this.#open(opening))
  }

  get alive(): boolean {
    return this.#cause === undefined && this.#closing === undefined
  }

  get isShared(): boolean {
    return this.handshake !== undefined && this.#options.session === undefined
  }

  get away(): boolean {
    return this.#health.away
  }

  get owesAnswer(): boolean {
    return this.#link.channel.owesAnswer
  }

  get logBytes(): number {
    return this.#diary.bytes
  }

  get gone(): Promise<void> {
    return this.#gone.promise
  }

  onDown(listener: (cause: DownCause) => void): void {
    this.#onDown = listener
    // The pool listens in the turn in which it opens; what was found out sooner is told as well.
    if (this.#cause) queueMicrotask(() => this.#cause && listener(this.#cause))
  }

  call(call: Call): Promise<Answer> {
    this.#mustLive()
    const answer = this.#link.channel.call(call)
    this.inFlight++
    return answer.then(this.#answered, this.#unanswered)
  }

  background(call: Omit<Call, 'background' | 'responseTimeoutMs'>): Promise<Answer> {
    this.#mustLive()
    return this.#link.channel.call({ ...call, background: true, responseTimeoutMs: Number.POSITIVE_INFINITY })
  }

  notify(method: string, params?: JsonText): void {
    this.#mustLive()
    this.#link.channel.notify(method, params)
  }

  async cleared(graceMs: number): Promise<boolean> {
    return (await this.#link.channel.cleared(graceMs)) && this.alive
  }

  closingFor(reason: CloseReason): void {
    this.#closeReason = reason
  }

  async close(manner: CloseManner): Promise<'gone' | 'survived'> {
    this.#closing ??= this.#close()
    // A harsher manner leaves less time; none gives more.
    const timer = this.#options.clock.after(farewellMs[manner], () => this.#farewell.abort())
    if (manner === 'kill') this.#farewell.abort()
    await this.#closing
    timer.cancel()
    return 'gone'
  }

  log(): ConnectionLogSnapshot {
    return this.#diary.snapshot()
  }

  streams(): StreamSnapshot[] {
    return this.#link.streams()
  }

  reconnect(): number {
    return this.#link.reconnect()
  }

  /** A person has taken back what it was opened with. */
  signedOut(error: AppError): void {
    this.#down({ reason: 'unhealthy', expected: true, final: true, error })
  }

  readonly #answered = (answer: Answer): Answer => {
    this.inFlight--
    this.served++
    if (answer.kind === 'error') this.errors++
    return answer
  }

  readonly #unanswered = (error: unknown): never => {
    this.inFlight--
    this.errors++
    if (error instanceof AppError) this.lastError = error.message
    throw error
  }

  #mustLive(): void {
    if (this.#cause) throw this.#cause.error
    if (this.#closing) throw closedBecause(this.connectionId, this.#closeReason)
  }

  #linkOf(kind: LinkKind): Link {
    const { url, connect, clock, random, clientInfo, modernHeaders, hooks, keepAliveMs, connectionId } = this.#options
    const diary = this.#diary
    const common = {
      client: connect(url),
      clock,
      diary,
      hooks,
      keepAliveMs,
      host: this.#host(),
      channel: this.#channelOptions(),
    }
    return kind === 'sse'
      ? new SseLink({ ...common, url, connect })
      : new StreamableLink({ ...common, connectionId, random, clientInfo, modernHeaders })
  }

  #channelOptions(): LinkChannelOptions {
    const { clock, connectionId, opening, exclusive, session, onNotification, onChange, onListenerError } =
      this.#options
    return {
      clock,
      mcp: opening.era !== 'jsonrpc',
      exclusive,
      describe: () => ({ connectionId }),
      ...(session
        ? {
            onNotification: (notification) => session.onNotification(notification),
            onServerRequest: (request) => session.onServerRequest(request),
          }
        : { onNotification, onChange }),
      onInvalid: (text) => this.#strayMessage(text),
      onListenerError,
    }
  }

  #host(): LinkHost {
    return {
      fine: () => this.#health.fine(),
      troubled: (error) => {
        if (this.#readyAt !== undefined) this.#health.troubled(error)
      },
      lost: (error, expected) => {
        // One that was gone as soon as it was there is a failure, however it ended.
        const lived = this.#readyAt === undefined ? 0 : this.#options.clock.now() - this.#readyAt
        this.#down({ reason: 'exited', expected: expected && lived >= stableMs, error })
      },
      refused: (error) => this.#refused(error),
      forbidden: () => {
        if (this.#readyAt !== undefined && this.ping) void this.#health.forbidden()
      },
    }
  }

  async #open(opening: Opening): Promise<void> {
    if (!this.alive) return
    const { url, handshaking } = this.#options
    this.#diary.note(`opening ${url.origin}`)
    try {
      handshaking()
      if (opening.era === 'jsonrpc') await this.#link.open()
      else await this.#shakeHands(opening)
      if (this.alive) this.#connected()
    } catch (error) {
      if (this.alive) this.#openFailed(error)
    }
  }

  async #shakeHands(opening: Exclude<Opening, { era: 'jsonrpc' }>): Promise<void> {
    const { onHandshake, kindAfter, foundLink } = this.#options
    const handshake = await shakeHands(opening, {
      ...this.#options,
      link: () => this.#link,
      relink: async (kind) => {
        await this.#link.close()
        if (!this.alive) throw closedBecause(this.connectionId, this.#closeReason)
        this.#link = this.#linkOf(kind)
        return this.#link
      },
      found: foundLink,
    })
    if (!this.alive) return
    this.handshake = handshake
    if (opening.era === 'unknown') this.kind = kindAfter(handshake)
    const { name, version } = handshake.serverInfo
    this.#diary.note(`ready: ${name} ${version}, MCP ${handshake.protocolVersion} (${handshake.era})`)
    onHandshake(handshake, this.kind)
    this.#link.established(handshake)
    this.#beVerbose(opening, handshake)
  }

  /** Log levels are each client session's own: what a shared session says is filtered for them. */
  #beVerbose(opening: Opening, { era, capabilities }: Handshake): void {
    if (era !== 'legacy' || capabilities.logging === undefined || (opening.era === 'legacy' && opening.own)) return
    this.background({ method: 'logging/setLevel', params: '{"level":"debug"}' }).catch(() => {
      // It ends; that is told elsewhere.
    })
  }

  #connected(): void {
    this.#connectTimer.cancel()
    this.#readyAt = this.#options.clock.now()
    this.#ready.resolve()
  }

  #openFailed(thrown: unknown): void {
    const error =
      thrown instanceof AppError ? thrown : new AppError('HANDSHAKE_FAILED', String(thrown), {}, { cause: thrown })
    if (error.code === 'UPSTREAM_UNAUTHORIZED' || error.code === 'UPSTREAM_FORBIDDEN') this.#refused(error)
    else this.#connectFailed(error)
  }

  #connectFailed({ code, message, data, cause }: AppError): void {
    const error = new AppError(code, message, { ...data, connectionId: this.connectionId }, { cause })
    this.#down({ reason: 'protocol-error', expected: false, error })
  }

  /** Another attempt, and another connection, would fare no better until somebody does something about it. */
  #refused(error: AppError): void {
    if (!this.alive) return
    // Not to a word of farewell either.
    this.#farewell.abort()
    this.#options.refused(error)
    this.#down({ reason: 'unhealthy', expected: true, final: true, error })
  }

  #down(cause: DownCause & { error: AppError }): void {
    if (!this.alive) return
    this.#cause = cause
    this.lastError = cause.error.message
    this.#connectTimer.cancel()
    this.#diary.note(`down: ${cause.error.message}`)
    this.#ready.reject(cause.error)
    this.#link.fail(cause.error)
    this.#options.session?.onEnded(cause.error)
    this.#onDown?.(cause)
  }

  async #close(): Promise<void> {
    this.#connectTimer.cancel()
    const error = this.#cause?.error ?? closedBecause(this.connectionId, this.#closeReason)
    this.#ready.reject(error)
    this.#link.channel.fail(error)
    if (!this.#cause) this.#options.session?.onEnded(error)
    // Who closes it says in this turn how much time there is.
    await Promise.resolve()
    if (!this.#farewell.signal.aborted) await this.#link.farewell(this.#farewell.signal)
    await this.#link.close()
    this.#diary.note('closed')
    this.#gone.resolve()
  }

  /** What a server that is away thinks of the session is seen when it is back, and not by a ping. */
  async #check(signal: AbortSignal): Promise<void> {
    try {
      await this.#ping(signal)
    } catch (error) {
      if (!this.away || !this.alive) throw error
    }
  }

  async #ping(signal: AbortSignal): Promise<void> {
    const { channel } = this.#link
    // Any answer is a sign of life, "method not found" too. The signal ends the wait.
    const call =
      this.handshake?.era === 'modern'
        ? { method: 'server/discover', params: `{"_meta":${modernMeta(this.#options.clientInfo)}}` }
        : { method: 'ping' }
    await channel.call({ ...call, responseTimeoutMs: Number.POSITIVE_INFINITY, signal, cancellable: false })
  }

  #strayMessage(text: string): void {
    if (text.trim() === '') return
    const masked = this.#options.mask(text.slice(0, 16_384))
    this.#diary.note(`[not a message] ${masked.slice(0, 500)}`)
    this.#options.onInvalidLine(masked.slice(0, 200))
  }
}
