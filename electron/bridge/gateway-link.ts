import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../shared/errors.ts'
import { type Answer, HttpLink, SendError, type SendOptions } from './http.ts'
import type { BridgeLimits, Endpoint, Locate } from './types.ts'

const attemptEveryMs = 200

/** Sends to the gateway, wherever it is: it may start later than its clients, and come back at another port. */
export class GatewayLink {
  readonly #http = new HttpLink()
  readonly #locate: Locate
  readonly #limits: BridgeLimits
  #endpoint: Endpoint | undefined

  constructor(locate: Locate, limits: BridgeLimits) {
    this.#locate = locate
    this.#limits = limits
  }

  /**
   * Tries again until `reachMs` are over, as long as nothing was sent: what was sent may have had its effect.
   * @param repeatable that would do no harm: it may be sent again in any case
   * @throws AppError HOST_UNREACHABLE (never sent) or CONNECTION_LOST (perhaps done)
   */
  async send(options: SendOptions, repeatable = false): Promise<Answer> {
    const deadline = performance.now() + this.#limits.reachMs
    for (;;) {
      try {
        this.#endpoint ??= await this.#locate()
        return await this.#http.send(this.#endpoint, options)
      } catch (error) {
        const where = this.#endpoint?.url.origin
        this.forget()
        if (error instanceof SendError && error.sent && !repeatable) throw lost(error)
        if (options.signal.aborted || performance.now() + attemptEveryMs > deadline) throw unreachable(error, where)
        await delay(attemptEveryMs)
      }
    }
  }

  /** The next message looks for the gateway anew, and reads the token anew. */
  forget(): void {
    this.#endpoint = undefined
  }

  close(): void {
    this.#http.close()
  }
}

const lost = (cause: SendError) =>
  new AppError(
    'CONNECTION_LOST',
    `The connection to Poolscope was lost (${cause.message}) before the answer came; the call may have run.`,
    undefined,
    { cause },
  )

function unreachable(cause: unknown, where: string | undefined): AppError {
  if (cause instanceof AppError) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new AppError(
    'HOST_UNREACHABLE',
    `Poolscope does not answer at ${where ?? 'its address'} (${why}). Start the app, or \`poolscope serve\`; the next request tries again.`,
    undefined,
    { cause },
  )
}
