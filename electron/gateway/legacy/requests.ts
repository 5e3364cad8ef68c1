import type { JsonText, ServerNotification, Upstream } from '../../upstream/types.ts'
import type { Exchange } from '../exchange.ts'
import { type ClientNotification, type ClientRequest, idKeyIn, isObject } from '../message.ts'
import type { Relay } from '../relay.ts'
import { type RpcError, rpcCodes } from '../rpc.ts'
import { isLogLevel, logLevels } from './log-level.ts'
import { isForEverySession, type ServerNotifications } from './server-notifications.ts'
import type { LegacySession } from './session.ts'
import type { Sessions } from './sessions.ts'

type OwnAnswer = { result: JsonText } | { error: RpcError }

const emptyResult: OwnAnswer = { result: '{}' }
const invalidParams = (message: string): OwnAnswer => ({ error: { code: rpcCodes.invalidParams, message } })

/** The messages of a legacy session: what the gateway answers by itself, and what goes to the pool. */
export class SessionRequests {
  readonly #relay: Relay
  readonly #sessions: Sessions
  readonly #serverNotifications: ServerNotifications

  constructor(relay: Relay, sessions: Sessions, serverNotifications: ServerNotifications) {
    this.#relay = relay
    this.#sessions = sessions
    this.#serverNotifications = serverNotifications
  }

  /** Settles the request's part of the exchange, now or when its upstream has answered. */
  serve(
    upstream: Upstream,
    session: LegacySession,
    request: ClientRequest,
    exchange: Exchange,
  ): Promise<void> | undefined {
    session.requests++
    const own = this.#ownAnswer(session, request)
    if (own) {
      exchange.settle(this.#relay.answer(upstream.name, request, own, session.protocolVersion))
      return undefined
    }
    const controller = new AbortController()
    session.inFlight.set(request.idKey, controller)
    return this.#relay.relay(upstream, request, {
      signal: controller.signal,
      prefer: session.lastConnectionId,
      protocolVersion: session.protocolVersion,
      onNotification: (notification) => this.#notification(upstream, session, exchange, notification),
      settle: (answer, reply) => {
        session.inFlight.delete(request.idKey)
        session.touch()
        if (reply) session.lastConnectionId = reply.connectionId
        if (reply?.kind === 'result') rememberSubscription(session, request)
        exchange.settle(answer)
      },
    })
  }

  /** A notification of the client. What concerns no single process is not passed on: any process may serve it next. */
  notification(session: LegacySession, notification: ClientNotification): void {
    if (notification.method !== 'notifications/cancelled' || !isObject(notification.paramsValue)) return
    const key = idKeyIn(notification.params, 'requestId', notification.paramsValue.requestId)
    if (key !== undefined) session.inFlight.get(key)?.abort()
  }

  #ownAnswer(session: LegacySession, request: ClientRequest): OwnAnswer | undefined {
    if (session.inFlight.has(request.idKey))
      return {
        error: { code: rpcCodes.invalidRequest, message: `The id ${request.id} is in use by a request under way` },
      }
    switch (request.method) {
      case 'ping':
        return emptyResult
      case 'logging/setLevel':
        return setLogLevel(session, request)
      case 'resources/unsubscribe':
        return this.#unsubscribe(session, request)
      case 'initialize':
        return { error: { code: rpcCodes.invalidRequest, message: 'This session is initialized already' } }
      default:
        return undefined
    }
  }

  /** The server hears of it only when nobody else follows the resource: sessions share its processes. */
  #unsubscribe(session: LegacySession, request: ClientRequest): OwnAnswer | undefined {
    const uri = uriOf(request)
    if (uri === undefined || !session.subscriptions.delete(uri)) return undefined
    for (const other of this.#sessions.of(session.upstream)) if (other.subscriptions.has(uri)) return emptyResult
    return undefined
  }

  #notification(
    upstream: Upstream,
    session: LegacySession,
    exchange: Exchange,
    notification: ServerNotification,
  ): void {
    if (isForEverySession(notification.method)) this.#serverNotifications.pass(upstream.name, notification)
    else if (notification.method !== 'notifications/message' || session.wantsLog(notification))
      exchange.notify(notification.message)
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

function rememberSubscription(session: LegacySession, request: ClientRequest): void {
  const uri = request.method === 'resources/subscribe' ? uriOf(request) : undefined
  if (uri !== undefined) session.subscriptions.add(uri)
}

function uriOf(request: ClientRequest): string | undefined {
  const uri = isObject(request.paramsValue) ? request.paramsValue.uri : undefined
  return typeof uri === 'string' ? uri : undefined
}
