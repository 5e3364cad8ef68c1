import type { Writable } from 'node:stream'
import { AppError } from '../../shared/errors.ts'

/**
 * Writes lines to a child's stdin and never waits: what the child does not read is buffered up to a cap. The lines of
 * one tick leave in one write, which is what makes many requests in flight cost little more than a bare pipe.
 */
export class LineWriter {
  readonly #stdin: Writable
  readonly #maxBytes: number
  readonly #onFailed: (error: Error) => void
  /** Lines of this tick, each with its newline. */
  #batch = ''
  #batchBytes = 0
  /** Given to the stream and not yet taken by the kernel. Counted here: the stream counts characters, not bytes. */
  #unsentBytes = 0
  #ended = false
  #failed = false

  /** @param onFailed a write failed (EPIPE and the like); called at most once */
  constructor(stdin: Writable, maxBytes: number, onFailed: (error: Error) => void) {
    this.#stdin = stdin
    this.#maxBytes = maxBytes
    this.#onFailed = onFailed
    // Before the first write: an EPIPE without a listener is an uncaught exception.
    stdin.on('error', (error: Error) => this.#fail(error))
    stdin.on('close', () => {
      this.#ended = true
    })
  }

  /**
   * The cap is looked at before the line is added, so that one long request can always be sent; at most the cap and one
   * line are buffered.
   * @throws AppError STDIN_OVERFLOW, CONNECTION_LOST
   */
  write(line: string): void {
    if (this.#ended || this.#failed) throw stdinClosed()
    if (this.bufferedBytes >= this.#maxBytes) {
      throw new AppError(
        'STDIN_OVERFLOW',
        `The server does not read its stdin: ${this.bufferedBytes} bytes wait for it (limit ${this.#maxBytes}).`,
        { bufferedBytes: this.bufferedBytes, maxStdinBytes: this.#maxBytes },
      )
    }
    const text = oneLine(line)
    if (this.#batch === '') process.nextTick(() => this.#flush())
    this.#batch += `${text}\n`
    this.#batchBytes += Buffer.byteLength(text) + 1
  }

  get bufferedBytes(): number {
    return this.#unsentBytes + this.#batchBytes
  }

  /** Sends what is buffered, then end of file. */
  end(): void {
    if (this.#ended) return
    this.#flush()
    this.#ended = true
    this.#stdin.end()
  }

  /** Our end is closed now; what is buffered is dropped. */
  destroy(): void {
    this.#ended = true
    this.#batch = ''
    this.#batchBytes = 0
    this.#stdin.destroy()
  }

  #flush(): void {
    if (this.#batch === '') return
    const bytes = this.#batchBytes
    const batch = this.#batch
    this.#batch = ''
    this.#batchBytes = 0
    if (this.#ended || this.#failed) return
    this.#unsentBytes += bytes
    // A failure comes as the stream's 'error' too, and is told from there.
    this.#stdin.write(batch, 'utf8', () => {
      this.#unsentBytes -= bytes
    })
  }

  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#onFailed(error)
  }
}

export function stdinClosed(): AppError {
  return new AppError('CONNECTION_LOST', "The server's stdin is closed: it has exited or is being stopped.")
}

/**
 * Between the tokens of a JSON text a line end is white space, and a client may send its parameters pretty-printed; in
 * a message on stdio it would end the message. (Inside strings JSON has it escaped.)
 */
function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]/g, ' ') : json
}
