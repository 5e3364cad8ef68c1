import type { Clock } from '../../kit/clock.ts'
import { scanObject, sliceOf, splice } from '../../upstream/envelope.ts'
import type {
  Handshake,
  JsonText,
  ProcessProfile,
  ServerNotification,
  ServerRequest,
  Upstream,
  UpstreamReply,
} from '../../upstream/types.ts'
import type { Announcements } from '../announcements.ts'
import {
  type Backend,
  type BackendRequest,
  type ClientContext,
  canonicalJson,
  type HandshakeRequest,
} from '../backend.ts'
import { membersOf, memberText, objectOf, withMember } from '../json/members.ts'
import { isLoud } from '../log-level.ts'
import { isObject } from '../message.ts'
import { inputMethods, metaPrefix, modernVersion } from '../modern/envelope.ts'
import { rpcCodes } from '../rpc.ts'
import { missingCapabilities, requiredCapabilities } from './capabilities.ts'
import { Conversation } from './conversation.ts'
import { discoverResult, embeddedRequest, inputRequired, modernResult } from './modern-results.ts'
import { type Binding, bindingOf, type Parked } from './parked.ts'
import { errorCode, errorReply, methodNotFound, ownReply } from './replies.ts'

export interface ModernBridgeDeps {
  clock: Clock
  parked: Parked<Conversation | UrlRetry>
  announcements: Announcements
}

/** A server that refused a call until its user has been to a URL: nothing is held, the retry is a new call. */
export class UrlRetry {
  abandon(): void {}
}

/** Methods of the legacy era that the modern one does not have. */
const legacyOnly = new Set(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'])

/** What a legacy server must have advertised for a method of this prefix. */
const capabilityOf = (method: string): string | undefined =>
  method === 'completion/complete' ? 'completions' : /^(tools|prompts|resources)\//.exec(method)?.[1]

/** Modern clients of a server that speaks the legacy era (PROTOCOL, section 1). */
export class ModernOverLegacy implements Backend {
  readonly #upstream: Upstream
  readonly #deps: ModernBridgeDeps

  constructor(upstream: Upstream, deps: ModernBridgeDeps) {
    this.#upstream = upstream
    this.#deps = deps
  }

  get name(): string {
    return this.#upstream.name
  }

  get config(): Upstream['config'] {
    return this.#upstream.config
  }

  async handshake({ signal, timeouts, client }: HandshakeRequest): Promise<Handshake> {
    const handshake = await this.#upstream.handshake({ signal, timeouts, profile: this.#profile(client) })
    return { ...handshake, era: 'modern', protocolVersion: modernVersion, initializeResult: discoverResult(handshake) }
  }

  /** Each process says that its lists changed, to who holds it or to nobody in particular: all are heard. */
  watch: Upstream['watch'] = async (what, listener) => {
    if ('uri' in what) return this.#upstream.watch(what, listener)
    const heard = (notification: ServerNotification) => {
      if (notification.method === `notifications/${what.list}/list_changed`) listener(notification)
    }
    const { announcements } = this.#deps
    const stops = [this.#upstream.events.on('notification', heard), announcements.on(this.name, heard)]
    return { stop: () => stops.forEach((stop) => void stop()) }
  }

  async request(request: BackendRequest): Promise<UpstreamReply> {
    const { method, client, signal } = request
    if (legacyOnly.has(method) || method.startsWith('tasks/')) return methodNotFound(method)
    const profile = this.#profile(client)
    const { capabilities, initializeResult } = await this.#upstream.handshake({ signal, profile })
    const needs = capabilityOf(method)
    if (needs !== undefined && !(needs in capabilities)) return methodNotFound(method)
    const serverInfo = scanObject(initializeResult, ['serverInfo'])?.[0]
    const answered = await (inputMethods.has(method) ? this.#converse(request, profile) : this.#send(request, profile))
    if (answered.kind === 'error' || answered.connectionId === '') return answered
    const named = serverInfo && sliceOf(initializeResult, serverInfo)
    return { ...answered, text: modernResult(method, answered.text, named) }
  }

  async #send(request: BackendRequest, profile: ProcessProfile): Promise<UpstreamReply> {
    const { client, onNotification } = request
    const reply = await this.#upstream.request({
      ...request,
      params: legacyParams(request.params),
      profile,
      onNotification: (notification) => this.#notification(client, notification, onNotification),
      onServerRequest: undefined,
    })
    return reply.kind === 'error' ? modernError(reply) : reply
  }

  /** A call that the server may interrupt with questions of its own. */
  async #converse(request: BackendRequest, profile: ProcessProfile): Promise<UpstreamReply> {
    const { client, signal, onNotification } = request
    const params: unknown = request.params === undefined ? undefined : JSON.parse(request.params)
    const state = isObject(params) ? params.requestState : undefined
    const binding = bindingOf(this.name, request, params)
    const token = progressToken(params)
    const notify = (notification: ServerNotification) =>
      this.#notification(client, withProgressToken(notification, token), onNotification)
    let conversation: Conversation
    if (state === undefined) conversation = this.#start(request, profile, notify)
    else {
      const waiting = typeof state === 'string' ? this.#deps.parked.take(state, binding) : undefined
      if (!waiting) return errorReply({ code: rpcCodes.invalidParams, message: 'Invalid or expired requestState' })
      conversation = waiting instanceof Conversation ? waiting : this.#start(request, profile, notify)
      conversation.onNotification = notify
      conversation.answer(inputResponses(request.params))
    }
    const turn = await conversation.turn(signal)
    conversation.onNotification = undefined
    if (turn.kind === 'asked') return this.#ask(conversation, turn.requests, binding)
    const { reply } = turn
    if (reply.kind === 'result') return reply
    return errorCode(reply.text) === rpcCodes.urlElicitationRequired
      ? this.#askForUrls(reply, client, binding)
      : modernError(reply)
  }

  #start(
    request: BackendRequest,
    profile: ProcessProfile,
    notify: (notification: ServerNotification) => void,
  ): Conversation {
    const { client, method, timeouts, prefer } = request
    return new Conversation(
      this.#deps.clock,
      (hooks) =>
        this.#upstream.request({ method, params: legacyParams(request.params), timeouts, prefer, profile, ...hooks }),
      (asked) => isDeliverable(asked, client),
      notify,
    )
  }

  #ask(conversation: Conversation, requests: Map<string, ServerRequest>, binding: Binding): UpstreamReply {
    const embedded = new Map([...requests].map(([key, { method, params }]) => [key, embeddedRequest(method, params)]))
    return ownReply('result', inputRequired(embedded, this.#deps.parked.park(binding, conversation, this.#upstream)))
  }

  /** -32042 of 2025-11-25: go to these URLs, then call again. */
  #askForUrls(reply: UpstreamReply, client: ClientContext, binding: Binding): UpstreamReply {
    const missing = missingCapabilities({ elicitation: { url: {} } }, client.capabilities)
    if (missing)
      return errorReply({
        code: rpcCodes.missingCapability,
        message: 'The server asks for a URL to be visited, which the client did not declare',
        data: { requiredCapabilities: missing },
      })
    const { data } = JSON.parse(reply.text) as { data?: unknown }
    const elicitations = isObject(data) && Array.isArray(data.elicitations) ? data.elicitations.filter(isObject) : []
    const requests = new Map(
      elicitations.map(({ message, url }, i) => [
        `request-${i + 1}`,
        JSON.stringify({ method: 'elicitation/create', params: { mode: 'url', message, url } }),
      ]),
    )
    if (requests.size === 0) return modernError(reply)
    return ownReply('result', inputRequired(requests, this.#deps.parked.park(binding, new UrlRetry())))
  }

  /** Log messages only at the level that was asked for; what concerns everybody is not for this stream. */
  #notification(
    { logLevel }: ClientContext,
    notification: ServerNotification,
    deliver: BackendRequest['onNotification'],
  ): void {
    const { method } = notification
    if (method === 'notifications/message') {
      if (logLevel !== undefined && isLoud(notification.message, logLevel)) deliver?.(notification)
    } else if (method === 'notifications/progress') deliver?.(notification)
    else this.#deps.announcements.pass(this.name, notification)
  }

  #profile({ capabilities }: ClientContext): ProcessProfile {
    const { config } = this.#upstream
    return { era: 'legacy', capabilities: config.isolation === 'multiplex' ? '{}' : legacyCapabilities(capabilities) }
  }
}

/** What a legacy server needs to know of a modern client: which requests it may send. */
function legacyCapabilities({ elicitation, sampling, roots, experimental }: Record<string, unknown>): JsonText {
  // Nothing could tell the server that they changed.
  return canonicalJson({ elicitation, sampling, roots: roots === undefined ? undefined : {}, experimental })
}

/** What the client did not declare, or no result can carry, is refused at once. */
function isDeliverable(request: ServerRequest, client: ClientContext): boolean {
  const params: unknown = request.params === undefined ? undefined : JSON.parse(request.params)
  const required = requiredCapabilities(request.method, params)
  if (required && !missingCapabilities(required, client.capabilities)) return true
  const message = `Method not found: ${request.method}`
  request.answer('error', JSON.stringify({ code: rpcCodes.methodNotFound, message }))
  return false
}

/** Without what only modern servers know; the progress token, trace context and vendor keys stay. */
function legacyParams(params: JsonText | undefined): JsonText | undefined {
  if (params === undefined || !params.startsWith('{')) return params
  const members = membersOf(params).flatMap((member) => {
    if (member.key === 'inputResponses' || member.key === 'requestState') return []
    if (member.key !== '_meta' || !member.value.startsWith('{')) return [member]
    const kept = membersOf(member.value).filter(({ key }) => !key.startsWith(metaPrefix))
    return kept.length === 0 ? [] : [{ text: memberText('_meta', objectOf(kept)) }]
  })
  return objectOf(members)
}

function inputResponses(params: JsonText | undefined): [string, JsonText][] {
  const span = params && scanObject(params, ['inputResponses'])?.[0]
  const text = span ? sliceOf(params, span) : '{}'
  return text.startsWith('{') ? membersOf(text).map(({ key, value }) => [key, value]) : []
}

const progressToken = (params: unknown): unknown =>
  isObject(params) && isObject(params._meta) ? params._meta.progressToken : undefined

/** A retry may count its progress under another token than the call did. */
function withProgressToken(notification: ServerNotification, token: unknown): ServerNotification {
  const { method, message } = notification
  if (method !== 'notifications/progress' || token === undefined) return notification
  const params = scanObject(message, ['params'])?.[0]
  if (!params) return notification
  return {
    method,
    message: splice(message, params, withMember(sliceOf(message, params), 'progressToken', JSON.stringify(token))),
  }
}

/** Codes that mean something else, or nothing, in the modern era. */
const mappedCodes: Partial<Record<number, number>> = {
  [rpcCodes.resourceNotFound]: rpcCodes.invalidParams,
  [rpcCodes.urlElicitationRequired]: rpcCodes.internalError,
  [rpcCodes.headerMismatch]: rpcCodes.internalError,
  [rpcCodes.missingCapability]: rpcCodes.internalError,
  [rpcCodes.unsupportedVersion]: rpcCodes.internalError,
}

function modernError(reply: UpstreamReply): UpstreamReply {
  const code = errorCode(reply.text)
  const mapped = code === undefined ? undefined : mappedCodes[code]
  return mapped === undefined ? reply : { ...reply, text: withMember(reply.text, 'code', String(mapped)) }
}
