import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'

/** Failures in a row, with nothing heard in between, that end a session. */
const mostTroubles = 3

/**
 * How long the failures have to go on besides. Where nothing listens another session can't be opened either, and most servers
 * know the old one when they are back; what is cut off, or refused by a proxy, may be one server of several that is gone.
 */
const awayMs = 300_000
const cutOffMs = 10_000

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
  /** The server could not be reached, and now it has answered. */
  back(): void
}

/** What single requests tell about a whole session. */
export class SessionHealth {
  readonly #options: SessionHealthOptions
  #troubles = 0
  /** When the first of them was. */
  #since = 0
  #away = false
  #checking = false

  constructor(options: SessionHealthOptions) {
    this.#options = options
  }

  /** Nothing listens where the server was, as far as the last request could tell. */
  get away(): boolean {
    return this.#away
  }

  /** The server has answered something. */
  fine(): void {
    this.#troubles = 0
    if (!this.#away) return
    this.#away = false
    this.#options.back()
  }

  /** A request failed for a reason that may be the session's. */
  troubled(error: AppError): void {
    const now = this.#options.clock.now()
    if (this.#troubles++ === 0) this.#since = now
    this.#away = isUnreachable(error)
    if (this.#troubles < mostTroubles || now - this.#since < patienceMs(error)) return
    const { code, message, data } = error
    this.#options.unwell(new AppError(code, `${this.#troubles} failures in a row, the last: ${message}`, data))
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

const isUnreachable = ({ code }: AppError): boolean => code === 'CONNECT_FAILED'

function patienceMs(error: AppError): number {
  if (isUnreachable(error)) return awayMs
  const { code, data } = error
  const ofProxy = data?.status === 502 || data?.status === 503 || data?.status === 504
  return code === 'CONNECTION_LOST' || ofProxy ? cutOffMs : 0
}
