import type { JsonText } from '../upstream/types.ts'
import { answeredId, type ClientLine, idKey } from './message.ts'

/** A line of the client that is under way: what it still waits for, and where its stream can be gone on with. */
export class Call {
  readonly line: ClientLine
  /** The texts of the ids without an answer, by their keys. */
  readonly waiting: Map<string, JsonText>
  lastEventId: string | undefined
  /** The `retry:` of its stream. */
  retryMs: number | undefined
  /** Nobody waits for the answer any more. */
  cancelled = false
  readonly #abort = new AbortController()

  constructor(line: ClientLine) {
    this.line = line
    this.waiting = new Map(line.ids.map((id) => [idKey(id), id]))
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get isModern(): boolean {
    return this.line.claimedVersion !== undefined
  }

  /** Takes note of a message that came for it. */
  hear(message: JsonText): void {
    if (message.startsWith('[')) this.waiting.clear() // a batch is answered whole
    const id = answeredId(message)
    if (id !== undefined) this.waiting.delete(idKey(id))
  }

  /** Closes its request: to a modern gateway that is the cancel. */
  abort(): void {
    this.#abort.abort()
  }
}

/** Every call under way. */
export class Calls {
  readonly #open = new Set<Call>()
  #onNone: (() => void) | undefined

  get size(): number {
    return this.#open.size
  }

  /** Opens a call for as long as `use` runs. */
  async during(line: ClientLine, use: (call: Call) => Promise<void>): Promise<void> {
    const call = new Call(line)
    this.#open.add(call)
    try {
      await use(call)
    } finally {
      this.#open.delete(call)
      if (this.#open.size === 0) this.#onNone?.()
    }
  }

  /** @param id the id of a request, as JSON text */
  find(id: JsonText): Call | undefined {
    const key = idKey(id)
    for (const call of this.#open) if (call.waiting.has(key)) return call
    return undefined
  }

  /** Resolves once none is under way. */
  none(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onNone = resolve
    })
  }

  abortAll(): void {
    for (const call of this.#open) {
      call.cancelled = true
      call.abort()
    }
  }
}
