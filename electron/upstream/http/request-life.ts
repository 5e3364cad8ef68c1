import type { AppError } from '../../../shared/errors.ts'
import { withWritten } from '../written.ts'
import { abortion } from './errors.ts'
import type { Exchange } from './exchange.ts'

/**
 * A caller's request from its beginning until its answer was read: the waits for credentials, one exchange after another, the
 * stream. It ends by itself, by the caller's signal or by us; whatever is under way then ends at once.
 */
export class RequestLife {
  /** Its reason is an AppError. */
  readonly signal: AbortSignal
  /** What is under way, or was last. */
  exchange: Exchange | undefined
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal
  readonly #onAbort: () => void
  readonly #onEnd: () => void

  constructor(caller: AbortSignal, onEnd: () => void) {
    this.#caller = caller
    this.#onEnd = onEnd
    this.signal = this.#controller.signal
    this.#onAbort = () => this.abort(abortion(caller))
    if (caller.aborted) this.#onAbort()
    else caller.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Whether the server may have what was sent last. */
  get written(): boolean {
    return this.exchange?.written ?? false
  }

  abort(error: AppError): void {
    const told = withWritten(error, this.written)
    this.#controller.abort(told)
    this.exchange?.abort(told)
  }

  throwIfAborted(): void {
    this.signal.throwIfAborted()
  }

  /** Waits for what has a life of its own, no longer than this one's. */
  async unlessAborted<T>(promise: Promise<T>): Promise<T> {
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(abortion(this.signal))
    if (this.signal.aborted) onAbort()
    this.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([promise, aborted])
    } finally {
      this.signal.removeEventListener('abort', onAbort)
    }
  }

  /** Idempotent. What is under way nobody wants any more. */
  end(): void {
    this.#caller.removeEventListener('abort', this.#onAbort)
    this.exchange?.cutShort()
    this.#onEnd()
  }
}
