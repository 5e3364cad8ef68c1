import { request as httpRequest, type IncomingMessage } from 'node:http'

export interface Reply {
  status: number
  headers: IncomingMessage['headers']
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  json: any
}

export interface Sent {
  method?: string
  headers?: Record<string, string | undefined>
  body?: string | Buffer
}

export const acceptBoth = 'application/json, text/event-stream'

/** One HTTP request with exactly these headers (fetch would not let a test choose Host or Origin). */
export function open(url: string, { method = 'POST', headers = {}, body }: Sent = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const defaults =
      method === 'POST' ? { 'content-type': 'application/json', accept: acceptBoth } : { accept: 'text/event-stream' }
    const all = Object.entries({ ...defaults, ...headers }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const request = httpRequest(url, { method, headers: Object.fromEntries(all), agent: false }, resolve)
    request.once('error', reject)
    request.end(body)
  })
}

export async function send(url: string, sent?: Sent): Promise<Reply> {
  const response = await open(url, sent)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const isJson = response.headers['content-type']?.startsWith('application/json')
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  }
}

export interface SseEvent {
  id?: string
  retry?: string
  data?: string
  comment?: string
}

/** Reads server-sent events one by one; `next()` waits for the following one, undefined at the end. */
export function sse(response: IncomingMessage): { next(): Promise<SseEvent | undefined>; all(): Promise<SseEvent[]> } {
  const iterator = events(response)
  const next = async () => (await iterator.next()).value ?? undefined
  return {
    next,
    async all() {
      const found: SseEvent[] = []
      for (let event = await next(); event; event = await next()) found.push(event)
      return found
    },
  }
}

async function* events(response: IncomingMessage): AsyncGenerator<SseEvent, undefined> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const event: SseEvent = {}
      for (const line of text.slice(0, end).split('\n')) {
        const colon = line.indexOf(':')
        const value = line.slice(colon + 1).replace(/^ /, '')
        event[(line.slice(0, colon) || 'comment') as keyof SseEvent] = value
      }
      yield event
      text = text.slice(end + 2)
    }
  }
}
