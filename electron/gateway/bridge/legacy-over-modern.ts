import type { Clock } from '../../kit/clock.ts'
import type { Handshake, JsonText, ProcessProfile, Upstream, UpstreamReply } from '../../upstream/types.ts'
import {
  type Backend,
  type BackendRequest,
  type ClientContext,
  type HandshakeRequest,
  modernProfile,
  type SessionBackend,
} from '../backend.ts'
import { append, membersOf, memberText, objectOf, without } from '../json/members.ts'
import { isObject } from '../message.ts'
import { inputMethods, metaKeys, metaPrefix } from '../modern/envelope.ts'
import { InputRounds } from './input-rounds.ts'
import { initializeResult, legacyError, legacyResult, newestLegacyVersion } from './legacy-results.ts'
import { methodNotFound } from './replies.ts'

/** Methods of the modern era alone, and tasks, which are another thing in each era. */
const isUnknown = (method: string): boolean =>
  method === 'server/discover' || method === 'subscriptions/listen' || method.startsWith('tasks/')

/** Legacy clients of a server that speaks only the modern era (PROTOCOL, section 1). */
export class LegacyOverModern implements SessionBackend {
  readonly profile: ProcessProfile = modernProfile
  readonly #modern: Backend
  readonly #close: () => void
  readonly #rounds: InputRounds
  /** The revision and capabilities of the server, once they are known. */
  #handshake: Handshake | undefined

  /** @param close gives up a process that serves only this session */
  constructor(modern: Backend, clock: Clock, close: () => void = () => {}) {
    this.#modern = modern
    this.#close = close
    this.#rounds = new InputRounds(clock)
  }

  get name(): string {
    return this.#modern.name
  }

  get config(): Backend['config'] {
    return this.#modern.config
  }

  watch: Upstream['watch'] = (what, listener) => this.#modern.watch(what, listener)

  close(): void {
    this.#close()
  }

  async handshake(request: HandshakeRequest): Promise<Handshake> {
    const handshake = await this.#discovered(request)
    return {
      ...handshake,
      era: 'legacy',
      protocolVersion: newestLegacyVersion,
      initializeResult: initializeResult(handshake),
    }
  }

  async request(request: BackendRequest): Promise<UpstreamReply> {
    const { method } = request
    if (isUnknown(method)) return methodNotFound(method)
    const handshake = this.#handshake ?? (await this.#discovered({ ...request, profile: modernProfile }))
    const params = modernParams(request, handshake)
    const send = (more: { params: JsonText; only?: string | undefined }): Promise<UpstreamReply> =>
      this.#modern.request({ ...request, ...more, profile: modernProfile, onServerRequest: undefined })
    const first = await send({ params, only: request.only })
    const reply = inputMethods.has(method) ? await this.#rounds.complete(request, params, first, send) : first
    if (reply.kind === 'error') return legacyError(method, reply)
    return { ...reply, text: legacyResult(method, reply.text) }
  }

  async #discovered({ signal, client }: HandshakeRequest): Promise<Handshake> {
    this.#handshake = await this.#modern.handshake({ signal, client, profile: modernProfile })
    return this.#handshake
  }
}

/** The request's params with the envelope that every modern request has. */
function modernParams({ params, client, onServerRequest }: BackendRequest, handshake: Handshake): JsonText {
  const object = params?.startsWith('{') ? params : '{}'
  const members = membersOf(object).filter(
    ({ key }) => key !== 'task' && key !== 'inputResponses' && key !== 'requestState',
  )
  const meta = members.find(({ key }) => key === '_meta')?.value
  const envelope = [
    memberText(metaKeys.protocolVersion, JSON.stringify(handshake.protocolVersion)),
    memberText(metaKeys.clientCapabilities, JSON.stringify(modernCapabilities(client, onServerRequest !== undefined))),
  ]
  if (client.info !== undefined) envelope.push(memberText(metaKeys.clientInfo, client.info))
  const level = logLevelFor(client, handshake)
  if (level !== undefined) envelope.push(memberText(metaKeys.logLevel, JSON.stringify(level)))
  const own = meta?.startsWith('{') ? without(meta, (key) => key.startsWith(metaPrefix) && reservedKeys.has(key)) : '{}'
  const others = members.filter(({ key }) => key !== '_meta')
  return objectOf([...others, { text: memberText('_meta', append(own, envelope.join(','))) }])
}

const reservedKeys: ReadonlySet<string> = new Set(Object.values(metaKeys))

/** Only what the session declared, and what its client can be asked while it waits for this answer. */
function modernCapabilities({ capabilities }: ClientContext, canAsk: boolean): Record<string, unknown> {
  const { elicitation, sampling, roots, experimental } = capabilities
  if (!canAsk) return { experimental }
  return { elicitation, sampling, roots: isObject(roots) ? {} : undefined, experimental }
}

/**
 * A legacy server decides what it logs until its client sets a level; a modern one says nothing without a level. So that a
 * client that never set one gets what a legacy server would send, it is asked for everything.
 */
const logLevelFor = ({ logLevel }: ClientContext, { capabilities }: Handshake): string | undefined =>
  'logging' in capabilities ? (logLevel ?? 'debug') : undefined
