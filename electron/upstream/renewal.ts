import { ReconnectLoop } from '../../shared/reconnect.ts'
import type { Clock, Random } from '../kit/clock.ts'
import { type Deferred, deferred } from '../kit/deferred.ts'
import type { JsonText } from './types.ts'

/** A server that says no so often, with ever longer waits in between, means it. */
const mostRefusals = 5

/** Asks for everything that is watched. @returns the text of an error when the server refuses; rejects when it can't be asked */
export type Ask = () => Promise<JsonText | undefined>

/** The renewals of several connections, one each, by their ids. */
export class Renewals {
  readonly #time: { clock: Clock; random: Random }
  readonly #running = new Map<string, Renewal>()

  constructor(time: { clock: Clock; random: Random }) {
    this.#time = time
  }

  /** Asks at once. */
  begin(connectionId: string, ask: Ask): void {
    this.#add(connectionId, ask).start()
  }

  /** What was told before is lost: the server is given a moment, and longer each time that it happens soon. */
  lost(connectionId: string, reason: string, ask: Ask): void {
    const running = this.#running.get(connectionId)
    if (running) running.lost(reason)
    else this.#add(connectionId, ask).start(reason)
  }

  stop(connectionId: string): void {
    this.#running.get(connectionId)?.stop()
  }

  stopAll(): void {
    for (const renewal of this.#running.values()) renewal.stop()
  }

  #add(connectionId: string, ask: Ask): Renewal {
    this.stop(connectionId)
    const renewal = new Renewal({ ...this.#time, ask })
    this.#running.set(connectionId, renewal)
    void renewal.done.then(() => {
      if (this.#running.get(connectionId) === renewal) this.#running.delete(connectionId)
    })
    return renewal
  }
}

interface RenewalOptions {
  readonly clock: Clock
  readonly random: Random
  readonly ask: Ask
}

/**
 * Asks a server again, through a connection that lives on, for what it told before: whoever watches was answered then, and
 * has nobody to ask once more. It goes on until the server tells again, and when that is lost in its turn.
 */
class Renewal {
  /** Settles when it is over; never rejects. */
  readonly done: Promise<unknown>
  readonly #loop: ReconnectLoop
  #lost: Deferred<string> | undefined
  #refusals = 0

  constructor({ clock, random, ask }: RenewalOptions) {
    this.#loop = new ReconnectLoop({
      scheduler: clock,
      random,
      run: async (attempt) => {
        const lost = deferred<string>()
        this.#lost = lost
        const refused = await ask()
        if (refused !== undefined) {
          const reason = `the server refused: ${refused}`
          if (++this.#refusals < mostRefusals) return { kind: 'lost', reason }
          return { kind: 'stop', reason, state: 'stopped' }
        }
        this.#refusals = 0
        attempt.opened()
        return { kind: 'lost', reason: await lost.promise }
      },
    })
    this.done = this.#loop.done
  }

  /** @param reason what was told before was lost just now, which a server is given a moment for; without it asks at once */
  start(reason?: string): void {
    this.#loop.start(reason === undefined ? undefined : { kind: 'lost', reason })
  }

  /** The server does not tell any more. */
  lost(reason: string): void {
    this.#lost?.resolve(reason)
  }

  stop(): void {
    this.#loop.stop()
  }
}
