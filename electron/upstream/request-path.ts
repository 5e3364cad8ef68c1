import type { Timeouts } from '../../shared/config.ts'
import { AppError, type ErrorCode, toErrorShape } from '../../shared/errors.ts'
import { fullJitterMs } from '../../shared/reconnect.ts'
import type { PoolSnapshot } from '../../shared/state.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { AcquireOptions, Lease } from '../pool/types.ts'
import type { Answer, Call } from './channel.ts'
import type { UpstreamConnection } from './connection-types.ts'
import { isToolError, toolName } from './envelope.ts'
import { kindOf } from './kinds.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { SingleShotDetector } from './single-shot.ts'
import type { RequestOutcome, UpstreamEvents, UpstreamReply, UpstreamRequest } from './types.ts'
import { isUnwritten } from './written.ts'

/** Running them twice changes nothing. */
const readOnlyMethods: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
])

const maxAttempts = 3

/** Between the attempts at a remote server that refused one. */
const retryBackoff = { baseMs: 200, capMs: 5_000, floorMs: 50 }

/** How long a connection that owes an answer is kept back for it, before it is closed. */
const lateAnswerGraceMs = 500

export interface RequestPathOptions {
  readonly upstream: string
  readonly clock: Clock
  readonly random: Random
  acquire(options: AcquireOptions): Promise<Lease<UpstreamConnection>>
  /** The kind of connections for a request without a profile. */
  defaultKind(): string
  pool(): PoolSnapshot
  timeouts(): Timeouts
  singleShot(): SingleShotDetector
  readonly retries: RetryBudget
  done(record: UpstreamEvents['request.done']): void
}

/** What has become known of one request, attempt by attempt. */
interface Progress {
  readonly startedAt: number
  readonly deadline: number
  readonly responseTimeoutMs: number
  readonly acquireDeadline: number
  queueMs: number
  callMs: number
  attempts: number
  coldStart: boolean
  connectionId: string | null
}

/** One request from the pool's queue to the server's answer, under one deadline. */
export class RequestPath {
  readonly #options: RequestPathOptions

  constructor(options: RequestPathOptions) {
    this.#options = options
  }

  /** @throws AppError; see {@link Upstream.request} */
  async send(request: UpstreamRequest): Promise<UpstreamReply> {
    this.#options.retries.request()
    const progress = this.#start(request)
    try {
      const reply = await this.#attempts(request, progress)
      this.#done(request, progress, outcomeOf(request.method, reply), null)
      return reply
    } catch (thrown) {
      const error = this.#explained(thrown, progress)
      this.#done(request, progress, outcomeOfError[error.code] ?? 'unavailable', error)
      throw error
    }
  }

  /** On a connection that is the caller's own: one attempt, nothing to wait for. @throws AppError */
  async sendOn(request: UpstreamRequest, connection: UpstreamConnection): Promise<UpstreamReply> {
    const progress = this.#start(request)
    progress.attempts = 1
    progress.connectionId = connection.connectionId
    try {
      const answer = await connection.call(this.#call(request, progress))
      progress.callMs = this.#options.clock.now() - progress.startedAt
      const reply = this.#reply(answer, connection, progress)
      this.#done(request, progress, outcomeOf(request.method, reply), null)
      return reply
    } catch (thrown) {
      const error = this.#explained(thrown, progress)
      this.#done(request, progress, outcomeOfError[error.code] ?? 'unavailable', error)
      throw error
    }
  }

  #call(request: UpstreamRequest, { responseTimeoutMs, deadline }: Progress): Call {
    const { method, params, signal, onNotification, onServerRequest, subscriptionId } = request
    // It is answered when the subscription ends.
    const endless = method === 'subscriptions/listen'
    return {
      method,
      params,
      responseTimeoutMs: endless ? Number.POSITIVE_INFINITY : responseTimeoutMs,
      deadline: endless ? undefined : deadline,
      background: endless,
      signal,
      onNotification,
      onServerRequest,
      subscriptionId,
    }
  }

  #start(request: UpstreamRequest): Progress {
    const { clock } = this.#options
    const own = this.#options.timeouts()
    const startedAt = clock.now()
    const deadline = startedAt + lower(own.requestTimeoutMs, request.timeouts?.requestTimeoutMs)
    return {
      startedAt,
      deadline,
      responseTimeoutMs: lower(own.responseTimeoutMs, request.timeouts?.responseTimeoutMs),
      acquireDeadline: Math.min(deadline, this.#connectDeadline(startedAt, request.timeouts?.connectTimeoutMs)),
      queueMs: 0,
      callMs: 0,
      attempts: 0,
      coldStart: false,
      connectionId: null,
    }
  }

  /** A connection's own connect timeout is everybody's; a caller lowers how long it waits where all that it can wait for is a connect. */
  #connectDeadline(now: number, connectTimeoutMs: number | undefined): number {
    if (connectTimeoutMs === undefined) return Number.POSITIVE_INFINITY
    const { idle, leased, returning } = this.#options.pool()
    return idle + leased + returning > 0 ? Number.POSITIVE_INFINITY : now + connectTimeoutMs
  }

  async #attempts(request: UpstreamRequest, progress: Progress): Promise<UpstreamReply> {
    for (;;) {
      progress.attempts++
      const lease = await this.#acquire(request, progress)
      const connection = lease.resource
      const calledAt = this.#options.clock.now()
      let answering: Promise<Answer> | undefined
      try {
        answering = connection.call(this.#call(request, progress))
        const answer = await answering
        progress.callMs += this.#options.clock.now() - calledAt
        this.#giveBack(lease, connection)
        return this.#reply(answer, connection, progress)
      } catch (error) {
        const written = answering !== undefined && !isUnwritten(error)
        if (answering) progress.callMs += this.#options.clock.now() - calledAt
        this.#giveUp(lease, connection, answering !== undefined, error)
        if (!this.#mayRetry(request, progress, written, error)) throw error
        await this.#pause(request, progress, error)
      }
    }
  }

  async #acquire(request: UpstreamRequest, progress: Progress): Promise<Lease<UpstreamConnection>> {
    const { clock } = this.#options
    const askedAt = clock.now()
    try {
      const lease = await this.#options.acquire({
        signal: request.signal,
        deadline: progress.acquireDeadline,
        prefer: request.prefer,
        kind: request.profile ? kindOf(request.profile) : this.#options.defaultKind(),
        only: request.only,
      })
      progress.coldStart ||= lease.opened
      progress.connectionId = lease.connectionId
      return lease
    } catch (error) {
      throw progress.acquireDeadline < progress.deadline ? connectTimeout(error) : error
    } finally {
      progress.queueMs += clock.now() - askedAt
    }
  }

  #reply(answer: Answer, connection: UpstreamConnection, progress: Progress): UpstreamReply {
    const { queueMs, coldStart, callMs, attempts } = progress
    return {
      kind: answer.kind,
      text: answer.text,
      connectionId: connection.connectionId,
      pid: connection.pid,
      timing: { queueMs, coldStart, callMs, attempts },
    }
  }

  #giveBack(lease: Lease<UpstreamConnection>, connection: UpstreamConnection): void {
    const probation = this.#options.singleShot().probation(connection)
    if (probation) void probation.then(() => lease.release())
    else lease.release()
  }

  /** A connection that owes an answer, or takes no requests, is given to nobody. */
  #giveUp(lease: Lease<UpstreamConnection>, connection: UpstreamConnection, written: boolean, error: unknown): void {
    if (!written && !isAborted(error) && connection.alive) lease.release({ reason: 'write-failed', manner: 'abrupt' })
    else if (connection.owesAnswer && connection.alive) {
      void connection
        .cleared(lateAnswerGraceMs)
        .then((clear) => lease.release(clear ? undefined : { reason: 'unhealthy', manner: 'abrupt' }))
    } else lease.release()
  }

  #mayRetry(request: UpstreamRequest, progress: Progress, written: boolean, error: unknown): boolean {
    if (isAborted(error) || request.signal?.aborted || request.only !== undefined) return false
    if (written && !(isTransient(error) && readOnlyMethods.has(request.method))) return false
    if (progress.attempts >= maxAttempts) return false
    if (this.#options.clock.now() + serversPause(error) >= progress.deadline) return false
    return this.#options.retries.take()
  }

  /** Another process is there at once. A remote server that is down, or busy, is given a moment. */
  async #pause(request: UpstreamRequest, progress: Progress, error: unknown): Promise<void> {
    if (!isRemote(error)) return
    const { clock, random } = this.#options
    const askedMs = serversPause(error)
    const ms = askedMs + fullJitterMs(retryBackoff, progress.attempts - 1, random)
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.cancel()
        request.signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = clock.after(Math.max(0, Math.min(ms, progress.deadline - clock.now())), done)
      request.signal?.addEventListener('abort', done, { once: true })
    })
  }

  /** Every failure says how full the pool was. */
  #explained(thrown: unknown, progress: Progress): AppError {
    const { code, message, data } = toErrorShape(thrown)
    const { max, idle, leased, spawning, waiting } = this.#options.pool()
    return new AppError(
      code,
      message,
      {
        upstream: this.#options.upstream,
        ...data,
        attempts: progress.attempts,
        pool: data?.pool ?? { max, total: idle + leased + spawning, active: leased, idle, spawning, waiting },
      },
      { cause: thrown instanceof AppError ? thrown.cause : thrown },
    )
  }

  #done(request: UpstreamRequest, progress: Progress, outcome: RequestOutcome, error: AppError | null): void {
    this.#options.done({
      method: request.method,
      tool: request.method === 'tools/call' ? toolName(request.params) : null,
      outcome,
      error: error?.toShape() ?? null,
      totalMs: this.#options.clock.now() - progress.startedAt,
      queueMs: progress.queueMs,
      callMs: progress.callMs,
      connectionId: progress.connectionId,
    })
  }
}

const lower = (own: number, asked: number | undefined): number => (asked === undefined ? own : Math.min(own, asked))

/** The deadline that the pool was given was the caller's own connect timeout. */
function connectTimeout(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'DEADLINE_EXCEEDED') return error
  return new AppError('CONNECT_TIMEOUT', error.message, error.data, { cause: error.cause })
}

const isRemote = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'CONNECT_FAILED' || error.code === 'HTTP_STATUS')

/** It may go well the next time. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  if (error.code !== 'HTTP_STATUS') return error.code === 'CONNECTION_LOST' || error.code === 'CONNECT_FAILED'
  const { status } = error.data ?? {}
  return typeof status === 'number' && (status >= 500 || status === 408 || status === 425 || status === 429)
}

/** How long the server asks to be left alone (`Retry-After`), in milliseconds. */
function serversPause(error: unknown): number {
  const asked = error instanceof AppError ? error.data?.retryAfterMs : undefined
  return isRemote(error) && typeof asked === 'number' ? asked : 0
}

const isAborted = (error: unknown): boolean => error instanceof AppError && error.code === 'ABORTED'

function outcomeOf(method: string, reply: UpstreamReply): RequestOutcome {
  if (reply.kind === 'error') return 'protocol_error'
  return method === 'tools/call' && isToolError(reply.text) ? 'tool_error' : 'ok'
}

const outcomeOfError: Partial<Record<ErrorCode, RequestOutcome>> = {
  ABORTED: 'cancelled',
  ACQUIRE_TIMEOUT: 'timeout',
  CONNECT_TIMEOUT: 'timeout',
  RESPONSE_TIMEOUT: 'timeout',
  DEADLINE_EXCEEDED: 'timeout',
  CONNECTION_LOST: 'lost',
  HTTP_STATUS: 'unavailable',
  LEASE_EXPIRED: 'lost',
  LINE_TOO_LONG: 'lost',
  STDIN_OVERFLOW: 'lost',
}
