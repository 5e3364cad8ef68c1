import type { LogLine } from '../../../shared/commands.ts'
import { Ring } from '../../kit/ring.ts'
import type { ChildTree } from '../../process/types.ts'
import type { ConnectionLogSnapshot } from '../connection-types.ts'

/** Servers that log to stdout tend to log a lot. */
const strayLinesKept = 50
const strayLineChars = 2_000

/** What a process said: its stderr, and between the lines what it wrote to stdout that was no message. */
export class ProcessLog {
  readonly #stderr: ChildTree['stderr']
  readonly #wall: () => number
  readonly #stray = new Ring<LogLine>(strayLinesKept)
  #stderrSeq = 0
  #strayCount = 0

  /** @param wall epoch milliseconds */
  constructor(stderr: ChildTree['stderr'], wall: () => number) {
    this.#stderr = stderr
    this.#wall = wall
    stderr.onLine(({ seq }) => {
      this.#stderrSeq = seq
    })
  }

  addStray(line: string): void {
    this.#strayCount++
    // Between two stderr lines: the next whole number is the next one's.
    const seq = this.#stderrSeq + this.#strayCount / (this.#strayCount + 1)
    this.#stray.push({ seq, at: this.#wall(), text: `[stdout] ${line.slice(0, strayLineChars)}` })
  }

  snapshot(): ConnectionLogSnapshot {
    const lines = [...this.#stderr.lines(), ...this.#stray].sort((a, b) => a.seq - b.seq)
    return { lines, droppedBytes: this.#stderr.droppedBytes }
  }
}
