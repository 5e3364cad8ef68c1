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
  /** Takes the answer, under the client's id; called once. `reply` is what the server said, absent for a failure of ours. */
  settle(answer: JsonText, reply?: UpstreamReply): void
}

/** How a request went, as telemetry counts it. */
interface Verdict {
  outcome: RequestOutcome
  errorType: string | null
}

const well: Verdict = { outcome: 'ok', errorType: null }

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

  /** Settles with an answer whatever happens. Telemetry hears of it once the answer is written. */
  async relay(upstream: Upstream, request: ClientRequest, options: RelayOptions): Promise<void> {
    const started = this.#clock.now()
    this.#inFlight++
    this.#events.emit('changed', undefined)
    let reply: UpstreamReply | undefined
    let failure: { error: RpcError; verdict: Verdict } | undefined
    try {
      refuseStopped(upstream)
      reply = await upstream.request({
        method: request.method,
        params: request.params,
        signal: options.signal,
        prefer: options.prefer,
        onNotification: options.onNotification,
      })
    } catch (thrown) {
      const error = this.toRpcError(thrown)
      failure = { error, verdict: { outcome: outcomeOf(thrown), errorType: String(error.code) } }
    }
    this.#inFlight--
    if (reply) options.settle(replyText(request.id, reply), reply)
    else if (failure) options.settle(errorText(request.id, failure.error))
    const verdict = failure?.verdict ?? verdictOf(request.method, reply)
    this.#done(upstream.name, request, verdict, started, options.protocolVersion)
    this.#events.emit('changed', undefined)
  }

  /** The answer to a request that the gateway answers by itself. */
  answer(
    upstream: string,
    request: ClientRequest,
    answer: { result: JsonText } | { error: RpcError; outcome?: RequestOutcome },
    protocolVersion: string | null,
    started = this.#clock.now(),
  ): JsonText {
    if ('result' in answer) {
      this.#done(upstream, request, well, started, protocolVersion)
      return resultText(request.id, answer.result)
    }
    const { error, outcome = 'protocol_error' } = answer
    this.#done(upstream, request, { outcome, errorType: String(error.code) }, started, protocolVersion)
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
    { outcome, errorType }: Verdict,
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

function verdictOf(method: string, reply: UpstreamReply | undefined): Verdict {
  if (reply?.kind === 'error') {
    const span = scanObject(reply.text, ['code'])?.[0]
    const code = span ? sliceOf(reply.text, span) : ''
    return { outcome: 'protocol_error', errorType: /^-?\d{1,10}$/.test(code) ? code : 'unknown' }
  }
  const failed = method === 'tools/call' && reply !== undefined && isToolError(reply.text)
  return failed ? { outcome: 'tool_error', errorType: 'tool_error' } : well
}
