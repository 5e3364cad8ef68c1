import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { Emitter } from '../kit/emitter.ts'
import type { Logger } from '../kit/logger.ts'
import { isToolError, scanObject, sliceOf } from '../upstream/envelope.ts'
import type { JsonText, RequestOutcome, ServerNotification, Upstream, UpstreamReply } from '../upstream/types.ts'
import { toolOf } from './call.ts'
import type { ClientRequest } from './message.ts'
import { errorText, outcomeOf, type RpcError, replyText, resultText, toRpcError } from './rpc.ts'
import type { GatewayEvents } from './types.ts'

export interface RelayOptions {
  signal?: AbortSignal | undefined
  prefer?: string | undefined
  onNotification?: ((notification: ServerNotification) => void) | undefined
  protocolVersion: string | null
  /** The server's own answer came; not called for a failure of ours. */
  onReply?: ((reply: UpstreamReply) => void) | undefined
}

/** Sends requests to upstreams, makes every failure an answer, and reports how each one went. */
export class Relay {
  readonly #events: Emitter<GatewayEvents>
  readonly #clock: Clock
  readonly #logger: Logger
  #inFlight = 0

  constructor(events: Emitter<GatewayEvents>, clock: Clock, logger: Logger) {
    this.#events = events
    this.#clock = clock
    this.#logger = logger
  }

  /** Requests that wait for an upstream. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** @returns the answer under the client's id; never rejects */
  async relay(upstream: Upstream, request: ClientRequest, options: RelayOptions): Promise<JsonText> {
    const started = this.#clock.now()
    this.#inFlight++
    this.#events.emit('changed', undefined)
    try {
      refuseStopped(upstream)
      const reply = await upstream.request({
        method: request.method,
        params: request.params,
        signal: options.signal,
        prefer: options.prefer,
        onNotification: options.onNotification,
      })
      options.onReply?.(reply)
      const { outcome, errorType } = verdict(request.method, reply)
      this.#done(upstream.name, request, outcome, errorType, started, options.protocolVersion)
      return replyText(request.id, reply)
    } catch (thrown) {
      const error = this.toRpcError(thrown)
      this.#done(upstream.name, request, outcomeOf(thrown), String(error.code), started, options.protocolVersion)
      return errorText(request.id, error)
    } finally {
      this.#inFlight--
      this.#events.emit('changed', undefined)
    }
  }

  /** An answer that the gateway gives by itself. */
  answer(
    upstream: string,
    request: ClientRequest,
    answer: { result: JsonText } | { error: RpcError; outcome?: RequestOutcome },
    protocolVersion: string | null,
    started = this.#clock.now(),
  ): JsonText {
    if ('result' in answer) {
      this.#done(upstream, request, 'ok', null, started, protocolVersion)
      return resultText(request.id, answer.result)
    }
    const { error, outcome } = answer
    this.#done(upstream, request, outcome ?? 'protocol_error', String(error.code), started, protocolVersion)
    return errorText(request.id, error)
  }

  /** As an answer; what is no AppError is a bug of ours, and logged. */
  toRpcError(thrown: unknown): RpcError {
    if (!(thrown instanceof AppError))
      this.#logger.log('error', 'A request failed unexpectedly', {
        error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      })
    return toRpcError(thrown)
  }

  #done(
    upstream: string,
    request: ClientRequest,
    outcome: RequestOutcome,
    errorType: string | null,
    started: number,
    protocolVersion: string | null,
  ): void {
    this.#events.emit('request.done', {
      upstream,
      method: request.method,
      tool: toolOf(request),
      outcome,
      errorType,
      durationMs: this.#clock.now() - started,
      protocolVersion,
    })
  }
}

/** @throws AppError when the upstream is switched off: its own refusal could only speak of a closed pool */
export function refuseStopped(upstream: Upstream): void {
  if (!upstream.config.enabled)
    throw new AppError(
      'POOL_CLOSED',
      `The upstream "${upstream.name}" is stopped. Start it in the window or with upstream.start.`,
    )
}

function verdict(method: string, reply: UpstreamReply): { outcome: RequestOutcome; errorType: string | null } {
  if (reply.kind === 'error') {
    const span = scanObject(reply.text, ['code'])?.[0]
    const code = span ? sliceOf(reply.text, span) : ''
    return { outcome: 'protocol_error', errorType: /^-?\d{1,10}$/.test(code) ? code : 'unknown' }
  }
  const failed = method === 'tools/call' && isToolError(reply.text)
  return failed ? { outcome: 'tool_error', errorType: 'tool_error' } : { outcome: 'ok', errorType: null }
}
