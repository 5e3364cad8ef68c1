import type { JsonText, Wait } from '../../upstream/types.ts'
import type { SessionNeeds } from '../targets.ts'
import type { LegacySession } from './session.ts'

/**
 * Between a session and a process of its own. The process may speak before there is a session: before its `initialize` is
 * answered.
 */
export class SessionLink {
  #session: LegacySession | undefined
  readonly #end: (session: LegacySession) => void
  #early: ((session: LegacySession) => void)[] = []

  constructor(end: (session: LegacySession) => void) {
    this.#end = end
  }

  needs(initialize: JsonText, capabilities: Record<string, unknown>, wait: Wait): SessionNeeds {
    return {
      wait,
      initialize,
      capabilities,
      notification: (notification) =>
        this.#then((session) => {
          if (notification.method !== 'notifications/message' || session.wantsLog(notification))
            session.notify(notification.message)
        }),
      serverRequest: (request) =>
        this.#then((session) => session.serverRequests.ask(request, (message) => session.ask(message))),
      goneSince: () => this.#session?.goneSince,
      end: () => this.#then(this.#end),
    }
  }

  join(session: LegacySession): void {
    this.#session = session
    for (const act of this.#early.splice(0)) act(session)
  }

  #then(act: (session: LegacySession) => void): void {
    if (this.#session) act(this.#session)
    else this.#early.push(act)
  }
}
