import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'

/** Failures in a row, with nothing heard in between, that end a session. */
const mostTroubles = 3

/** How long the server has to say whether it still lets us in. */
const accessCheckMs = 10_000

export interface SessionHealthOptions {
  readonly clock: Clock
  /** The simplest request of all. */
  ping(signal: AbortSignal): Promise<void>
  /** Nothing but failures: what the session is worth is seen by opening another. */
  unwell(error: AppError): void
  /** We are not let in any more. */
  refused(error: AppError): void
}

/** What single requests tell about a whole session. */
export class SessionHealth {
  readonly #options: SessionHealthOptions
  #troubles = 0
  #checking = false

  constructor(options: SessionHealthOptions) {
    this.#options = options
  }

  /** The server has answered something. */
  fine(): void {
    this.#troubles = 0
  }

  /** A request failed for a reason that may be the session's. */
  troubled({ code, message, data }: AppError): void {
    if (++this.#troubles < mostTroubles) return
    this.#options.unwell(new AppError(code, `${mostTroubles} failures in a row, the last: ${message}`, data))
  }

  /** One request was forbidden. When the simplest of all is too, none is worth an attempt. */
  async forbidden(): Promise<void> {
    if (this.#checking) return
    this.#checking = true
    const { clock, ping, refused } = this.#options
    const own = new AbortController()
    const timer = clock.after(accessCheckMs, () => own.abort())
    try {
      await ping(own.signal)
    } catch (error) {
      if (error instanceof AppError && error.code === 'UPSTREAM_FORBIDDEN') refused(error)
    } finally {
      timer.cancel()
      this.#checking = false
    }
  }
}
