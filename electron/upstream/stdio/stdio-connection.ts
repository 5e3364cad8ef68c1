import { AppError, type ErrorCode } from '../../../shared/errors.ts'
import type { CloseReason } from '../../../shared/state.ts'
import type { Clock, Timer } from '../../kit/clock.ts'
import { deferred } from '../../kit/deferred.ts'
import type { CloseManner, DownCause } from '../../pool/types.ts'
import type { ChildTree, ProcessSpec } from '../../process/types.ts'
import { type Answer, type Call, Channel } from '../channel.ts'
import type {
  ConnectionEnd,
  ConnectionLogSnapshot,
  ConnectionOptions,
  UpstreamConnection,
} from '../connection-types.ts'
import type { ClientInfo } from '../handshake.ts'
import { negotiate, type Opening, ProbeUnanswered } from '../negotiation.ts'
import { modernMeta } from '../revisions.ts'
import type { Handshake, JsonText } from '../types.ts'
import {
  connectFailed,
  connectionClosed,
  connectionLost,
  connectTimedOut,
  describeExit,
  handshakeFailed,
  lineTooLong,
  processFacts,
} from './failures.ts'
import { ProcessLog } from './process-log.ts'

/**
 * After the end of stdout or a failed write the exit follows within moments, unless the process lives on. Its code and the
 * answers that may still be in the pipe are worth this wait; nobody is given the connection meanwhile.
 */
const lastWordsMs = 250

/** An exit this soon after the answer belongs to it: a single-shot program. */
const exitAfterAnswerMs = 1_000

/** A server that is silent when it is asked what it speaks gets no more than this; slow launchers have longer connect timeouts. */
const longestProbeMs = 30_000
const probeShare = 2 / 3

type Sign = Extract<DownCause['reason'], 'exited' | 'write-failed'>

export interface StdioConnectionOptions extends ConnectionOptions {
  readonly tree: ChildTree
  readonly spec: ProcessSpec
  readonly clientInfo: ClientInfo
  readonly clock: Clock
}

/** One process of a stdio server: handshake, requests, and the end. */
export class StdioConnection implements UpstreamConnection {
  readonly connectionId: string
  readonly ready: Promise<void>
  readonly ping?: (signal: AbortSignal) => Promise<void>
  /** Requests answered, by either kind of answer. */
  served = 0
  /** Requests that got no answer, or an error as answer. */
  errors = 0
  lastError: string | undefined
  /** Once it is done; never with plain JSON-RPC. */
  handshake: Handshake | undefined
  /** What the pool counts it as. */
  kind: string | undefined
  readonly #options: StdioConnectionOptions
  readonly #tree: ChildTree
  readonly #channel: Channel
  readonly #ready = deferred<void>()
  readonly #log: ProcessLog
  readonly #gone: Promise<void>
  readonly #connectTimer: Timer
  #lastWordsTimer: Timer | undefined
  #onDown: ((cause: DownCause) => void) | undefined
  #cause: DownCause | undefined
  #sign: Sign | undefined
  #exitFollowedAnswer = false
  #closeReason: CloseReason | undefined
  #closing = false
  #lastAnswerAt = Number.NEGATIVE_INFINITY
  #inFlight = 0
  #probing = false

  constructor(options: StdioConnectionOptions) {
    this.#options = options
    this.connectionId = options.connectionId
    this.ready = this.#ready.promise
    // Told by onDown too; a pool that looks away must not turn it into an unhandled rejection.
    this.ready.catch(() => {})
    const { tree, clock, connectionId, session } = options
    this.#tree = tree
    this.kind = options.kind
    this.#log = new ProcessLog(tree.stderr, () => clock.wall())
    this.#channel = new Channel({
      clock,
      write: (line) => tree.write(line),
      mcp: options.opening.era !== 'jsonrpc',
      exclusive: options.exclusive,
      describe: () => processFacts(tree, connectionId),
      ...(session
        ? {
            onNotification: (notification) => session.onNotification(notification),
            onServerRequest: (request) => session.onServerRequest(request),
          }
        : { onNotification: options.onNotification, onChange: options.onChange }),
      onInvalid: (line) => this.#strayLine(line),
      onListenerError: options.onListenerError,
    })
    if (options.opening.era !== 'jsonrpc') this.ping = (signal) => this.#ping(signal)
    tree.onLine = (line) => this.#channel.receive(line)
    tree.onLineTooLong = (bytes, head, tail) =>
      this.#channel.skippedLine(lineTooLong(tree, connectionId, bytes), head, tail)
    tree.onStdoutEnd = () => this.#ending('exited')
    tree.onWriteFailed = (error) => this.#ending('write-failed', error)
    this.#gone = tree.exited.then(() => {})
    void this.#gone.then(() => this.#ending('exited'))
    this.#connectTimer = clock.after(options.connectTimeoutMs, () =>
      this.#connectFailed(connectTimedOut(tree, connectionId, options.connectTimeoutMs)),
    )
    // What never ran has no pid; its `exited` says why.
    if (tree.pid === undefined) return
    const { opening } = options
    if (opening.era === 'jsonrpc') this.#connected()
    else queueMicrotask(() => void this.#shakeHands(opening))
  }

  get alive(): boolean {
    return this.#sign === undefined && this.#cause === undefined && !this.#closing
  }

  get pid(): number | null {
    return this.#tree.pid ?? null
  }

  get spawnBlockedMs(): number {
    return this.#tree.spawnBlockedMs
  }

  get logBytes(): number {
    const { bytes, droppedBytes } = this.#tree.stderr
    return bytes + droppedBytes
  }

  get gone(): Promise<void> {
    return this.#gone
  }

  get end(): ConnectionEnd {
    const { exit, forced } = this.#tree
    return { exitCode: exit?.code ?? null, signal: exit?.signal ?? null, forced }
  }

  /** Whether it speaks MCP with whoever asks: not one of a client's own session. */
  get isShared(): boolean {
    return this.handshake !== undefined && this.#options.session === undefined
  }

  /** Requests under way, the handshake and pings apart. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Whether it still owes the answer to an abandoned request: not to be given to anyone. */
  get owesAnswer(): boolean {
    return this.#channel.owesAnswer
  }

  /** Whether it ended by itself with code 0 right after its one and only answer. */
  get endedAfterOneAnswer(): boolean {
    return this.#tree.exit?.code === 0 && this.served === 1 && this.#exitFollowedAnswer
  }

  onDown(listener: (cause: DownCause) => void): void {
    this.#onDown = listener
  }

  /**
   * Sends one request. Not `async`, because when it throws is what it tells.
   * @returns the server's answer; rejects with RESPONSE_TIMEOUT, DEADLINE_EXCEEDED, ABORTED, CONNECTION_LOST, LINE_TOO_LONG
   * @throws AppError synchronously when nothing was written: nothing reached the server
   */
  call(call: Call): Promise<Answer> {
    if (!this.alive) throw connectionLost(this.#tree, this.connectionId)
    const answer = this.#channel.call(call)
    this.#inFlight++
    return answer.then(this.#answered, this.#unanswered)
  }

  /** Waits a moment for the answers of abandoned requests. @returns whether it may be used again */
  async cleared(graceMs: number): Promise<boolean> {
    return (await this.#channel.cleared(graceMs)) && this.alive
  }

  /** Told by the pool's event right before it closes this: a request under way fails with the reason. */
  closingFor(reason: CloseReason): void {
    this.#closeReason = reason
  }

  close(manner: CloseManner): Promise<'gone' | 'survived'> {
    if (!this.#closing) {
      this.#closing = true
      this.#connectTimer.cancel()
      this.#lastWordsTimer?.cancel()
      const error = this.#sign
        ? connectionLost(this.#tree, this.connectionId)
        : connectionClosed(this.#tree, this.connectionId, this.#closeReason)
      this.#ready.reject(error)
      this.#channel.fail(error)
      if (!this.#cause) this.#options.session?.onEnded(error)
    }
    return this.#tree.terminate(manner)
  }

  log(): ConnectionLogSnapshot {
    return this.#log.snapshot()
  }

  /** A pipe is never opened again. */
  streams(): [] {
    return []
  }

  reconnect(): number {
    return 0
  }

  readonly #answered = (answer: Answer): Answer => {
    this.#inFlight--
    this.served++
    this.#lastAnswerAt = this.#options.clock.now()
    if (answer.kind === 'error') this.errors++
    return answer
  }

  readonly #unanswered = (error: unknown): never => {
    this.#inFlight--
    this.errors++
    if (error instanceof AppError) this.lastError = error.message
    throw error
  }

  /** Sends a request that holds nothing: see {@link Call.background}. @throws AppError when nothing was written */
  background(call: Omit<Call, 'background' | 'responseTimeoutMs'>): Promise<Answer> {
    if (!this.alive) throw connectionLost(this.#tree, this.connectionId)
    return this.#channel.call({ ...call, background: true, responseTimeoutMs: Number.POSITIVE_INFINITY })
  }

  /** Sends a notification. @throws AppError when nothing was written */
  notify(method: string, params?: JsonText): void {
    if (!this.alive) throw connectionLost(this.#tree, this.connectionId)
    this.#channel.notify(method, params)
  }

  async #shakeHands(opening: Exclude<Opening, { era: 'jsonrpc' }>): Promise<void> {
    if (!this.alive) return
    const { clientInfo, connectTimeoutMs, verdict, learn, handshaking, onHandshake, kindAfter } = this.#options
    handshaking()
    this.#probing = opening.era === 'unknown'
    try {
      const handshake = await negotiate(opening, {
        channel: this.#channel,
        clientInfo,
        probeTimeoutMs: Math.min(longestProbeMs, connectTimeoutMs * probeShare),
        verdict,
        learn: (found) => {
          this.#probing = false
          learn(found)
        },
      })
      this.handshake = handshake
      if (opening.era === 'unknown') this.kind = kindAfter(handshake)
      onHandshake(handshake, this.kind)
      this.#beVerbose(opening, handshake)
      this.#connected()
    } catch (error) {
      if (!this.alive) return
      if (error instanceof ProbeUnanswered) this.#probeFailed(error)
      // The process is ending: a moment later it is known how.
      else if (isAppError(error, 'CONNECTION_LOST')) this.#ending('write-failed', error)
      else this.#connectFailed(handshakeFailed(this.#tree, this.connectionId, error))
    }
  }

  /** Log levels are each client session's own: what a shared process says is filtered for them. */
  #beVerbose(opening: Opening, { era, capabilities }: Handshake): void {
    if (era !== 'legacy' || capabilities.logging === undefined || (opening.era === 'legacy' && opening.own)) return
    this.background({ method: 'logging/setLevel', params: '{"level":"debug"}' }).catch(() => {
      // It ends; that is told elsewhere.
    })
  }

  /** No failure of the server: the next process of it is not asked. */
  #probeFailed(error: AppError): void {
    this.#probing = false
    this.#connectTimer.cancel()
    this.#options.learn({ modern: false })
    this.#ready.reject(error)
    this.#down({ reason: 'protocol-error', expected: true, error })
  }

  #connected(): void {
    this.#connectTimer.cancel()
    this.#ready.resolve()
  }

  #connectFailed(error: AppError): void {
    this.#connectTimer.cancel()
    this.lastError = error.message
    this.#ready.reject(error)
    this.#down({ reason: 'protocol-error', expected: false, error })
  }

  /** The first sign of the end: nobody may be given this any more; a moment later the facts are complete. */
  #ending(sign: Sign, cause?: Error): void {
    if (this.#closing || this.#cause) return
    if (!this.#sign) {
      this.#sign = sign
      this.#exitFollowedAnswer = this.#options.clock.now() - this.#lastAnswerAt <= exitAfterAnswerMs
      this.#lastWordsTimer = this.#options.clock.after(lastWordsMs, () => this.#ended(cause))
    }
    // The exit is told after the last output has been read.
    if (this.#tree.exit) this.#ended(cause)
  }

  #ended(cause: Error | undefined): void {
    this.#lastWordsTimer?.cancel()
    this.#connectTimer.cancel()
    const connecting = !this.#ready.settled
    if (connecting && this.#probing) {
      this.#probeFailed(new ProbeUnanswered(connectFailed(this.#tree, this.connectionId, this.#options.spec)))
      return
    }
    const error = connecting
      ? connectFailed(this.#tree, this.connectionId, this.#options.spec)
      : connectionLost(this.#tree, this.connectionId, this.#whatEnded(cause), cause)
    const singleUse = !connecting && this.endedAfterOneAnswer && this.#channel.inFlight === 0
    if (!singleUse) this.lastError = error.message
    this.#ready.reject(error)
    this.#down(
      singleUse
        ? { reason: 'single-use', expected: true, error }
        : { reason: this.#sign ?? 'exited', expected: false, error },
    )
  }

  #whatEnded(cause: Error | undefined): string {
    const { exit } = this.#tree
    if (exit || !cause) return describeExit(exit)
    return `does not take requests any more (${cause.message})`
  }

  #down(cause: DownCause & { error: AppError }): void {
    if (this.#cause || this.#closing) return
    this.#cause = cause
    this.#channel.fail(cause.error)
    this.#options.session?.onEnded(cause.error)
    this.#onDown?.(cause)
  }

  async #ping(signal: AbortSignal): Promise<void> {
    // Any answer is a sign of life, "method not found" too. The signal ends the wait.
    if (this.handshake?.era === 'modern') {
      await this.#channel.call({
        method: 'server/discover',
        params: `{"_meta":${modernMeta(this.#options.clientInfo)}}`,
        responseTimeoutMs: Number.POSITIVE_INFINITY,
        signal,
        cancellable: false,
      })
      return
    }
    await this.#channel.call({
      method: 'ping',
      responseTimeoutMs: Number.POSITIVE_INFINITY,
      signal,
      cancellable: false,
    })
  }

  #strayLine(line: string): void {
    if (line.trim() === '') return
    this.#log.addStray(line)
    this.#options.onInvalidLine(line.slice(0, 200))
  }
}

const isAppError = (error: unknown, code: ErrorCode): error is AppError =>
  error instanceof AppError && error.code === code
