import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../shared/errors.ts'
import { fullJitterMs, type ReconnectPolicy } from '../../shared/reconnect.ts'
import { type Answer, HttpLink, SendError, type SendOptions } from './http.ts'
import type { Endpoint, Locate } from './types.ts'

/** Between two attempts to reach it for one message: a start takes seconds, and whoever waits is a client. Its other bridges wait too. */
const reachBackoff: ReconnectPolicy = { baseMs: 200, capMs: 400, floorMs: 50 }

/** Sends to the gateway, wherever it is: it may start later than its clients, and come back at another port. */
export class GatewayLink {
  readonly #http = new HttpLink()
  readonly #locate: Locate
  readonly #reachMs: number
  readonly #random: () => number
  #endpoint: Endpoint | undefined

  /** @param reachMs how long a message waits for a gateway that can not be reached */
  constructor(locate: Locate, reachMs: number, random: () => number) {
    this.#locate = locate
    this.#reachMs = reachMs
    this.#random = random
  }

  /**
   * Tries again until `reachMs` are over, as long as nothing was sent: what was sent may have had its effect.
   * @param repeatable that would do no harm: it may be sent again in any case
   * @throws AppError HOST_UNREACHABLE (never sent) or CONNECTION_LOST (perhaps done)
   */
  async send(options: SendOptions, repeatable = false): Promise<Answer> {
    const deadline = performance.now() + this.#reachMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.sendOnce(options, repeatable)
      } catch (error) {
        if (error instanceof AppError && error.code === 'CONNECTION_LOST') throw error
        const waitMs = fullJitterMs(reachBackoff, attempt, this.#random)
        if (options.signal.aborted || performance.now() + waitMs > deadline) throw error
        await delay(waitMs, undefined, { signal: options.signal }).catch(() => undefined)
      }
    }
  }

  /** One attempt, for whoever has a backoff of its own. @throws AppError as `send` */
  async sendOnce(options: SendOptions, repeatable = false): Promise<Answer> {
    try {
      this.#endpoint ??= await this.#locate()
      return await this.#http.send(this.#endpoint, options)
    } catch (error) {
      const where = this.#endpoint?.url.origin
      this.forget()
      throw error instanceof SendError && error.sent && !repeatable ? lost(error) : unreachable(error, where)
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
