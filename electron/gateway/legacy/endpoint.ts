import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import type { JsonText, Wait } from '../../upstream/types.ts'
import type { Announcements } from '../announcements.ts'
import type { ClientContext, SessionBackend } from '../backend.ts'
import { type Call, headerOf, principalOf } from '../call.ts'
import { remaining } from '../checks/timeouts.ts'
import { Exchange } from '../exchange.ts'
import { sendEmpty } from '../http/respond.ts'
import type { SseConnections } from '../http/sse.ts'
import { type ClientMessage, type ClientRequest, isObject, type MessageBody } from '../message.ts'
import { type Relay, refuseStopped } from '../relay.ts'
import { outcomeOf, type Refuse, rpcCodes } from '../rpc.ts'
import type { GatewayLimits } from '../types.ts'
import { type Introduction, initializeResultFor, readIntroduction } from './initialize.ts'
import { parseEventId } from './replay.ts'
import { SessionRequests } from './requests.ts'
import type { ServerNotifications } from './server-notifications.ts'
import type { LegacySession } from './session.ts'
import { SessionLink } from './session-link.ts'
import type { Sessions } from './sessions.ts'
import { isLegacyVersion, legacyVersions, supportsBatches } from './versions.ts'

export interface LegacyEndpointDeps {
  relay: Relay
  sessions: Sessions
  serverNotifications: ServerNotifications
  announcements: Announcements
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
    this.#requests = new SessionRequests(deps.relay, deps.announcements, (session, wait) =>
      this.#connect(session, wait),
    )
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
      await this.#requests.serve(session, message, this.#exchange(call, session))
      return
    }
    this.#accept(session, message)
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
    for (const message of messages) this.#accept(session, message)
    const requests = messages.filter((message) => message.kind === 'request')
    if (requests.length === 0) {
      sendEmpty(call.response, 202)
      return
    }
    const exchange = this.#exchange(call, session, requests.length)
    await Promise.all(requests.map((request) => this.#requests.serve(session, request, exchange)))
  }

  /** What needs no answer: a notification, or the answer to a question of the server's. */
  #accept(session: LegacySession, message: ClientMessage): void {
    if (message.kind === 'notification') this.#requests.notification(session, message)
    // An answer that nobody waits for any more is accepted all the same.
    else if (message.kind === 'response') session.serverRequests.answer(message)
  }

  /** @param batchOf requests whose answers make an array; absent when the body was a single request */
  #exchange({ response, accepts, timeouts }: Call, session?: LegacySession, batchOf?: number): Exchange {
    return new Exchange({
      response,
      accepts,
      streams: this.#deps.streams,
      expected: batchOf ?? 1,
      batch: batchOf !== undefined,
      timeouts,
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
    this.#deps.serverNotifications.watchLists(call.target)
  }

  delete(call: Call): void {
    const session = this.#sessionOf(call)
    if (!session) return
    this.#deps.sessions.close(session, 'deleted')
    sendEmpty(call.response, 200)
  }

  async #initialize(call: Call, request: ClientRequest): Promise<void> {
    const { target, response } = call
    const { relay, clock } = this.#deps
    const started = clock.now()
    const exchange = this.#exchange(call)
    try {
      const introduction = readIntroduction(request)
      refuseStopped(target)
      const opened = await this.#open(call, introduction, started)
      if (opened === 'too many') {
        const message = 'Too many sessions, and none of them is idle'
        this.#deps.refuse(response, 503, rpcCodes.badTransport, message, request.id)
      } else if (opened) {
        const { session, result } = opened
        this.#deps.serverNotifications.watch(target)
        response.setHeader('Mcp-Session-Id', session.id)
        session.requests++
        exchange.settle(relay.answer(target.name, request, { result }, session.protocolVersion, started))
      }
    } catch (thrown) {
      if (this.#refuseUnbridged(call, request, thrown)) return
      const error = relay.toRpcError(thrown)
      const outcome = error.code === rpcCodes.invalidParams ? 'protocol_error' : outcomeOf(thrown)
      exchange.settle(relay.answer(target.name, request, { error, outcome }, null, started))
    }
  }

  /** @returns undefined when the client has gone meanwhile: nobody would ever use or end its session */
  async #open(
    { target, response, headers, timeouts }: Call,
    introduction: Introduction,
    started: number,
  ): Promise<{ session: LegacySession; result: JsonText } | 'too many' | undefined> {
    const context: ClientContext = {
      principal: principalOf(headers),
      capabilities: introduction.capabilities,
      info: introduction.info,
      logLevel: undefined,
      protocolVersion: introduction.protocolVersion,
    }
    const link = new SessionLink((session) => this.#deps.sessions.close(session, 'evicted'))
    const backend = await target.legacy(link.needs(introduction.params, introduction.capabilities, { timeouts }))
    let session: LegacySession | undefined
    try {
      const left = remaining(timeouts, this.#deps.clock.now() - started)
      const handshake = await backend.handshake({ client: context, profile: backend.profile, timeouts: left })
      const { protocolVersion, result } = initializeResultFor(handshake, introduction.protocolVersion)
      if (response.destroyed) return undefined
      session = this.#deps.sessions.open({
        target,
        protocolVersion,
        client: introduction.client,
        initialize: introduction.params,
        context: { ...context, protocolVersion },
        backend,
        serverCapabilities: handshake.capabilities,
      })
      if (!session) return 'too many'
      session.socket = response.socket
      link.join(session)
      return { session, result }
    } finally {
      if (!session) backend.close()
    }
  }

  /** Anew, after the session's upstream was stopped and started. */
  async #connect(session: LegacySession, wait: Wait): Promise<SessionBackend> {
    const { target, context, initialize } = session
    refuseStopped(target)
    const link = new SessionLink((ended) => this.#deps.sessions.close(ended, 'evicted'))
    link.join(session)
    const backend = await target.legacy(link.needs(initialize, context.capabilities, wait))
    return session.adopt(target, backend)
  }

  /** A server whose revisions we don't speak: the client hears which they are (PROTOCOL, section 1). */
  #refuseUnbridged({ response }: Call, request: ClientRequest, thrown: unknown): boolean {
    const refusal = thrown instanceof AppError ? thrown.data?.error : undefined
    if (!isObject(refusal) || refusal.code !== rpcCodes.unsupportedVersion || !isObject(refusal.data)) return false
    const { supported } = refusal.data
    const message = thrown instanceof AppError ? thrown.message : ''
    const data = { supported }
    this.#deps.refuse(response, 400, rpcCodes.unsupportedVersion, message, request.id, { data })
    return true
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
    const session = sessions.get(sessionId, call.target.name)
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
    session.socket = call.response.socket
    // The upstream may have been stopped and started, and be another object, since this session began.
    if (session.target !== call.target) {
      session.retarget(call.target)
      serverNotifications.watch(call.target)
    }
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
