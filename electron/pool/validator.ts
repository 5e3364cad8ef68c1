import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { PooledConnection } from './connection.ts'
import type { PoolCore } from './core.ts'
import { toError } from './pool-error.ts'
import type { Resource } from './types.ts'

/** A connection that has proved nothing for this long is asked before it is used, and at that pace while idle. */
export const pingIdleMs = 30_000
/** A ping that takes longer means that it is not well. */
export const pingTimeoutMs = 5_000
/** A timer this late was held up by a blocked event loop, and so was the answer: it gets its time again. */
const lateMs = 1_000

/**
 * Asks connections whether they are well while they are reserved (`returning`), so that nobody is handed one that is
 * being checked. Never holds up the return queue: whoever begins a check goes on, the outcome comes back by callback.
 */
export class Validator<R extends Resource> {
  readonly #core: PoolCore<R>
  readonly #well: (connection: PooledConnection<R>) => void
  readonly #unwell: (connection: PooledConnection<R>, error: Error) => void

  constructor(
    core: PoolCore<R>,
    well: (connection: PooledConnection<R>) => void,
    unwell: (connection: PooledConnection<R>, error: Error) => void,
  ) {
    this.#core = core
    this.#well = well
    this.#unwell = unwell
  }

  isDue(connection: PooledConnection<R>, now: number): boolean {
    return now - connection.verifiedAt > pingIdleMs && connection.resource?.ping !== undefined
  }

  /** Takes an idle connection out and checks it. */
  begin(connection: PooledConnection<R>, now: number): void {
    this.#core.idle.remove(connection)
    connection.moveTo('returning', now)
    void this.#check(connection)
  }

  async #check(connection: PooledConnection<R>): Promise<void> {
    let failure: Error | undefined
    try {
      const { resource } = connection
      if (resource?.ping) await withTimeout(this.#core.clock, (signal) => resource.ping?.(signal))
    } catch (thrown) {
      failure = toError(thrown)
    }
    // Whatever happened during the await: only a connection that is still reserved may be put back or closed.
    if (connection.state !== 'returning') return
    try {
      if (failure) this.#unwell(connection, failure)
      else this.#well(connection)
    } catch (error) {
      this.#core.report(error)
    }
  }
}

function withTimeout(clock: Clock, ping: (signal: AbortSignal) => Promise<void> | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = new AbortController()
    const timedOut = (): void => {
      const error = new AppError('RESPONSE_TIMEOUT', `no answer to a ping within ${pingTimeoutMs} ms`)
      reject(error)
      abort.abort(error)
    }
    const arm = () => {
      const due = clock.now() + pingTimeoutMs
      return clock.after(pingTimeoutMs, () => {
        if (clock.now() - due < lateMs) timedOut()
        else timer = arm()
      })
    }
    let timer = arm()
    const settled = () => timer.cancel()
    try {
      const pinged = ping(abort.signal) ?? Promise.resolve()
      pinged.then(resolve, reject).finally(settled)
    } catch (error) {
      settled()
      reject(toError(error))
    }
  })
}
