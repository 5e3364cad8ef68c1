import type { Unsubscribe } from '../../kit/emitter.ts'
import type { ServerNotification } from '../../upstream/types.ts'
import { isForEverybody, resourceUpdated, updatedUri } from '../announcements.ts'
import type { Target } from '../targets.ts'
import type { Sessions } from './sessions.ts'

interface Watched {
  target: Target
  stop: Unsubscribe
  watch(): void
}

/**
 * Passes on what a server says outside of requests: `list_changed` to every session of the upstream, `resources/updated`
 * to those that subscribed to the URI. Anything else that belongs to nobody is dropped: a log message shown to every
 * session would leak one client's work to another.
 */
export class ServerNotifications {
  readonly #sessions: Sessions
  readonly #watched = new Map<string, Watched>()

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  /** Listens to this target, and to no earlier one of that name. */
  watch(target: Target): Watched {
    const { name } = target
    const watched = this.#watched.get(name)
    if (watched?.target === target) return watched
    watched?.stop()
    const fresh = { target, ...target.listen((notification) => this.#pass(name, notification)) }
    this.#watched.set(name, fresh)
    return fresh
  }

  /** A session can hear it from now on: servers that tell it only to who asked are asked. */
  watchLists(target: Target): void {
    this.watch(target).watch()
  }

  unwatch(name: string): void {
    this.#watched.get(name)?.stop()
    this.#watched.delete(name)
  }

  close(): void {
    for (const name of [...this.#watched.keys()]) this.unwatch(name)
  }

  #pass(name: string, { method, message }: ServerNotification): void {
    if (!isForEverybody(method)) return
    const uri = method === resourceUpdated ? updatedUri(message) : undefined
    for (const session of this.#sessions.of(name))
      if (method !== resourceUpdated || (uri !== undefined && session.subscriptions.has(uri))) session.notify(message)
  }
}
