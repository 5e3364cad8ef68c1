import { createParser } from 'eventsource-parser'
import { serialKey } from '../../fixtures/http/index.ts'

const protocolVersion = '2025-11-25'

/** A client of the gateway with a session and a stream of its own, that counts what it is told of one resource. */
export class ChurnListener {
  readonly uri: string
  /** How often each numbered notification came. */
  readonly heard = new Map<number, number>()
  readonly #endpoint: string
  readonly #headers: Record<string, string>
  readonly #stream = new AbortController()
  #ended: string | undefined

  private constructor(endpoint: string, uri: string, headers: Record<string, string>) {
    this.#endpoint = endpoint
    this.uri = uri
    this.#headers = headers
  }

  /** @throws when the gateway does not let it in, or the server does not take the subscription */
  static async open(endpoint: string, token: string, uri: string): Promise<ChurnListener> {
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      Authorization: `Bearer ${token}`,
    }
    const opened = await post(endpoint, headers, 0, 'initialize', {
      protocolVersion,
      capabilities: {},
      clientInfo: { name: 'churn', version: '1.0.0' },
    })
    const session = {
      'Mcp-Session-Id': opened.headers.get('mcp-session-id') ?? '',
      'MCP-Protocol-Version': protocolVersion,
    }
    const listener = new ChurnListener(endpoint, uri, { ...headers, ...session })
    await post(endpoint, listener.#headers, undefined, 'notifications/initialized')
    await listener.#listen()
    await post(endpoint, listener.#headers, 1, 'resources/subscribe', { uri })
    return listener
  }

  /** Why its stream ended; undefined as long as it should be. The gateway is steady, whatever becomes of the server's streams. */
  get ended(): string | undefined {
    return this.#ended
  }

  get duplicates(): number {
    return [...this.heard.values()].reduce((sum, times) => sum + times - 1, 0)
  }

  async close(): Promise<void> {
    this.#stream.abort()
    const response = await fetch(this.#endpoint, { method: 'DELETE', headers: this.#headers })
    await response.body?.cancel()
  }

  async #listen(): Promise<void> {
    const response = await fetch(this.#endpoint, { headers: this.#headers, signal: this.#stream.signal })
    if (!response.ok || !response.body) throw new Error(`the gateway opened no stream: ${response.status}`)
    const parser = createParser({ onEvent: ({ data }) => this.#take(data) })
    const read = async (body: ReadableStream<string>) => {
      for await (const chunk of body) parser.feed(chunk)
      return 'it was closed'
    }
    read(response.body.pipeThrough(new TextDecoderStream())).then(
      (why) => this.#end(why),
      (error: Error) => this.#end(error.message),
    )
  }

  #end(why: string): void {
    if (!this.#stream.signal.aborted) this.#ended = why
  }

  #take(data: string): void {
    if (data === '') return
    const { params } = JSON.parse(data) as { params?: { _meta?: Record<string, unknown>; uri?: string } }
    const serial = params?._meta?.[serialKey]
    if (typeof serial !== 'number' || params?.uri !== this.uri) return
    this.heard.set(serial, (this.heard.get(serial) ?? 0) + 1)
  }
}

async function post(
  endpoint: string,
  headers: Record<string, string>,
  id: number | undefined,
  method: string,
  params: object = {},
): Promise<Response> {
  const body = JSON.stringify({ jsonrpc: '2.0', ...(id !== undefined && { id }), method, params })
  const response = await fetch(endpoint, { method: 'POST', headers, body })
  const text = await response.text()
  if (!response.ok || text.includes('"error"')) throw new Error(`${method}: ${response.status} ${text}`)
  return response
}
