import type { Clock } from '../../kit/clock.ts'
import type { JsonText } from '../../upstream/types.ts'
import { type Call, headerOf } from '../call.ts'
import { Exchange } from '../exchange.ts'
import { sendEmpty } from '../http/respond.ts'
import type { SseConnections } from '../http/sse.ts'
import type { ClientMessage, ClientRequest, MessageBody } from '../message.ts'
import { type Relay, refuseStopped } from '../relay.ts'
import { outcomeOf, type Refuse, rpcCodes } from '../rpc.ts'
import type { GatewayLimits } from '../types.ts'
import { initializeResultFor, readIntroduction } from './initialize.ts'
import { parseEventId } from './replay.ts'
import { SessionRequests } from './requests.ts'
import type { ServerNotifications } from './server-notifications.ts'
import type { LegacySession } from './session.ts'
import type { Sessions } from './sessions.ts'
import { isLegacyVersion, legacyVersions, supportsBatches } from './versions.ts'

export interface LegacyEndpointDeps {
  relay: Relay
  sessions: Sessions
  serverNotifications: ServerNotifications
  streams: SseConnections
  limits: GatewayLimits
  clock: Clock
  refuse: Refuse
}

/** Streamable HTTP for clients of the legacy era: sessions, JSON or event answers, a stream for what the server says. */
export class LegacyEndpoint {
  readonly #deps: LegacyEndpointDeps
  readonly #requests: SessionRequests

  constructor(deps: LegacyEndpointDeps) {
    this.#deps = deps
    this.#requests = new SessionRequests(deps.relay, deps.sessions, deps.serverNotifications)
  }

  async post(call: Call, body: MessageBody): Promise<void> {
    if (body.kind === 'batch') {
      await this.#batch(call, body.messages)
      return
    }
    const { message } = body
    if (message.kind === 'request' && message.method === 'initialize') {
      await this.#initialize(call, message)
      return
    }
    const session = this.#sessionOf(call, message.kind === 'request' ? message.id : null)
    if (!session) return
    if (message.kind === 'request') {
      await this.#requests.serve(call.upstream, session, message, this.#exchange(call, session))
      return
    }
    if (message.kind === 'notification') this.#requests.notification(session, message)
    sendEmpty(call.response, 202)
  }

  async #batch(call: Call, messages: ClientMessage[]): Promise<void> {
    const session = this.#sessionOf(call)
    if (!session) return
    const problem = this.#batchProblem(session, messages)
    if (problem) {
      this.#deps.refuse(call.response, 400, rpcCodes.invalidRequest, problem)
      return
    }
    for (const message of messages) if (message.kind === 'notification') this.#requests.notification(session, message)
    const requests = messages.filter((message) => message.kind === 'request')
    if (requests.length === 0) {
      sendEmpty(call.response, 202)
      return
    }
    const exchange = this.#exchange(call, session, requests.length)
    await Promise.all(requests.map((request) => this.#requests.serve(call.upstream, session, request, exchange)))
  }

  /** @param batchOf requests whose answers make an array; absent when the body was a single request */
  #exchange({ response, accepts }: Call, session?: LegacySession, batchOf?: number): Exchange {
    return new Exchange({
      response,
      accepts,
      streams: this.#deps.streams,
      expected: batchOf ?? 1,
      batch: batchOf !== undefined,
      channel: session && ((connection) => session.openStream(connection)),
    })
  }

  /** Opens the session's stream, or goes on with one that was lost. */
  get(call: Call): void {
    const { response, headers } = call
    if (!call.accepts.stream) {
      this.#deps.refuse(call.response, 406, rpcCodes.badTransport, 'GET needs Accept: text/event-stream')
      return
    }
    const session = this.#sessionOf(call)
    if (!session) return
    const lastEventId = headerOf(headers, 'last-event-id')
    if (lastEventId) {
      this.#resume(call, session, lastEventId)
      return
    }
    if (session.hasStandaloneStream) {
      this.#deps.refuse(call.response, 409, rpcCodes.badTransport, 'This session has an open stream already')
      return
    }
    session.openStandalone(this.#deps.streams.open(response, () => session.touch()))
  }

  delete(call: Call): void {
    const session = this.#sessionOf(call)
    if (!session) return
    this.#deps.sessions.close(session, 'deleted')
    sendEmpty(call.response, 200)
  }

  async #initialize(call: Call, request: ClientRequest): Promise<void> {
    const { upstream, response } = call
    const { relay, sessions, serverNotifications, clock } = this.#deps
    const started = clock.now()
    const exchange = this.#exchange(call)
    try {
      const introduction = readIntroduction(request)
      refuseStopped(upstream)
      const handshake = await upstream.handshake()
      const { protocolVersion, result } = initializeResultFor(handshake, introduction.protocolVersion)
      // Nobody would ever use or end the session of a client that has gone.
      if (response.destroyed) return
      const session = sessions.open({
        upstream: upstream.name,
        protocolVersion,
        client: introduction.client,
        clientCapabilities: introduction.capabilities,
        serverCapabilities: handshake.capabilities,
      })
      if (!session) {
        this.#deps.refuse(
          call.response,
          503,
          rpcCodes.badTransport,
          'Too many sessions, and none of them is idle',
          request.id,
        )
        return
      }
      serverNotifications.watch(upstream)
      response.setHeader('Mcp-Session-Id', session.id)
      session.requests++
      exchange.settle(relay.answer(upstream.name, request, { result }, protocolVersion, started))
    } catch (thrown) {
      const error = relay.toRpcError(thrown)
      const outcome = error.code === rpcCodes.invalidParams ? 'protocol_error' : outcomeOf(thrown)
      exchange.settle(relay.answer(upstream.name, request, { error, outcome }, null, started))
    }
  }

  #resume(call: Call, session: LegacySession, lastEventId: string): void {
    const place = parseEventId(lastEventId)
    const stream = place && session.resumable(place.key, place.sequence)
    if (!stream) {
      this.#deps.refuse(
        call.response,
        400,
        rpcCodes.badTransport,
        'Nothing is kept to go on with after this Last-Event-ID',
      )
      return
    }
    stream.resume(
      this.#deps.streams.open(call.response, () => session.touch()),
      place.sequence,
    )
  }

  /** The session that a request names, its headers checked. @returns undefined when the request was refused */
  #sessionOf(call: Call, id: JsonText | null = null): LegacySession | undefined {
    const { refuse, sessions, serverNotifications } = this.#deps
    const sessionId = headerOf(call.headers, 'mcp-session-id')
    if (!sessionId) {
      refuse(call.response, 400, rpcCodes.badTransport, 'Mcp-Session-Id is missing: send initialize first', id)
      return undefined
    }
    const session = sessions.get(sessionId, call.upstream.name)
    if (!session) {
      refuse(call.response, 404, rpcCodes.sessionNotFound, 'Session not found: it is unknown, expired or deleted', id)
      return undefined
    }
    const version = headerOf(call.headers, 'mcp-protocol-version')
    if (version !== undefined && version !== session.protocolVersion && !isLegacyVersion(version)) {
      const supported = legacyVersions.join(', ')
      refuse(
        call.response,
        400,
        rpcCodes.badTransport,
        `Unsupported MCP-Protocol-Version (supported: ${supported})`,
        id,
      )
      return undefined
    }
    session.touch()
    // The upstream may have been stopped and started, and be another object, since this session began.
    serverNotifications.watch(call.upstream)
    return session
  }

  #batchProblem(session: LegacySession, messages: ClientMessage[]): string | undefined {
    const { maxBatch } = this.#deps.limits
    if (!supportsBatches(session.protocolVersion)) return `Batches are not part of MCP ${session.protocolVersion}`
    if (messages.length > maxBatch) return `A batch holds at most ${maxBatch} messages`
    if (messages.some((message) => message.kind === 'request' && message.method === 'initialize'))
      return 'initialize can not be part of a batch'
    return undefined
  }
}
