import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import type { AppError } from '../../../shared/errors.ts'
import { controlCharacter } from './headers.ts'
import type { SseEvent } from './http-types.ts'
import { longestWaitMs } from './retry-after.ts'

/** `retry: ` is the longest. */
const fieldNameChars = 8

/**
 * The events of a stream (HTML, section 9.2). Ends with the chunks; an event without its blank line was cut off and is none.
 * In linear time however the bytes are cut; UTF-8 may be split anywhere.
 * @param tooLong what is thrown when the data of an event is over the limit
 * @throws what reading the chunks throws
 */
export async function* sseEvents(
  chunks: AsyncIterable<Buffer>,
  maxDataBytes: number,
  tooLong: () => AppError,
): AsyncGenerator<SseEvent, void, undefined> {
  const found: SseEvent[] = []
  let isTooLong = false
  /** The id of a block, told before its event; where none follows it was a block of an id alone. */
  let pendingId: string | undefined
  const add = (event: string, data: string, more: Partial<Pick<SseEvent, 'id' | 'retry'>>) =>
    found.push({ event, data, id: undefined, retry: undefined, ...more })
  const flushId = () => {
    if (pendingId !== undefined) add('message', '', { id: pendingId })
    pendingId = undefined
  }
  const parser = createParser({
    // It counts characters, of which UTF-8 has no fewer bytes, and those of the field's name: what it stops is too long.
    maxBufferSize: maxDataBytes + fieldNameChars,
    onId(id) {
      flushId()
      // One that no header can carry is of no use: there is no going on from it.
      if (!controlCharacter.test(id)) pendingId = id
    },
    onEvent({ event, data }) {
      const id = pendingId
      pendingId = undefined
      if (isOver(data, maxDataBytes)) isTooLong = true
      else add(event ?? 'message', data, { id })
    },
    onRetry(ms) {
      flushId()
      add('message', '', { retry: Math.min(ms, longestWaitMs) })
    },
    onError(error) {
      // Unknown fields and other values than digits for `retry` are to be ignored.
      if (error.type === 'max-buffer-size-exceeded') isTooLong = true
    },
  })
  const decoder = new StringDecoder('utf8')
  for await (const chunk of chunks) {
    parser.feed(decoder.write(chunk))
    flushId()
    yield* found.splice(0)
    if (isTooLong) throw tooLong()
  }
}

/** Counts the bytes only where the number of characters leaves it open. */
function isOver(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes
}
