const newline = 0x0a
const carriageReturn = 0x0d

/** How much of a line over the limit is told: enough to find the message's id at either end. */
const excerptBytes = 512

export interface LineSink {
  /** A line without its end (LF or CRLF). */
  onLine(line: string): void
  /** A line over the limit has passed and was not kept. */
  onLineTooLong(bytes: number, head: string, tail: string): void
}

/**
 * Cuts a byte stream into lines in linear time: a line that spans chunks is kept as a list of chunks and decoded once,
 * whole, so UTF-8 may be split anywhere. (Joining per chunk took 8.7 s for a line of 50 MB, a list 45 ms; POOL
 * semantics, "One child process".) Of a line over `maxLineBytes` nothing but its two ends is kept.
 */
export class LineSplitter {
  readonly #sink: LineSink
  readonly #maxLineBytes: number
  /** The line under way, from earlier chunks. */
  #chunks: Buffer[] = []
  #bytes = 0
  #head: Buffer | undefined
  #tail: Buffer = Buffer.alloc(0)

  constructor(maxLineBytes: number, sink: LineSink) {
    this.#maxLineBytes = maxLineBytes
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      if (this.#bytes === 0 && end - start <= this.#maxLineBytes) this.#sink.onLine(decode(chunk, start, end))
      else this.#finish(chunk.subarray(start, end))
      start = end + 1
    }
    if (start < chunk.length) this.#keep(start === 0 ? chunk : chunk.subarray(start))
  }

  /** The stream has ended: a last line without a line end is a line too. */
  end(): void {
    if (this.#bytes > 0) this.#finish(Buffer.alloc(0))
  }

  /** Bytes held for the line under way. */
  get heldBytes(): number {
    return this.#head ? this.#head.length + this.#tail.length : this.#bytes
  }

  #finish(last: Buffer): void {
    this.#keep(last)
    const bytes = this.#bytes
    const head = this.#head
    const tail = this.#tail
    const chunks = this.#chunks
    this.#bytes = 0
    this.#head = undefined
    this.#tail = Buffer.alloc(0)
    this.#chunks = []
    if (head) this.#sink.onLineTooLong(bytes, head.toString('utf8'), tail.toString('utf8'))
    else {
      const line = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes)
      this.#sink.onLine(decode(line, 0, line.length))
    }
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return
    this.#bytes += piece.length
    if (this.#head) this.#tail = lastBytes([this.#tail, piece])
    else {
      this.#chunks.push(piece)
      if (this.#bytes <= this.#maxLineBytes) return
      this.#head = firstBytes(this.#chunks)
      this.#tail = lastBytes(this.#chunks)
      this.#chunks = []
    }
  }
}

function decode(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('utf8', start, end > start && buffer[end - 1] === carriageReturn ? end - 1 : end)
}

/** Copies, so that an excerpt does not keep its whole chunk alive. */
function firstBytes(chunks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = []
  let missing = excerptBytes
  for (const chunk of chunks) {
    if (missing === 0) break
    const part = chunk.subarray(0, missing)
    parts.push(part)
    missing -= part.length
  }
  return Buffer.concat(parts)
}

function lastBytes(chunks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = []
  let missing = excerptBytes
  for (const chunk of chunks.toReversed()) {
    if (missing === 0) break
    const part = chunk.subarray(-missing)
    parts.unshift(part)
    missing -= part.length
  }
  return Buffer.concat(parts)
}
