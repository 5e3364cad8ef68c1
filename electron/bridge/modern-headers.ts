import { scanEnvelope, sliceOf } from '../upstream/envelope.ts'
import { ModernHeaders as Headers } from '../upstream/modern-headers.ts'
import type { JsonText } from '../upstream/types.ts'
import type { ClientLine } from './message.ts'

/** Headers that a client's modern message needs over HTTP, and not over stdio. */
export class ModernHeaders {
  readonly #headers = new Headers()

  of({ method, text, claimedVersion }: ClientLine): Record<string, string> {
    if (claimedVersion === undefined || method === undefined) return {}
    const params = scanEnvelope(text)?.params
    return this.#headers.of(method, params && sliceOf(text, params))
  }

  /** @param message the answer to a `tools/list` */
  learn(message: JsonText): void {
    this.#headers.learn(message)
  }
}
