import type { Clock } from '../kit/clock.ts'
import { aboard, type Patience } from './flight.ts'
import type { Handshake } from './types.ts'

/** Kinds whose handshakes are kept: clients of one upstream declare few different capabilities. */
const kept = 64

/**
 * The newest handshake of an upstream's processes, by their kind. It survives respawns, so that `initialize` is answered
 * without a process; the first caller has one opened, all others wait for the same.
 */
export class HandshakeCache {
  readonly #clock: Clock
  /** Opens a connection when there was no handshake yet, and tells its own. Rejects with why it can't. */
  readonly #open: (kind: string) => Promise<Handshake>
  readonly #values = new Map<string, Handshake>()
  readonly #flights = new Map<string, Promise<Handshake>>()
  #latest: { kind: string; handshake: Handshake } | undefined

  constructor(clock: Clock, open: (kind: string) => Promise<Handshake>) {
    this.#clock = clock
    this.#open = open
  }

  /** Of the process that shook hands last. */
  get latest(): { kind: string; handshake: Handshake } | undefined {
    return this.#latest
  }

  set(kind: string, handshake: Handshake): void {
    this.#latest = { kind, handshake }
    this.#values.delete(kind)
    this.#values.set(kind, handshake)
    const [oldest] = this.#values.keys()
    if (this.#values.size > kept && oldest !== undefined) this.#values.delete(oldest)
  }

  /** What was agreed with another program is of no use. */
  clear(): void {
    this.#latest = undefined
    this.#values.clear()
  }

  /** @throws AppError as `patience` says, or why no connection could be opened */
  async get(kind: string, patience: Patience): Promise<Handshake> {
    const value = this.#values.get(kind)
    if (value) return value
    if (patience.signal?.aborted) throw patience.aborted()
    let flight = this.#flights.get(kind)
    if (!flight) {
      flight = this.#open(kind).finally(() => this.#flights.delete(kind))
      this.#flights.set(kind, flight)
    }
    const opened = await aboard(flight, this.#clock, patience)
    // While a changed configuration is rolled out, the connection may be one of before: its handshake is no one else's.
    return this.#values.get(kind) ?? opened
  }
}
