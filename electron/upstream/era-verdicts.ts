import type { Clock } from '../kit/clock.ts'

/** Which eras a server speaks. Undefined: not known yet. */
export interface EraVerdict {
  modern?: boolean
  legacy?: boolean
}

/** A server that is updated in place keeps its command: what was found out is asked again once a day. */
const validMs = 24 * 3_600_000
const kept = 256

/** What is known of servers' eras, by what is run or reached (PROTOCOL, section 4). One for a host: it outlives its upstreams. */
export class EraVerdicts {
  readonly #clock: Clock
  readonly #entries = new Map<string, { verdict: EraVerdict; until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param running processes of it run, so that it has not changed: what was found out holds for as long
   * @returns an empty verdict when nothing is known
   */
  get(key: string, running = false): EraVerdict {
    const entry = this.#entries.get(key)
    return entry && (running || entry.until > this.#clock.now()) ? entry.verdict : {}
  }

  /** Adds to what is known. */
  learn(key: string, found: EraVerdict): void {
    const verdict = { ...this.get(key), ...found }
    this.#entries.delete(key)
    this.#entries.set(key, { verdict, until: this.#clock.now() + validMs })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > kept && oldest !== undefined) this.#entries.delete(oldest)
  }
}
