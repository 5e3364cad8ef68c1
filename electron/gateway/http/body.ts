import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '../../../shared/errors.ts'

/** After a refusal this much of a body that is still being sent is read and thrown away, so that the client sees the refusal. */
const lingerBytes = 64 * 1024 * 1024
const lingerMs = 5_000

/** A body that can't be used, with the HTTP status that says so. */
export class BodyError extends AppError {
  readonly status: 400 | 413

  constructor(status: 400 | 413, message: string, data?: Record<string, unknown>) {
    super('INVALID_ARGUMENT', message, data)
    this.status = status
  }
}

/**
 * Reads a body of at most `maxBytes` as UTF-8. Memory stays within the limit whatever is sent.
 * @throws BodyError 413 as soon as it is known to be larger (the rest is unread: see {@link discardBody}), 400 when it is
 * not UTF-8
 * @throws AppError ABORTED when the client goes away before its end
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const tooLarge = () =>
      reject(new BodyError(413, `The body is larger than ${maxBytes} bytes (gateway.maxBodyBytes)`, { maxBytes }))
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      tooLarge()
      return
    }
    const chunks: Buffer[] = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) {
        chunks.push(chunk)
        return
      }
      request.off('data', onData)
      request.pause()
      chunks.length = 0
      tooLarge()
    }
    request.on('data', onData)
    request.on('end', () => {
      const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
      if (isUtf8(body)) resolve(body.toString())
      else reject(new BodyError(400, 'The body is not valid UTF-8'))
    })
    request.on('close', () => {
      if (!request.readableEnded) reject(new AppError('ABORTED', 'The client went away while it sent its request'))
    })
  })
}

/**
 * Ends a response that refused a body, once the client has stopped sending: closing a connection with unread bytes resets
 * it, and many clients would see that instead of the answer. Bounded in bytes and time.
 */
export function discardBody(request: IncomingMessage, response: ServerResponse): void {
  let discarded = 0
  const finish = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(finish, lingerMs)
  timer.unref()
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > lingerBytes) finish()
  })
  request.once('end', finish)
  request.once('close', finish)
  request.resume()
}
