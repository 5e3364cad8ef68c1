import { AppError } from '../../../shared/errors.ts'
import type { Random } from '../../kit/clock.ts'
import type { ReadingEnd } from './tracked-stream.ts'

/**
 * A stream without a byte for this long is taken for half-open: its other end is gone without a word. Servers and proxies that
 * keep streams alive send a comment each 15 to 60 s.
 */
export const keepAliveMs = 90_000

/** A server that never says anything is not worth a new stream each minute and a half. */
const longestSilenceMs = 600_000

/** Streams that were opened together are not to be given up together. */
const spread = 0.2

/**
 * How long a stream may be silent. A server that was silent for that long and then for as long again keeps nothing alive: the
 * time doubles. It starts anew with the first message.
 */
export class KeepAlive {
  readonly #baseMs: number
  readonly #random: Random
  #doublings = 0

  constructor(baseMs: number, random: Random) {
    this.#baseMs = baseMs
    this.#random = random
  }

  get silenceMs(): number {
    const ms = Math.min(this.#baseMs * 2 ** this.#doublings, Math.max(this.#baseMs, longestSilenceMs))
    return Math.round(ms * (1 - spread / 2 + this.#random() * spread))
  }

  heard(): void {
    this.#doublings = 0
  }

  /**
   * @param error what a stream ended with
   * @returns how it ended when it was silent: a server may have nothing to say, so that it is no failure until it is known
   */
  ended(error: unknown): ReadingEnd | undefined {
    if (!(error instanceof AppError) || error.data?.reason !== 'silence') return undefined
    this.#doublings = Math.min(this.#doublings + 1, 16)
    const { silenceMs } = error.data
    if (typeof silenceMs !== 'number') return undefined
    const seconds = Math.max(1, Math.round(silenceMs / 1_000))
    return {
      kind: 'lost',
      reason: `the server has sent nothing for ${seconds} s, not even a sign of life: whether the stream still lives is seen by opening it again`,
    }
  }
}
