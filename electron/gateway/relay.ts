import type { Timeouts } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { Emitter } from '../kit/emitter.ts'
import type { Logger } from '../kit/logger.ts'
import { isToolError } from '../upstream/envelope.ts'
import type {
  JsonText,
  ProcessProfile,
  RequestOutcome,
  ServerNotification,
  ServerRequest,
  UpstreamReply,
} from '../upstream/types.ts'
import { Affinity, isList } from './affinity.ts'
import type { Backend, BackendRequest, ClientContext } from './backend.ts'
import { errorCode } from './bridge/replies.ts'
import { toolOf } from './call.ts'
import type { ClientRequest } from './message.ts'
import { errorText, outcomeOf, type RpcError, replyText, resultText, toRpcError } from './rpc.ts'
import type { GatewayEvents } from './types.ts'

export interface RelayOptions {
  signal?: AbortSignal | undefined
  prefer?: string | undefined
  only?: string | undefined
  profile?: ProcessProfile | undefined
  timeouts?: Partial<Timeouts> | undefined
  client: ClientContext
  onNotification?: ((notification: ServerNotification) => void) | undefined
  onServerRequest?: ((request: ServerRequest) => void) | undefined
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
  readonly #affinity: Affinity
  #inFlight = 0

  constructor(events: Emitter<GatewayEvents>, clock: Clock, logger: Logger) {
    this.#events = events
    this.#clock = clock
    this.#logger = logger
    this.#affinity = new Affinity(clock)
  }

  /** Requests that wait for an upstream. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Settles with an answer whatever happens. Telemetry hears of it once the answer is written. */
  async relay(backend: Backend, request: ClientRequest, options: RelayOptions): Promise<void> {
    const started = this.#clock.now()
    this.#inFlight++
    this.#events.emit('changed', undefined)
    let reply: UpstreamReply | undefined
    let failure: { error: RpcError; verdict: Verdict } | undefined
    try {
      refuseStopped(backend)
      const place = this.#affinity.placeOf(backend.name, request)
      const sent: BackendRequest = {
        method: request.method,
        params: request.params,
        signal: options.signal,
        prefer: options.prefer,
        only: place ?? options.only,
        profile: options.profile,
        timeouts: options.timeouts,
        client: options.client,
        onNotification: options.onNotification,
        onServerRequest: options.onServerRequest,
      }
      reply = await (place === undefined ? backend.request(sent) : this.#follow(backend, request, sent))
      this.#affinity.note(backend.name, request, reply)
    } catch (caught) {
      // Whoever aborted it knows better why than what was aborted.
      const why: unknown = options.signal?.reason
      const thrown = why instanceof AppError && isAborted(caught) ? why : caught
      const error = this.toRpcError(thrown)
      failure = { error, verdict: { outcome: outcomeOf(thrown), errorType: String(error.code) } }
    }
    this.#inFlight--
    if (reply) options.settle(replyText(request.id, reply), reply)
    else if (failure) options.settle(errorText(request.id, failure.error))
    const verdict = failure?.verdict ?? verdictOf(request.method, reply)
    this.#done(backend.name, request, verdict, started, options.protocolVersion, reply)
    this.#events.emit('changed', undefined)
  }

  /** For what only one process understands. A cursor of one that is gone may be understood by another. */
  async #follow(backend: Backend, request: ClientRequest, sent: BackendRequest): Promise<UpstreamReply> {
    try {
      return await backend.request(sent)
    } catch (error) {
      const lost = error instanceof AppError && error.code === 'CONNECTION_LOST'
      if (!lost || !isList(request.method)) throw error
      this.#affinity.forget(backend.name, request)
      return backend.request({ ...sent, only: undefined })
    }
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
    reply: UpstreamReply | null = null,
  ): void {
    this.#events.emit('request.done', {
      upstream,
      method: request.method,
      tool: toolOf(request),
      outcome,
      errorType,
      durationMs: this.#clock.now() - started,
      protocolVersion,
      request,
      reply,
    })
  }
}

const isAborted = (thrown: unknown): boolean => thrown instanceof AppError && thrown.code === 'ABORTED'

/** @throws AppError when the upstream is switched off: its own refusal could only speak of a closed pool */
export function refuseStopped({ name, config }: Pick<Backend, 'name' | 'config'>): void {
  if (!config.enabled)
    throw new AppError(
      'POOL_CLOSED',
      `The upstream "${name}" is stopped. Start it in the window or with upstream.start.`,
    )
}

function verdictOf(method: string, reply: UpstreamReply | undefined): Verdict {
  if (reply?.kind === 'error') {
    return { outcome: 'protocol_error', errorType: String(errorCode(reply.text) ?? 'unknown') }
  }
  const failed = method === 'tools/call' && reply !== undefined && isToolError(reply.text)
  return failed ? { outcome: 'tool_error', errorType: 'tool_error' } : well
}
