import { maxTimerMs } from '../../shared/config.ts'
import type { AppError } from '../../shared/errors.ts'
import { fullJitterMs, type ReconnectPolicy } from '../../shared/reconnect.ts'
import type { Clock, Random, Timer } from '../kit/clock.ts'
import type { Tokens } from './credentials.ts'

/** An authorization server is asked less eagerly than a stream is opened: it has rate limits, and a person can sign in. */
export const refreshBackoff: ReconnectPolicy = { baseMs: 2_000, capMs: 300_000, floorMs: 1_000 }

/** Tokens are refreshed this long before they expire, or at a quarter of a short life. */
export const refreshAheadMs = 60_000

/** Whatever a server says: one that issues tokens of a second would have us busy with nothing else. */
const shortestLifeMs = 10_000

/** A refreshed token that was not refused for this long was a good one. */
const provenAfterMs = 60_000

/** refused: a person must sign in again. later: may work another time. superseded: there are other tokens by now, or none. */
export type RefreshEnd =
  | { kind: 'refreshed'; tokens: Tokens }
  | { kind: 'superseded' }
  | { kind: 'refused' | 'later'; error: AppError }

/**
 * When to refresh: ahead of the expiry, by a timer, and when a server refuses; one at a time whoever asks; and not again and
 * again when it does not help.
 */
export class Refresher {
  readonly #clock: Clock
  readonly #random: Random
  readonly #refresh: (signal: AbortSignal) => Promise<RefreshEnd>
  #flight: { promise: Promise<boolean>; aborter: AbortController } | undefined
  #timer: Timer | undefined
  /** Refreshes in a row that were not proven to help. */
  #inRow = 0
  #endedAt = Number.NEGATIVE_INFINITY
  #notBefore = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: {
    clock: Clock
    random: Random
    /** Never rejects. */
    refresh: (signal: AbortSignal) => Promise<RefreshEnd>
  }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#refresh = options.refresh
  }

  /** Whether it is time, for who is about to use the tokens: a timer may be late after a machine slept. */
  due(tokens: Tokens): boolean {
    return tokens.refreshToken !== null && this.#dueAt(tokens) <= this.#clock.wall()
  }

  /** @returns whether there are new tokens; false at once while it is too early for another attempt, and once it is closed */
  run(): Promise<boolean> {
    if (this.#flight) return this.#flight.promise
    if (this.#closed) return Promise.resolve(false)
    const now = this.#clock.now()
    if (now < this.#notBefore) return Promise.resolve(false)
    if (now - this.#endedAt >= provenAfterMs) this.#inRow = 0
    this.#timer?.cancel()
    const aborter = new AbortController()
    this.#flight = { promise: this.#run(aborter), aborter }
    return this.#flight.promise
  }

  /** The tokens were let in. */
  proven(): void {
    this.#inRow = 0
    this.#notBefore = Number.NEGATIVE_INFINITY
  }

  /** Watches over these from now on. */
  watch(tokens: Tokens): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#closed || tokens.refreshToken === null || tokens.expiresAt === null) return
    this.#after(Math.max(0, this.#dueAt(tokens) - this.#clock.wall()), tokens)
  }

  /** Nothing is refreshed until `watch` is called, or someone asks. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#flight?.aborter.abort()
    this.#flight = undefined
    this.proven()
  }

  /** For good. Resolves when a refresh that is under way has ended. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#flight?.promise
  }

  async #run(aborter: AbortController): Promise<boolean> {
    const end = await this.#refresh(aborter.signal)
    if (this.#flight?.aborter !== aborter) return false // stopped meanwhile
    this.#flight = undefined
    this.#endedAt = this.#clock.now()
    const waitMs = fullJitterMs(refreshBackoff, this.#inRow++, this.#random)
    this.#notBefore = this.#endedAt + waitMs
    if (end.kind === 'refreshed') this.watch(end.tokens)
    if (end.kind === 'later' && !this.#closed) this.#timer = this.#clock.after(waitMs, () => void this.run())
    return end.kind === 'refreshed'
  }

  /** Epoch milliseconds. */
  #dueAt({ issuedAt, expiresAt }: Tokens): number {
    if (expiresAt === null) return Number.POSITIVE_INFINITY
    const aheadMs = Math.min(refreshAheadMs, (expiresAt - issuedAt) / 4)
    return Math.max(issuedAt + shortestLifeMs, expiresAt - aheadMs)
  }

  #after(ms: number, tokens: Tokens): void {
    this.#timer = this.#clock.after(Math.min(ms, maxTimerMs), () => {
      if (ms > maxTimerMs) this.watch(tokens)
      else void this.run()
    })
  }
}
