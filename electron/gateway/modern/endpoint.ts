import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import type { JsonText, UpstreamReply, Wait } from '../../upstream/types.ts'
import { type Backend, type ClientContext, modernProfile } from '../backend.ts'
import { errorCode } from '../bridge/replies.ts'
import { type Call, principalOf } from '../call.ts'
import { remaining } from '../checks/timeouts.ts'
import { Exchange } from '../exchange.ts'
import { sendEmpty } from '../http/respond.ts'
import type { SseConnections } from '../http/sse.ts'
import { memberOf } from '../json/members.ts'
import type { LogLevel } from '../log-level.ts'
import type { ClientMessage, ClientRequest } from '../message.ts'
import { type Relay, refuseStopped } from '../relay.ts'
import { outcomeOf, type Refuse, rpcCodes } from '../rpc.ts'
import type { Refusal } from './classify.ts'
import { type Envelope, metaKeys } from './envelope.ts'
import type { Listeners } from './listen.ts'
import type { ToolHeaders } from './tool-headers.ts'

export interface ModernEndpointDeps {
  relay: Relay
  streams: SseConnections
  listeners: Listeners
  toolHeaders: ToolHeaders
  clock: Clock
  refuse: Refuse
}

/** Methods of the legacy era, which no server of the modern one may be bothered with. */
const legacyOnly = new Set(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'])

/** Streamable HTTP for clients of the modern era: no sessions, each POST for itself. */
export class ModernEndpoint {
  readonly #deps: ModernEndpointDeps

  constructor(deps: ModernEndpointDeps) {
    this.#deps = deps
  }

  /** @param envelope of a request; its headers are checked already */
  async post(call: Call, message: ClientMessage, envelope: Envelope | undefined): Promise<void> {
    // Notifications of clients concern requests under way, and those are cancelled by closing their responses.
    if (message.kind !== 'request' || !envelope) sendEmpty(call.response, 202)
    else await this.#request(call, message, new ModernClient(call, message, envelope))
  }

  refuse(call: Call, { status, code, message, data }: Refusal, id: JsonText | null): void {
    this.#deps.refuse(call.response, status, code, message, id, { data })
  }

  async #request(call: Call, request: ClientRequest, client: ClientContext): Promise<void> {
    const { relay, clock, streams, listeners } = this.#deps
    const { response, accepts, target, timeouts } = call
    const started = clock.now()
    const exchange = new Exchange({ response, accepts, streams, expected: 1, batch: false, timeouts })
    const answer = (own: { result: JsonText } | { error: { code: number; message: string } }) =>
      exchange.settle(
        relay.answer(target.name, request, own, client.protocolVersion, started),
        'error' in own ? statusOf(own.error.code) : 200,
      )
    if (legacyOnly.has(request.method)) {
      answer({ error: { code: rpcCodes.methodNotFound, message: `Method not found: ${request.method}` } })
      return
    }
    const left = () => remaining(timeouts, clock.now() - started)
    const gone = new AbortController()
    const onClose = () => gone.abort()
    response.once('close', onClose)
    try {
      refuseStopped(target)
      const backend = await target.modern({ signal: gone.signal, timeouts })
      if (request.method === 'subscriptions/listen') {
        await listeners.serve({ call, request, client, backend, gone: gone.signal })
        return
      }
      if (request.method === 'server/discover') {
        const wait = { signal: gone.signal, timeouts: left() }
        const handshake = await backend.handshake({ ...wait, profile: modernProfile, client })
        answer({ result: handshake.initializeResult })
        return
      }
      const mismatch = request.method === 'tools/call' ? this.#mismatch(call, backend, request, client) : undefined
      const refusal = mismatch instanceof Promise ? await mismatch : mismatch
      if (refusal) this.refuse(call, refusal, request.id)
      else await this.#relay(backend, request, client, exchange, { signal: gone.signal, timeouts: left() })
    } catch (thrown) {
      if (this.#refuseSessionless(call, request, thrown)) return
      const error = relay.toRpcError(thrown)
      exchange.settle(
        relay.answer(target.name, request, { error, outcome: outcomeOf(thrown) }, client.protocolVersion, started),
      )
    } finally {
      // A stream that goes on after this call listens by itself.
      response.off('close', onClose)
    }
  }

  #mismatch(
    { headers }: Call,
    backend: Backend,
    request: ClientRequest,
    client: ClientContext,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const { toolHeaders } = this.#deps
    const listed = toolHeaders.listed(backend, client)
    if (!listed) return toolHeaders.refusal(backend, request, headers)
    return listed.then(() => toolHeaders.refusal(backend, request, headers))
  }

  #relay(
    backend: Backend,
    request: ClientRequest,
    client: ClientContext,
    exchange: Exchange,
    { signal, timeouts }: Wait,
  ): Promise<void> {
    return this.#deps.relay.relay(backend, request, {
      signal,
      timeouts,
      profile: modernProfile,
      client,
      protocolVersion: client.protocolVersion,
      onNotification: ({ method, message }) => {
        if (method !== 'notifications/message' || client.logLevel !== undefined) exchange.notify(message)
      },
      settle: (answer, reply) => {
        exchange.settle(answer, reply ? statusOfReply(reply) : 200)
        if (request.method === 'tools/list' && reply?.kind === 'result')
          this.#deps.toolHeaders.learn(backend, reply.text)
      },
    })
  }

  /**
   * A server that keeps a process for each session can't be had without one. The answer is none of the modern errors, so
   * that a client of both eras goes on with `initialize` (PROTOCOL, section 1).
   */
  #refuseSessionless({ response }: Call, request: ClientRequest, thrown: unknown): boolean {
    if (!(thrown instanceof AppError) || thrown.data?.session !== true) return false
    this.#deps.refuse(response, 400, rpcCodes.badTransport, thrown.message, request.id)
    return true
  }
}

/** What a modern request says of its client. */
class ModernClient implements ClientContext {
  readonly principal: string
  readonly capabilities: Record<string, unknown>
  readonly logLevel: LogLevel | undefined
  readonly protocolVersion: string
  readonly #params: JsonText | undefined

  constructor({ headers }: Call, { params }: ClientRequest, envelope: Envelope) {
    this.principal = principalOf(headers)
    this.capabilities = envelope.capabilities
    this.logLevel = envelope.logLevel
    this.protocolVersion = envelope.protocolVersion
    this.#params = params
  }

  /** Only a bridge asks for it. */
  get info(): JsonText | undefined {
    const meta = this.#params && memberOf(this.#params, '_meta')
    return meta && memberOf(meta, metaKeys.clientInfo)
  }
}

/** Specification 2026-07-28, "Streamable HTTP": other errors of servers travel with 200. */
const statusOf = (code: number): number =>
  code === rpcCodes.methodNotFound ? 404 : code === rpcCodes.missingCapability ? 400 : 200

const statusOfReply = (reply: UpstreamReply): number =>
  reply.kind === 'result' ? 200 : statusOf(errorCode(reply.text) ?? 0)
