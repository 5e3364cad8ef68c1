import { StringDecoder } from 'node:string_decoder'
import { Emitter } from '../kit/emitter.ts'
import type { StderrLine } from './types.ts'

/** A longer line is cut: one line must not push everything else out of the ring. */
export const maxStderrLineChars = 8192

interface Entry extends StderrLine {
  bytes: number
}

/** The newest lines of a child's stderr, within a number of bytes. Taking a flood is linear and keeps no more than that. */
export class StderrRing {
  readonly #capacityBytes: number
  readonly #wall: () => number
  readonly #decoder = new StringDecoder('utf8')
  readonly #events = new Emitter<{ line: StderrLine }>()
  #entries: Entry[] = []
  /** Entries before it were dropped; the array is cut when half of it is. */
  #first = 0
  #keptBytes = 0
  #totalBytes = 0
  #seq = 0
  #partial = ''
  #partialAt = 0
  /** The line under way is longer than the limit: its rest is dropped. */
  #cutting = false

  /** @param wall epoch milliseconds */
  constructor(capacityBytes: number, wall: () => number) {
    this.#capacityBytes = capacityBytes
    this.#wall = wall
  }

  push(chunk: Buffer): void {
    this.#totalBytes += chunk.length
    const at = this.#wall()
    const pieces = this.#decoder.write(chunk).split('\n')
    const rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      this.#extend(piece, at)
      this.#finishLine()
    }
    this.#extend(rest, at)
  }

  /** The stream has ended: what stands there without a line end is a line. */
  end(): void {
    this.#extend(this.#decoder.end(), this.#wall())
    if (this.#partial !== '') this.#finishLine()
  }

  /** Bytes kept; with `droppedBytes` all that were received. */
  get bytes(): number {
    // Bytes that are no UTF-8 grow when they are decoded.
    return Math.min(this.#totalBytes, this.#keptBytes + Buffer.byteLength(this.#partial))
  }

  /** Bytes received that `lines()` no longer shows. */
  get droppedBytes(): number {
    return this.#totalBytes - this.bytes
  }

  /** Oldest first; the line under way is the last. */
  lines(): StderrLine[] {
    const lines = this.#entries.slice(this.#first).map(({ seq, at, text }) => ({ seq, at, text }))
    if (this.#partial !== '') lines.push({ seq: this.#seq, at: this.#partialAt, text: clean(this.#partial) })
    return lines
  }

  tail(count: number): string[] {
    return count > 0
      ? this.lines()
          .slice(-count)
          .map((line) => line.text)
      : []
  }

  onLine(listener: (line: StderrLine) => void): () => void {
    return this.#events.on('line', listener)
  }

  #extend(text: string, at: number): void {
    if (text === '' || this.#cutting) return
    if (this.#partial === '') this.#partialAt = at
    this.#partial += text
    if (this.#partial.length <= maxStderrLineChars) return
    this.#partial = `${this.#partial.slice(0, maxStderrLineChars - 1)}…`
    this.#cutting = true
  }

  #finishLine(): void {
    const text = clean(this.#partial)
    const at = this.#partial === '' ? this.#wall() : this.#partialAt
    const entry: Entry = { seq: this.#seq++, at, text, bytes: Buffer.byteLength(this.#partial) + 1 }
    this.#partial = ''
    this.#cutting = false
    this.#entries.push(entry)
    this.#keptBytes += entry.bytes
    this.#dropOldest()
    this.#events.emit('line', entry)
  }

  #dropOldest(): void {
    while (this.#keptBytes > this.#capacityBytes) {
      const oldest = this.#entries[this.#first]
      if (!oldest) break
      this.#first++
      this.#keptBytes -= oldest.bytes
    }
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
  }
}

function clean(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
