import type { LogLine } from '../../../shared/commands.ts'
import { Ring } from '../../kit/ring.ts'
import type { ConnectionLogSnapshot } from '../connection-types.ts'

const linesKept = 300
const longestLine = 500

/** What a server says goes to terminals and windows: no control characters, one line, and not megabytes of it. */
export function plain(text: string, longest = longestLine): string {
  const line = text
    .slice(0, longest * 2)
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
  return line.length > longest ? `${line.slice(0, longest - 1).toWellFormed()}…` : line.toWellFormed()
}

/** The history of one remote session: opened, dropped with the reason, resumed. Nothing secret goes in. */
export class Diary {
  readonly #wall: () => number
  readonly #lines = new Ring<LogLine>(linesKept)
  #seq = 0
  #keptBytes = 0
  /** Of all lines, kept or not. */
  bytes = 0

  /** @param wall epoch milliseconds */
  constructor(wall: () => number) {
    this.#wall = wall
  }

  note(text: string): void {
    const line: LogLine = { seq: ++this.#seq, at: this.#wall(), text: plain(text) }
    const bytes = Buffer.byteLength(line.text) + 1
    const [oldest] = this.#lines.length === linesKept ? this.#lines : []
    if (oldest) this.#keptBytes -= Buffer.byteLength(oldest.text) + 1
    this.#lines.push(line)
    this.#keptBytes += bytes
    this.bytes += bytes
  }

  snapshot(): ConnectionLogSnapshot {
    return { lines: this.#lines.toArray(), droppedBytes: this.bytes - this.#keptBytes }
  }
}
