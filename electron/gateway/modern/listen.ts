import type { Unsubscribe } from '../../kit/emitter.ts'
import type { JsonText, ServerNotification } from '../../upstream/types.ts'
import type { Backend, ClientContext } from '../backend.ts'
import { modernProfile } from '../backend.ts'
import type { Call } from '../call.ts'
import { sendJson } from '../http/respond.ts'
import type { SseConnections } from '../http/sse.ts'
import { memberOf, memberText, withMember } from '../json/members.ts'
import { type ClientRequest, isObject } from '../message.ts'
import type { Relay } from '../relay.ts'
import { resultText, rpcCodes } from '../rpc.ts'
import type { Target } from '../targets.ts'
import { metaKeys } from './envelope.ts'

/** Streams of this kind that may be open at once: as in the SDK. */
const maxListeners = 1024

const lists = { toolsListChanged: 'tools', promptsListChanged: 'prompts', resourcesListChanged: 'resources' } as const

type What = Parameters<Backend['watch']>[0]

/** What a client wants to hear of. */
interface Filter {
  lists: (keyof typeof lists)[]
  uris: string[]
}

export interface ListenRequest {
  call: Call
  request: ClientRequest
  client: ClientContext
  backend: Backend
  gone: AbortSignal
}

/** Streams of `subscriptions/listen`: what a client asked to hear of, each message marked with its request's id. */
export class Listeners {
  readonly #relay: Relay
  readonly #streams: SseConnections
  readonly #open = new Map<() => void, Target>()

  constructor(relay: Relay, streams: SseConnections) {
    this.#relay = relay
    this.#streams = streams
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * Acknowledges with what of the filter the server can tell, and goes on until the client closes the response.
   * @throws AppError when the server can't be reached
   */
  async serve({ call, request, client, backend, gone }: ListenRequest): Promise<void> {
    const { response, target } = call
    const filter = readFilter(request.paramsValue)
    const problem = this.#problem(call, filter)
    if (problem || !filter) {
      const error = { code: problem?.code ?? rpcCodes.invalidParams, message: problem?.message ?? '' }
      sendJson(response, 200, this.#relay.answer(target.name, request, { error }, client.protocolVersion))
      return
    }
    const handshake = await backend.handshake({ signal: gone, profile: modernProfile, client })
    const stops: Unsubscribe[] = []
    // What comes before the acknowledgement is sent after it.
    const early: ServerNotification[] = []
    let deliver = (notification: ServerNotification): void => void early.push(notification)
    try {
      const narrowed = narrow(filter, handshake.capabilities)
      const honoured = await follow(backend, narrowed, (n) => deliver(n), stops)
      if (gone.aborted) return
      const connection = this.#streams.open(response, () => end())
      const end = () => {
        for (const stop of stops.splice(0)) stop()
        this.#open.delete(close)
      }
      const close = () => {
        connection.event(this.#finish(target.name, request, client, handshake.initializeResult))
        connection.end()
        end()
      }
      connection.event(acknowledgement(request.id, honoured))
      deliver = ({ message }) => connection.event(tagged(message, request.id))
      for (const notification of early) deliver(notification)
      this.#open.set(close, target)
      if (honoured.lists.length + honoured.uris.length === 0) close()
    } finally {
      if (!response.headersSent) for (const stop of stops) stop()
    }
  }

  /** Ends every stream with a result: the client knows that nothing was lost. */
  close(): void {
    for (const close of [...this.#open.keys()]) close()
  }

  /** An upstream was stopped or replaced: nothing would be told any more, and the client may listen to what comes next. */
  endOf(isGone: (target: Target) => boolean): void {
    for (const [close, target] of [...this.#open]) if (isGone(target)) close()
  }

  #problem({ accepts }: Call, filter: Filter | undefined): { code: number; message: string } | undefined {
    if (!filter)
      return { code: rpcCodes.invalidParams, message: 'params.notifications is required: what to listen for' }
    if (!accepts.stream)
      return { code: rpcCodes.invalidRequest, message: 'subscriptions/listen needs Accept: text/event-stream' }
    if (this.#open.size >= maxListeners) return { code: rpcCodes.internalError, message: 'Too many subscriptions' }
    return undefined
  }

  #finish(name: string, request: ClientRequest, client: ClientContext, discovered: JsonText): JsonText {
    const meta = memberOf(discovered, '_meta')
    const serverInfo = meta && memberOf(meta, metaKeys.serverInfo)
    const members = [memberText(metaKeys.subscriptionId, request.id)]
    if (serverInfo) members.push(memberText(metaKeys.serverInfo, serverInfo))
    const result = `{"resultType":"complete","_meta":{${members.join(',')}}}`
    this.#relay.answer(name, request, { result }, client.protocolVersion)
    return resultText(request.id, result)
  }
}

/** @returns what is really followed: a server may refuse a resource */
async function follow(
  backend: Backend,
  filter: Filter,
  listener: (notification: ServerNotification) => void,
  stops: Unsubscribe[],
): Promise<Filter> {
  const watch = async (what: What): Promise<boolean> => {
    const watched = await backend.watch(what, listener)
    if ('refused' in watched) return false
    stops.push(watched.stop)
    return true
  }
  const [followedLists, followedUris] = await Promise.all([
    Promise.all(filter.lists.map((key) => watch({ list: lists[key] }))),
    Promise.all(filter.uris.map((uri) => watch({ uri }))),
  ])
  return {
    lists: filter.lists.filter((_, i) => followedLists[i]),
    uris: filter.uris.filter((_, i) => followedUris[i]),
  }
}

function readFilter(params: unknown): Filter | undefined {
  const asked = isObject(params) ? params.notifications : undefined
  if (!isObject(asked)) return undefined
  const keys = Object.keys(lists) as (keyof typeof lists)[]
  if (keys.some((key) => asked[key] !== undefined && typeof asked[key] !== 'boolean')) return undefined
  const uris = asked.resourceSubscriptions ?? []
  if (!Array.isArray(uris) || uris.some((uri) => typeof uri !== 'string')) return undefined
  return { lists: keys.filter((key) => asked[key] === true), uris: [...new Set(uris as string[])] }
}

/** Only what the server says that it tells. */
function narrow(filter: Filter, capabilities: Record<string, unknown>): Filter {
  const has = (name: string, member: string) => {
    const capability = capabilities[name]
    return isObject(capability) && capability[member] === true
  }
  return {
    lists: filter.lists.filter((key) => has(lists[key], 'listChanged')),
    uris: has('resources', 'subscribe') ? filter.uris : [],
  }
}

function acknowledgement(id: JsonText, { lists: keys, uris }: Filter): JsonText {
  const notifications: Record<string, unknown> = Object.fromEntries(keys.map((key) => [key, true]))
  if (uris.length > 0) notifications.resourceSubscriptions = uris
  const params = `{"notifications":${JSON.stringify(notifications)},"_meta":{${memberText(metaKeys.subscriptionId, id)}}}`
  return `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":${params}}`
}

function tagged(message: JsonText, id: JsonText): JsonText {
  const params = memberOf(message, 'params') ?? '{}'
  const meta = memberOf(params, '_meta') ?? '{}'
  return withMember(message, 'params', withMember(params, '_meta', withMember(meta, metaKeys.subscriptionId, id)))
}
