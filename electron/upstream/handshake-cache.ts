import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { Handshake } from './types.ts'

export interface HandshakeWait {
  signal?: AbortSignal | undefined
  /** Monotonic milliseconds. */
  deadline: number
}

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

  /** @throws AppError ABORTED, DEADLINE_EXCEEDED, or why no connection could be opened */
  async get(kind: string, { signal, deadline }: HandshakeWait): Promise<Handshake> {
    const value = this.#values.get(kind)
    if (value) return value
    if (signal?.aborted) throw aborted()
    let flight = this.#flights.get(kind)
    if (!flight) {
      flight = this.#open(kind).finally(() => this.#flights.delete(kind))
      this.#flights.set(kind, flight)
    }
    const opened = await this.#race(flight, signal, deadline)
    // While a changed configuration is rolled out, the connection may be one of before: its handshake is no one else's.
    return this.#values.get(kind) ?? opened
  }

  /** A caller that gives up leaves the others their flight. */
  async #race(flight: Promise<Handshake>, signal: AbortSignal | undefined, deadline: number): Promise<Handshake> {
    const { promise, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(aborted())
    signal?.addEventListener('abort', onAbort, { once: true })
    const timer = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () =>
      reject(new AppError('DEADLINE_EXCEEDED', 'the MCP handshake was not done before the deadline')),
    )
    try {
      return await Promise.race([flight, promise])
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }
}

const aborted = (): AppError => new AppError('ABORTED', 'waiting for the handshake was cancelled by the caller')
