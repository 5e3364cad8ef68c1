import type { JsonText, ServerNotification, ServerRequest, Wait } from '../../upstream/types.ts'
import { type Announcements, isForEverybody } from '../announcements.ts'
import type { Backend, SessionBackend } from '../backend.ts'
import type { Exchange } from '../exchange.ts'
import { isLogLevel, logLevels } from '../log-level.ts'
import { type ClientNotification, type ClientRequest, idKeyIn, isObject } from '../message.ts'
import type { Relay } from '../relay.ts'
import { type RpcError, rpcCodes } from '../rpc.ts'
import type { LegacySession } from './session.ts'
import { isSubscription, Subscriptions } from './subscriptions.ts'

type OwnAnswer = { result: JsonText } | { error: RpcError }

const emptyResult: OwnAnswer = { result: '{}' }
const invalidParams = (message: string): OwnAnswer => ({ error: { code: rpcCodes.invalidParams, message } })

/** Opens what serves a session whose upstream was replaced. */
export type Connect = (session: LegacySession, wait: Wait) => Promise<SessionBackend>

/** The messages of a legacy session: what the gateway answers by itself, and what goes to the pool. */
export class SessionRequests {
  readonly #relay: Relay
  readonly #announcements: Announcements
  readonly #connect: Connect

  constructor(relay: Relay, announcements: Announcements, connect: Connect) {
    this.#relay = relay
    this.#announcements = announcements
    this.#connect = connect
  }

  /** Settles the request's part of the exchange, now or when its upstream has answered. */
  serve(session: LegacySession, request: ClientRequest, exchange: Exchange): Promise<void> | undefined {
    session.requests++
    const own = ownAnswer(session, request)
    if (own) {
      exchange.settle(this.#relay.answer(session.upstream, request, own, session.protocolVersion))
      return undefined
    }
    return session.backend
      ? this.#relayTo(session.backend, session, request, exchange)
      : this.#reconnect(session, request, exchange)
  }

  /** A notification of the client. What concerns no single process is not passed on: any process may serve it next. */
  notification(session: LegacySession, { method, params, paramsValue }: ClientNotification): void {
    if (method !== 'notifications/cancelled') {
      session.backend?.notify?.(method, params)
      return
    }
    if (!isObject(paramsValue)) return
    const key = idKeyIn(params, 'requestId', paramsValue.requestId)
    if (key !== undefined) session.inFlight.get(key)?.controller.abort()
  }

  async #reconnect(session: LegacySession, request: ClientRequest, exchange: Exchange): Promise<void> {
    let backend: SessionBackend
    try {
      backend = await this.#connect(session, { timeouts: exchange.timeouts })
    } catch (thrown) {
      const error = this.#relay.toRpcError(thrown)
      exchange.settle(this.#relay.answer(session.upstream, request, { error }, session.protocolVersion))
      return
    }
    await this.#relayTo(backend, session, request, exchange)
  }

  #relayTo(
    sessionBackend: SessionBackend,
    session: LegacySession,
    request: ClientRequest,
    exchange: Exchange,
  ): Promise<void> {
    const backend: Backend & Partial<SessionBackend> = isSubscription(request.method)
      ? new Subscriptions(session, sessionBackend)
      : sessionBackend
    const controller = new AbortController()
    session.inFlight.set(request.idKey, { controller, exchange })
    let announced = false
    return this.#relay.relay(backend, request, {
      signal: controller.signal,
      timeouts: exchange.timeouts,
      prefer: session.lastConnectionId,
      only: session.pinnedTo === undefined ? undefined : pinOf(session, sessionBackend),
      profile: backend.profile,
      client: session.context,
      protocolVersion: session.protocolVersion,
      onNotification: (notification) => {
        if (isForEverybody(notification.method)) announced = true
        this.#notification(sessionBackend, session, exchange, notification)
      },
      onServerRequest:
        session.canBeAsked && exchange.canStream
          ? (asked: ServerRequest) => session.serverRequests.ask(asked, (message) => exchange.notify(message))
          : undefined,
      settle: (answer, reply) => {
        session.inFlight.delete(request.idKey)
        session.touch()
        if (reply) {
          if (reply.connectionId !== '') session.lastConnectionId = reply.connectionId
          if (backend.isLive && (announced || createdTask(request, reply.text))) session.pinnedTo = reply.connectionId
        }
        exchange.settle(answer)
      },
    })
  }

  #notification(
    backend: SessionBackend,
    session: LegacySession,
    exchange: Exchange,
    notification: ServerNotification,
  ): void {
    if (isForEverybody(notification.method)) this.#announcements.pass(backend.name, notification)
    else if (notification.method !== 'notifications/message' || session.wantsLog(notification))
      exchange.notify(notification.message)
  }
}

/** A session stays with the process that keeps something for it (PROTOCOL, section 2), for as long as that lives. */
function pinOf(session: LegacySession, backend: SessionBackend): string | undefined {
  if (session.pinnedTo !== undefined && !backend.isLive?.(session.pinnedTo)) session.pinnedTo = undefined
  return session.pinnedTo
}

const createdTask = ({ paramsValue }: ClientRequest, result: JsonText): boolean =>
  isObject(paramsValue) && 'task' in paramsValue && result.includes('"taskId"')

function ownAnswer(session: LegacySession, request: ClientRequest): OwnAnswer | undefined {
  if (session.inFlight.has(request.idKey))
    return {
      error: { code: rpcCodes.invalidRequest, message: `The id ${request.id} is in use by a request under way` },
    }
  switch (request.method) {
    case 'ping':
      return emptyResult
    case 'logging/setLevel':
      return setLogLevel(session, request)
    case 'initialize':
      return { error: { code: rpcCodes.invalidRequest, message: 'This session is initialized already' } }
    default:
      return undefined
  }
}

/** Virtual: processes are shared, so that each session's level filters what it gets (PROTOCOL, section 2). */
function setLogLevel(session: LegacySession, request: ClientRequest): OwnAnswer {
  if (!('logging' in session.serverCapabilities))
    return { error: { code: rpcCodes.methodNotFound, message: 'Method not found: the server does not log' } }
  const level = isObject(request.paramsValue) ? request.paramsValue.level : undefined
  if (!isLogLevel(level)) return invalidParams(`level must be one of ${logLevels.join(', ')}`)
  session.setLogLevel(level)
  return emptyResult
}
