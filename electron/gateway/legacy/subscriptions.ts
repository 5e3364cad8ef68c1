import type { Handshake, UpstreamReply } from '../../upstream/types.ts'
import type { Backend, BackendRequest, SessionBackend } from '../backend.ts'
import { errorReply, ownReply } from '../bridge/replies.ts'
import { isObject } from '../message.ts'
import { rpcCodes } from '../rpc.ts'
import type { LegacySession } from './session.ts'

export const isSubscription = (method: string): boolean =>
  method === 'resources/subscribe' || method === 'resources/unsubscribe'

/**
 * `resources/subscribe` and `unsubscribe` of a legacy session. One watcher connection of the upstream follows a resource
 * for all of its clients, so that the server hears of the first and the last of them.
 */
export class Subscriptions implements Backend {
  readonly #session: LegacySession
  readonly #backend: SessionBackend

  constructor(session: LegacySession, backend: SessionBackend) {
    this.#session = session
    this.#backend = backend
  }

  get name(): string {
    return this.#backend.name
  }

  get config(): Backend['config'] {
    return this.#backend.config
  }

  handshake(): Promise<Handshake> {
    return this.#backend.handshake({ client: this.#session.context })
  }

  watch: Backend['watch'] = (what, listener) => this.#backend.watch(what, listener)

  async request({ method, params }: BackendRequest): Promise<UpstreamReply> {
    const value: unknown = params === undefined ? undefined : JSON.parse(params)
    const uri = isObject(value) ? value.uri : undefined
    if (typeof uri !== 'string') return errorReply({ code: rpcCodes.invalidParams, message: 'uri must be a string' })
    if (method === 'resources/unsubscribe') this.#session.unfollow(uri)
    else if (!this.#session.subscriptions.has(uri)) {
      const session = this.#session
      const watched = await this.#backend.watch({ uri }, ({ message }) => session.notify(message))
      if ('refused' in watched) return ownReply('error', watched.refused)
      session.follow(uri, watched.stop)
    }
    return ownReply('result', '{}')
  }
}
