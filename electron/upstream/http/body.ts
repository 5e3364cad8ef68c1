import type { Clock } from '../../kit/clock.ts'
import { type Destination, tooLong } from './errors.ts'
import type { Exchange, ReplyHead } from './exchange.ts'
import { mediaType } from './headers.ts'
import type { ReplyBody, SseEvent } from './http-types.ts'
import { sseEvents } from './sse.ts'

/** Of a body that is no message: enough for an error that says what came instead. */
const excerptBytes = 2 * 1024

/** A short rest is read to its end, so that the connection can be used again; a long one costs more than a connection. */
const longestRestBytes = 64 * 1024

/** Nobody waits for the rest of an error page for longer. */
const excerptWaitMs = 2_000

export interface BodyContext {
  exchange: Exchange
  head: ReplyHead
  to: Destination
  maxMessageBytes: number
  clock: Clock
  /** A stream is over, or its reader does not want more. */
  onEnd(): void
}

/** What the answer's status and type say that it is. @throws AppError CONNECTION_LOST, LINE_TOO_LONG, or why it was aborted */
export async function readBody(context: BodyContext): Promise<ReplyBody> {
  const { status, headers } = context.head
  const type = mediaType(headers)
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  // Asked for is `identity`: what is compressed all the same is shown as what it is, and not guessed at.
  const isEncoded = encoding !== '' && encoding !== 'identity'
  if (status === 202 || status === 204 || isEncoded) {
    await readExcerpt(context)
    return isEncoded
      ? { kind: 'other', contentType: `${type} (Content-Encoding: ${encoding}, which was not asked for)`, head: '' }
      : { kind: 'empty' }
  }
  if (type === 'text/event-stream' && status >= 200 && status < 300) return { kind: 'stream', events: events(context) }
  if (type !== 'application/json') return readOther(context)
  return status === 401 || status === 403 ? readRefusal(context) : readJson(context)
}

async function readJson({ exchange, head, to, maxMessageBytes }: BodyContext): Promise<ReplyBody> {
  const chunks: Buffer[] = []
  let bytes = 0
  const check = (length: number) => {
    if (length > maxMessageBytes) throw tooLong(to, maxMessageBytes)
  }
  check(Number(head.headers.get('content-length') ?? 0))
  for await (const chunk of exchange) {
    bytes += chunk.length
    check(bytes)
    chunks.push(chunk)
  }
  if (bytes === 0) return { kind: 'empty' }
  return { kind: 'json', text: jsonText(Buffer.concat(chunks, bytes)) }
}

/** A byte order mark is no part of the JSON (RFC 8259, section 8.1). */
function jsonText(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** That we are not let in stands in the status, and somebody is to do something about it: what it says besides may not end. */
async function readRefusal({ exchange, head, clock }: BodyContext): Promise<ReplyBody> {
  const chunks: Buffer[] = []
  let bytes = 0
  let isWhole = true
  const cut = () => {
    isWhole = false
    exchange.cutShort()
  }
  const timer = clock.after(excerptWaitMs, cut)
  try {
    for await (const chunk of exchange) {
      bytes += chunk.length
      if (isWhole) chunks.push(chunk)
      if (bytes > longestRestBytes) cut()
    }
  } catch {
    exchange.throwIfAborted()
    isWhole = false
  } finally {
    timer.cancel()
  }
  if (bytes === 0) return { kind: 'empty' }
  const read = Buffer.concat(chunks)
  if (isWhole) return { kind: 'json', text: jsonText(read) }
  const contentType = head.headers.get('content-type') ?? ''
  return { kind: 'other', contentType, head: read.subarray(0, excerptBytes).toString('utf8') }
}

async function readOther(context: BodyContext): Promise<ReplyBody> {
  const excerpt = await readExcerpt(context)
  const contentType = context.head.headers.get('content-type') ?? ''
  if (excerpt.length === 0 && contentType === '') return { kind: 'empty' }
  return { kind: 'other', contentType, head: excerpt.toString('utf8') }
}

/** The status says more than a body that does not come: what there is of it is taken. Only an abort of the request throws. */
export async function readExcerpt({ exchange, clock }: Pick<BodyContext, 'exchange' | 'clock'>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = clock.after(excerptWaitMs, () => exchange.cutShort())
  try {
    for await (const chunk of exchange) {
      if (bytes < excerptBytes) chunks.push(chunk)
      bytes += chunk.length
      if (bytes > longestRestBytes) exchange.cutShort()
    }
  } catch {
    exchange.throwIfAborted()
  } finally {
    timer.cancel()
  }
  return Buffer.concat(chunks).subarray(0, excerptBytes)
}

async function* events(context: BodyContext): AsyncGenerator<SseEvent, void, undefined> {
  const { exchange, to, maxMessageBytes, onEnd } = context
  try {
    for await (const event of sseEvents(exchange, maxMessageBytes, () => tooLong(to, maxMessageBytes))) {
      // A chunk may have held many.
      exchange.throwIfAborted()
      yield event
    }
  } finally {
    onEnd()
  }
}
