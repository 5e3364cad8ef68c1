import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type BenchEra = 'legacy' | 'modern'

export interface Reply {
  status: number
  headers: string
  body: string
}

const headEnd = Buffer.from('\r\n\r\n')

/**
 * One client with one connection and at most one request under way, on a bare socket: whatever node:http or fetch would
 * cost here would be taken from the same two cores that are measured.
 */
export class RawClient {
  readonly #socket: Socket
  readonly #head: string
  #received: Buffer = Buffer.alloc(0)
  #settle: ((reply: Reply) => void) | undefined
  #fail: ((error: Error) => void) | undefined

  private constructor(socket: Socket, head: string) {
    this.#socket = socket
    this.#head = head
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
      this.#take()
    })
    socket.on('error', (error) => this.#fail?.(error))
    socket.on('close', () => this.#fail?.(new Error('the connection was closed')))
  }

  static async open(url: URL, headers: Record<string, string>): Promise<RawClient> {
    const socket = connect({ host: url.hostname, port: Number(url.port) })
    await once(socket, 'connect')
    const lines = Object.entries({
      Host: url.host,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    return new RawClient(socket, `POST ${url.pathname} HTTP/1.1\r\n${lines.join('')}`)
  }

  /** @param headers further ones, as lines with their ends */
  post(body: string, headers = ''): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
      this.#socket.write(`${this.#head}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    })
  }

  close(): void {
    this.#settle = undefined
    this.#fail = undefined
    this.#socket.destroy()
  }

  #take(): void {
    const end = this.#received.indexOf(headEnd)
    if (end < 0) return
    const headers = this.#received.toString('latin1', 0, end)
    const rest = this.#received.subarray(end + headEnd.length)
    const length = /\r\ncontent-length: *(\d+)/i.exec(headers)?.[1]
    const body = length === undefined ? readChunks(rest) : readLength(rest, Number(length))
    if (body === undefined) return
    this.#received = Buffer.alloc(0)
    const settle = this.#settle
    this.#settle = undefined
    this.#fail = undefined
    settle?.({ status: Number(headers.slice(9, 12)), headers, body })
  }
}

const readLength = (rest: Buffer, length: number): string | undefined =>
  rest.length < length ? undefined : rest.toString('utf8', 0, length)

/** @returns the body once its last chunk is there */
function readChunks(rest: Buffer): string | undefined {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    const start = lineEnd + 2
    if (rest.length < start + size + 2) return undefined
    if (size === 0) return Buffer.concat(parts).toString('utf8')
    parts.push(rest.subarray(start, start + size))
    at = start + size + 2
  }
}
