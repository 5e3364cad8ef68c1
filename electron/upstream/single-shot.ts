import type { Clock } from '../kit/clock.ts'
import type { UpstreamConnection } from './connection-types.ts'

/** POOL semantics, "Single-shot programs and warm spares". */
const strikesToMark = 2

/** How long a process that may be about to exit is kept from the next request. An exit takes a few milliseconds. */
const probationMs = 150

export const singleShotAdvice =
  'This program ends after one answer, so its process cannot be reused: every request pays for a start. ' +
  'Each process now serves one request, and a warm spare is kept ready. For throughput run a persistent MCP server, ' +
  'or reach it over http.'

/**
 * Finds out whether a program answers once and exits. Two code-0 exits right after exactly one answer mark it.
 *
 * Until it is known, the process that gave its first answer is put on probation where it is suspect (a plain JSON-RPC
 * program, or one that has ended so once): the next request would otherwise be written to a process that is about to
 * exit, and be lost. One process that answers twice clears the suspicion.
 */
export class SingleShotDetector {
  readonly #clock: Clock
  #strikes = 0
  #suspect: boolean
  #marked = false

  constructor(clock: Clock, suspect: boolean) {
    this.#clock = clock
    this.#suspect = suspect
  }

  get marked(): boolean {
    return this.#marked
  }

  /** @returns true when this end marks the program as single-shot, once */
  ended(connection: UpstreamConnection): boolean {
    if (this.#marked || !connection.endedAfterOneAnswer) return false
    this.#suspect = true
    this.#strikes++
    this.#marked = this.#strikes >= strikesToMark
    return this.#marked
  }

  /** After an answer. @returns what to wait for before the next request may use the connection; undefined = nothing */
  probation(connection: UpstreamConnection): Promise<void> | undefined {
    if (this.#marked || !this.#suspect) return undefined
    if (connection.served > 1) {
      this.#suspect = false
      this.#strikes = 0
      return undefined
    }
    return new Promise((resolve) => {
      const timer = this.#clock.after(probationMs, resolve)
      void connection.gone.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}
