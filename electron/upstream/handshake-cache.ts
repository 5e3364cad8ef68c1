import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { Handshake } from './types.ts'

export interface HandshakeWait {
  signal?: AbortSignal | undefined
  /** Monotonic milliseconds. */
  deadline: number
}

/**
 * The newest handshake of an upstream's processes. It survives respawns, so that `initialize` is answered without a
 * process; the first caller has one opened, all others wait for the same.
 */
export class HandshakeCache {
  readonly #clock: Clock
  /** Opens a connection when there was no handshake yet, and tells its own. Rejects with why it can't. */
  readonly #open: () => Promise<Handshake>
  #value: Handshake | undefined
  #flight: Promise<Handshake> | undefined

  constructor(clock: Clock, open: () => Promise<Handshake>) {
    this.#clock = clock
    this.#open = open
  }

  get value(): Handshake | undefined {
    return this.#value
  }

  set(handshake: Handshake): void {
    this.#value = handshake
  }

  /** What was agreed with another program is of no use. */
  clear(): void {
    this.#value = undefined
  }

  /** @throws AppError ABORTED, DEADLINE_EXCEEDED, or why no connection could be opened */
  async get({ signal, deadline }: HandshakeWait): Promise<Handshake> {
    if (this.#value) return this.#value
    if (signal?.aborted) throw aborted()
    this.#flight ??= this.#open().finally(() => {
      this.#flight = undefined
    })
    const opened = await this.#race(this.#flight, signal, deadline)
    // While a changed configuration is rolled out, the connection may be one of before: its handshake is no one else's.
    return this.#value ?? opened
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
