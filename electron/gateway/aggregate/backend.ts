import type { Era, Handshake, JsonText, ServerNotification, Upstream, UpstreamReply } from '../../upstream/types.ts'
import { type Announcements, isForEverybody } from '../announcements.ts'
import type { Backend, BackendRequest } from '../backend.ts'
import { modernResult } from '../bridge/modern-results.ts'
import { errorReply, methodNotFound } from '../bridge/replies.ts'
import { memberOf, withMember } from '../json/members.ts'
import { rpcCodes } from '../rpc.ts'
import type { Introduction } from './introduction.ts'
import { type ListDeps, listAll } from './lists.ts'
import type { Connected, Member, Members } from './members.ts'
import { exposedName, exposedUri, isShortened, splitName, splitUri } from './namespaces.ts'
import { exposedResult, exposedUpdate, isListMethod } from './rewrite.ts'

export const aggregateName = '*'

export interface AggregateDeps extends ListDeps {
  era: Era
  members: Members
  introduction: Introduction
  announcements: Announcements
  /** Upstreams came or went. */
  onChange(listener: () => void): () => void
}

/** A member and the request as it knows it. */
interface Routed {
  member: Member
  params: JsonText
}

/** All upstreams as one server, for clients of one era. */
export class AggregateBackend implements Backend {
  readonly name = aggregateName
  readonly config = { enabled: true }
  readonly #deps: AggregateDeps

  constructor(deps: AggregateDeps) {
    this.#deps = deps
  }

  async handshake(): Promise<Handshake> {
    const { era, introduction } = this.#deps
    return introduction.handshake(era)
  }

  async request(request: BackendRequest): Promise<UpstreamReply> {
    const { members, era } = this.#deps
    const { method } = request
    if (isListMethod(method)) {
      const reply = await listAll(method, request, members.all(), this.#deps)
      return era === 'modern'
        ? { ...reply, text: modernResult(method, reply.text, this.#deps.introduction.serverInfo) }
        : reply
    }
    const routed = await this.#route(request)
    if (routed === 'unknown method') return methodNotFound(method)
    if (!routed) return this.#notFound(method)
    const { member, params } = routed
    const connected = await this.#deps.connect(member)
    const reply = await connected.backend.request({ ...request, ...this.#asMember(request, member, connected), params })
    if (reply.kind === 'error') return reply
    return { ...reply, text: exposedResult(method, member.namespace, reply.text) }
  }

  watch: Upstream['watch'] = async (what, listener) => {
    if ('list' in what) return this.#watchLists(what, listener)
    const parts = splitUri(what.uri)
    const member = parts && this.#deps.members.byScheme(parts.scheme)
    if (!member) return { refused: this.#notFound('resources/subscribe').text }
    const { backend } = await this.#deps.connect(member)
    return backend.watch({ uri: parts.uri }, ({ method, message }) =>
      listener({ method, message: exposedUpdate(member.namespace, message) }),
    )
  }

  /** Lists change at the members, and when members come and go. */
  async #watchLists(
    what: { list: 'tools' | 'prompts' | 'resources' },
    listener: (notification: ServerNotification) => void,
  ): Promise<{ stop: () => void }> {
    const { onChange, members, connect } = this.#deps
    const method = `notifications/${what.list}/list_changed`
    const message = `{"jsonrpc":"2.0","method":"${method}"}`
    const watched = new Map<string, () => void>()
    let stopped = false
    const follow = async (member: Member): Promise<void> => {
      const { name } = member.target
      if (watched.has(name)) return
      const pending = () => {}
      watched.set(name, pending)
      try {
        const { backend } = await connect(member)
        const reply = await backend.watch(what, () => listener({ method, message }))
        if ('refused' in reply) return
        if (stopped || watched.get(name) !== pending) reply.stop()
        else watched.set(name, reply.stop)
      } catch {
        // It can't be reached now; that it comes is a change of its own.
      }
    }
    const sync = () => {
      const present = members.all()
      for (const [name, stop] of watched)
        if (!present.some(({ target }) => target.name === name)) {
          watched.delete(name)
          stop()
        }
      for (const member of present) void follow(member)
    }
    const stopChanges = onChange(() => {
      sync()
      listener({ method, message })
    })
    sync()
    return {
      stop: () => {
        stopped = true
        stopChanges()
        for (const stop of watched.values()) stop()
        watched.clear()
      },
    }
  }

  async #route(request: BackendRequest): Promise<Routed | 'unknown method' | undefined> {
    const { method, params = '{}' } = request
    switch (method) {
      case 'tools/call':
      case 'prompts/get':
        return this.#byName(request, method === 'tools/call' ? 'tools/list' : 'prompts/list', params)
      case 'resources/read':
        return this.#byUri(params)
      case 'completion/complete': {
        const ref = memberOf(params, 'ref')
        if (!ref?.startsWith('{')) return undefined
        const routed =
          memberOf(ref, 'type') === '"ref/prompt"' ? await this.#byName(request, 'prompts/list', ref) : this.#byUri(ref)
        return routed && { member: routed.member, params: withMember(params, 'ref', routed.params) }
      }
      default:
        return 'unknown method'
    }
  }

  /** @param holder the object with the `name` */
  async #byName(
    request: BackendRequest,
    list: 'tools/list' | 'prompts/list',
    holder: JsonText,
  ): Promise<Routed | undefined> {
    const exposed = stringMember(holder, 'name')
    const parts = exposed === undefined ? undefined : splitName(exposed)
    const member = parts && this.#deps.members.byPrefix(parts.prefix)
    if (exposed === undefined || !member) return undefined
    const name = isShortened(exposed) ? await this.#fullName(request, list, member, exposed) : parts.name
    return { member, params: withMember(holder, 'name', JSON.stringify(name ?? parts.name)) }
  }

  #byUri(holder: JsonText): Routed | undefined {
    const exposed = stringMember(holder, 'uri')
    const parts = exposed === undefined ? undefined : splitUri(exposed)
    const member = parts && this.#deps.members.byScheme(parts.scheme)
    return member && { member, params: withMember(holder, 'uri', JSON.stringify(parts.uri)) }
  }

  /** A name that had to be shortened stands for the one of the upstream's that is shortened to it. */
  async #fullName(
    request: BackendRequest,
    method: 'tools/list' | 'prompts/list',
    member: Member,
    exposed: string,
  ): Promise<string | undefined> {
    const { backend, profile } = await this.#deps.connect(member)
    const meta = request.params === undefined ? undefined : memberOf(request.params, '_meta')
    let cursor: unknown
    do {
      const at = cursor === undefined ? '{}' : JSON.stringify({ cursor })
      const params = meta === undefined ? at : withMember(at, '_meta', meta)
      const { client, signal } = request
      const reply = await backend.request({ method, params, profile, client, signal })
      if (reply.kind === 'error') return undefined
      const page = JSON.parse(reply.text) as { tools?: unknown; prompts?: unknown; nextCursor?: unknown }
      const items = page.tools ?? page.prompts
      const names = Array.isArray(items) ? items.map((item: { name?: unknown }) => item.name) : []
      const found = names.find((name) => typeof name === 'string' && exposedName(member.namespace, name) === exposed)
      if (typeof found === 'string') return found
      cursor = page.nextCursor
    } while (typeof cursor === 'string')
    return undefined
  }

  #asMember({ onNotification }: BackendRequest, { target, namespace }: Member, { profile }: Connected) {
    return {
      profile,
      // Soft affinity is to the connection of another upstream, as likely as not.
      prefer: undefined,
      onNotification: (notification: ServerNotification) => {
        if (isForEverybody(notification.method)) this.#deps.announcements.pass(target.name, notification)
        else onNotification?.({ ...notification, message: exposedUpdate(namespace, notification.message) })
      },
    }
  }

  #notFound(method: string): UpstreamReply {
    const legacyResource = this.#deps.era === 'legacy' && method.startsWith('resources/')
    const known = this.#deps.members.all().map(({ namespace }) => namespace)
    const forms = method.startsWith('resources/')
      ? known.map((namespace) => exposedUri(namespace, '…'))
      : known.map((namespace) => exposedName(namespace, '…'))
    return errorReply({
      code: legacyResource ? rpcCodes.resourceNotFound : rpcCodes.invalidParams,
      message: `No upstream has this: expected ${forms.join(', ') || 'none, because none is running'}`,
    })
  }
}

function stringMember(object: JsonText, key: string): string | undefined {
  const value = memberOf(object, key)
  return value?.startsWith('"') ? (JSON.parse(value) as string) : undefined
}
