import type { IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import type { JsonText } from '../upstream/types.ts'
import type { Endpoint, StreamItem } from './types.ts'

// Imported by name it would load Node's fetch and WebSocket, which stand among its exports: twelve megabytes (measured),
// and there is a bridge for each client.
const { Agent, request } = process.getBuiltinModule('node:http')

/** The request failed before there was an answer. What was not sent may be sent again. */
export class SendError extends Error {
  readonly sent: boolean

  constructor(cause: NodeJS.ErrnoException, sent: boolean) {
    super(cause.code ?? cause.message, { cause })
    this.sent = sent
  }
}

/** The head of an answer; its body is read once, as text or as events, at the reader's pace. */
export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  isStream: boolean
  text(): Promise<string>
  /** Ends, or throws, when the stream does. */
  items(onRetry: (ms: number) => void): AsyncGenerator<StreamItem>
}

export interface SendOptions {
  method: 'POST' | 'GET' | 'DELETE'
  headers: Record<string, string>
  body?: JsonText
  signal: AbortSignal
}

/** Plain node:http and not fetch: a call may take longer than the five minutes that fetch waits for an answer. */
export class HttpLink {
  /** Without a cap: calls that wait for their user must not keep the answer of that user waiting. */
  readonly #agent = new Agent({ keepAlive: true })

  /** Resolves with the head of the answer. @throws SendError */
  send({ url, token }: Endpoint, { method, headers, body, signal }: SendOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(url, {
        agent: this.#agent,
        method,
        signal,
        headers: {
          ...headers,
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
        },
      })
      let connected = false
      const onConnect = () => {
        connected = true
      }
      outgoing.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', onConnect)
        else onConnect()
      })
      outgoing.once('error', (error) => reject(new SendError(error, connected)))
      outgoing.once('response', (incoming) => resolve(answerOf(incoming)))
      outgoing.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function answerOf(incoming: IncomingMessage): Answer {
  incoming.setEncoding('utf8')
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    isStream: incoming.headers['content-type']?.startsWith('text/event-stream') === true,
    text: async () => {
      const chunks: string[] = []
      for await (const chunk of incoming) chunks.push(chunk)
      return chunks.join('')
    },
    items: (onRetry) => readItems(incoming, onRetry),
  }
}

async function* readItems(incoming: IncomingMessage, onRetry: (ms: number) => void): AsyncGenerator<StreamItem> {
  const found: StreamItem[] = []
  const parser = createParser({
    // Only a whole event takes its id along: one that is cut off after its id would never be asked for again.
    onEvent: ({ id, data }) => {
      if (id !== undefined) found.push({ id })
      if (data !== '') found.push({ message: data }) // a priming event is an id alone
    },
    onRetry,
  })
  for await (const chunk of incoming) {
    parser.feed(chunk)
    yield* found.splice(0)
  }
}
