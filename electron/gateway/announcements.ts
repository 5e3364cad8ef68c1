import type { Unsubscribe } from '../kit/emitter.ts'
import { scanObject, spanAt, stringAt } from '../upstream/envelope.ts'
import type { JsonText, ServerNotification } from '../upstream/types.ts'

const listChanged = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
])
export const resourceUpdated = 'notifications/resources/updated'

/** Whether a notification concerns everybody who uses the server, not the one whose request it came with. */
export const isForEverybody = (method: string): boolean => listChanged.has(method) || method === resourceUpdated

type Listener = (notification: ServerNotification) => void

/** What concerns everybody but came to the one who held the process: passed on to who listens to that upstream. */
export class Announcements {
  readonly #listeners = new Map<string, Set<Listener>>()

  on(upstream: string, listener: Listener): Unsubscribe {
    const listeners = this.#listeners.get(upstream) ?? new Set()
    this.#listeners.set(upstream, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(upstream)
    }
  }

  pass(upstream: string, notification: ServerNotification): void {
    if (!isForEverybody(notification.method)) return
    for (const listener of this.#listeners.get(upstream) ?? []) listener(notification)
  }
}

/** The resource that a `resources/updated` is about; undefined when it can't be read: a server may write anything. */
export function updatedUri(message: JsonText): string | undefined {
  const params = spanAt(message, ['params'])
  return params && stringAt(message, scanObject(message, ['uri'], params)?.[0])
}
