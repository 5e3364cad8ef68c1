import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { singleLine } from '../upstream/envelope.ts'
import type { JsonText } from '../upstream/types.ts'

/** The client's side of stdout: whole lines, and no more of them than it reads. */
export class LinesOut {
  readonly #output: Writable
  readonly #gone = new AbortController()

  constructor(output: Writable) {
    this.#output = output
    // The client has closed its end: nobody to write to.
    output.once('error', () => this.#gone.abort())
    output.once('close', () => this.#gone.abort())
  }

  /** Aborts when nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Resolves when more may be written. */
  async write(message: JsonText): Promise<void> {
    if (this.#gone.signal.aborted) return
    if (this.#output.write(`${singleLine(message)}\n`)) return
    await once(this.#output, 'drain', { signal: this.#gone.signal }).catch(() => undefined)
  }
}
