import type { Unsubscribe } from '../../kit/emitter.ts'
import type { ServerNotification, Upstream } from '../../upstream/types.ts'
import { paramsOf } from '../message.ts'
import type { Sessions } from './sessions.ts'

const listChanged = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
])
const resourceUpdated = 'notifications/resources/updated'

/** Whether a notification concerns everybody who uses the server, not the one whose request it came with. */
export const isForEverySession = (method: string): boolean => listChanged.has(method) || method === resourceUpdated

/**
 * Passes on what a server says outside of requests: `list_changed` to every session of the upstream, `resources/updated`
 * to those that subscribed to the URI. Anything else that belongs to nobody is dropped: a log message shown to every
 * session would leak one client's work to another.
 */
export class ServerNotifications {
  readonly #sessions: Sessions
  readonly #watched = new Map<string, { upstream: Upstream; unsubscribe: Unsubscribe }>()

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  /** Listens to this upstream, and to no earlier one of that name. */
  watch(upstream: Upstream): void {
    const watched = this.#watched.get(upstream.name)
    if (watched?.upstream === upstream) return
    watched?.unsubscribe()
    const unsubscribe = upstream.events.on('notification', (notification) => this.pass(upstream.name, notification))
    this.#watched.set(upstream.name, { upstream, unsubscribe })
  }

  unwatch(name: string): void {
    this.#watched.get(name)?.unsubscribe()
    this.#watched.delete(name)
  }

  close(): void {
    for (const name of [...this.#watched.keys()]) this.unwatch(name)
  }

  pass(upstream: string, { method, message }: ServerNotification): void {
    if (!isForEverySession(method)) return
    const uri = method === resourceUpdated ? resourceUri(message) : undefined
    for (const session of this.#sessions.of(upstream))
      if (method !== resourceUpdated || (uri !== undefined && session.subscriptions.has(uri))) session.notify(message)
  }
}

function resourceUri(message: string): string | undefined {
  const uri = paramsOf(message)?.uri
  return typeof uri === 'string' ? uri : undefined
}
