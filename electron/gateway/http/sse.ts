import type { ServerResponse } from 'node:http'
import { singleLine } from '../../upstream/envelope.ts'
import type { JsonText } from '../../upstream/types.ts'

const head = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  // Proxies of the nginx kind would hold events back.
  'X-Accel-Buffering',
  'no',
]

/** One response that carries server-sent events. Writes to a client that is gone change nothing. */
export class SseConnection {
  readonly #response: ServerResponse
  readonly #maxBacklogBytes: number
  /** The longest text written since everything was read. */
  #longest = 0

  constructor(response: ServerResponse, maxBacklogBytes: number) {
    this.#response = response
    this.#maxBacklogBytes = maxBacklogBytes
    response.writeHead(200, head)
    response.flushHeaders()
  }

  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded
  }

  /** @param data one JSON-RPC message, @param id an event id for Last-Event-ID */
  event(data: JsonText, id?: string): void {
    this.#write(eventText(data, id))
  }

  /** What a client missed that comes back: it has had no time to read any of it before all is written. */
  replay(events: readonly { data: JsonText; id: string }[]): void {
    if (events.length > 0) this.#write(events.map(({ data, id }) => eventText(data, id)).join(''))
  }

  /** An event with an id and no data: from here a client can resume before anything was said (from 2025-11-25 on). */
  prime(id: string, retryMs: number): void {
    this.#write(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`)
  }

  comment(text: string): void {
    this.#write(`: ${text}\n\n`)
  }

  retry(ms: number): void {
    this.#write(`retry: ${ms}\n\n`)
  }

  end(): void {
    if (this.isOpen) this.#response.end()
  }

  #write(text: string): void {
    if (!this.isOpen) return
    const { writableLength } = this.#response
    if (writableLength === 0) this.#longest = 0
    // A client that does not read must not fill our memory; one that comes back can resume. One long message is no sign of
    // that: what follows it at once is written as well.
    if (writableLength - this.#longest > this.#maxBacklogBytes) {
      this.#response.destroy()
      return
    }
    this.#longest = Math.max(this.#longest, text.length)
    this.#response.write(text)
  }
}

function eventText(data: JsonText, id: string | undefined): string {
  const line = `data: ${singleLine(data)}\n\n`
  return id === undefined ? line : `id: ${id}\n${line}`
}

/** Every open stream of the gateway: one timer keeps them all alive. */
export class SseConnections {
  readonly #open = new Set<SseConnection>()
  readonly #maxBacklogBytes: number

  constructor(maxBacklogBytes: number) {
    this.#maxBacklogBytes = maxBacklogBytes
  }

  get size(): number {
    return this.#open.size
  }

  /** Starts the stream. `closed` runs once, when the response is over, from either side. */
  open(response: ServerResponse, closed?: () => void): SseConnection {
    const connection = new SseConnection(response, this.#maxBacklogBytes)
    this.#open.add(connection)
    response.once('close', () => {
      this.#open.delete(connection)
      closed?.()
    })
    return connection
  }

  keepAlive(): void {
    for (const connection of this.#open) connection.comment('keep-alive')
  }
}
