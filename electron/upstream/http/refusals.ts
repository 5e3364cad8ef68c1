import { AppError } from '../../../shared/errors.ts'
import { mintedId, scanEnvelope, sliceOf } from '../envelope.ts'
import { isRecord, parsed } from '../revisions.ts'
import type { JsonText } from '../types.ts'
import { plain } from './diary.ts'
import { type HttpReply, retryAfterMs } from './http-client.ts'
import type { ReadingEnd } from './tracked-stream.ts'

const excerptChars = 200

/**
 * What a reply that answers nothing stands for: UPSTREAM_UNAUTHORIZED, UPSTREAM_FORBIDDEN or HTTP_STATUS {status, retryAfterMs?}.
 * @param what was asked, for the message: `POST tools/call`
 * @param wall epoch milliseconds
 */
export function refusalOf(reply: HttpReply, what: string, wall: number): AppError {
  const { status, headers, mask } = reply
  const said = excerptOf(reply)
  const ending = said === '' ? '' : `: ${said}`
  const challenge = headers.get('www-authenticate')
  const data = { status, written: true, ...(challenge !== null && { wwwAuthenticate: plain(mask(challenge)) }) }
  if (status === 401)
    return new AppError(
      'UPSTREAM_UNAUTHORIZED',
      `the server wants credentials, or refuses those it got (${what} was answered with 401): sign in where it offers that, or check the Authorization header of its entry${ending}`,
      data,
    )
  if (status === 403)
    return new AppError(
      'UPSTREAM_FORBIDDEN',
      `the server does not let us in (${what} was answered with 403): check the account, its permissions and the headers of its entry${ending}`,
      data,
    )
  const wait = retryAfterMs(headers, wall)
  return new AppError('HTTP_STATUS', `${what} was answered with HTTP ${status}${ending}`, {
    ...data,
    ...(wait !== undefined && { retryAfterMs: wait }),
  })
}

/** Secrets go before it is cut, so that no half of one is left at the end. */
function excerptOf({ status, body, mask }: HttpReply): string {
  switch (body.kind) {
    case 'json': {
      const text = mask(body.text)
      return rpcErrorIn(text)?.message ?? plain(text, excerptChars)
    }
    case 'other': {
      const masked = { ...body, head: mask(body.head) }
      const head = isPage(masked) ? pageTold(masked.head) : plain(masked.head, excerptChars)
      const isExpected = status >= 400
      return isExpected
        ? head
        : `${plain(body.contentType, excerptChars) || 'no content type'}, is the URL that of an MCP server? ${head}`
    }
    case 'empty':
      return status < 300 ? 'nothing is in it' : ''
    case 'stream':
      return ''
  }
}

const isPage = ({ contentType, head }: { contentType: string; head: string }): boolean =>
  /^(?:text\/html|application\/xhtml)/i.test(contentType) || /^\s*<(?:!doctype html|html)\b/i.test(head)

/** Of a web page a person needs what a browser would show of it, not its source. */
function pageTold(head: string): string {
  const title = /<title[^>]*>([^<]*)/i.exec(head)?.[1]?.trim()
  const text =
    title || head.replace(/<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)|<[^>]*(?:>|$)/gi, ' ').replace(/\s+/g, ' ')
  const told = plain(text, 100)
  return told === '' ? 'a web page' : `a web page, “${told}”`
}

export interface RpcError {
  /** As it stands in the message. */
  text: JsonText
  /** Of the request that it answers, when it is one of ours: servers that refuse before they read have others. */
  id: number | undefined
  code: number | undefined
  message: string
}

/** The error of a JSON-RPC response; undefined when the text is none. */
export function rpcErrorIn(text: string): RpcError | undefined {
  const envelope = scanEnvelope(text)
  if (!envelope?.error || envelope.method) return undefined
  const error = sliceOf(text, envelope.error)
  const value = parsed(error)
  if (!isRecord(value)) return undefined
  const { code, message } = value
  return {
    text: error,
    id: mintedId(text, envelope.id),
    code: typeof code === 'number' ? code : undefined,
    message: plain(`${String(message ?? '')} (${String(code)})`, excerptChars),
  }
}

/** Whether another attempt may fare better: the server is overloaded, restarts, or a proxy before it does not reach it. */
export const isTransient = (status: number): boolean =>
  (status >= 500 && status !== 501 && status !== 505) || status === 408 || status === 425 || status === 429

/** Whether what a request failed for may be the session's. An answer that was too long was one; what can't be sent never was. */
export const isTrouble = ({ code }: AppError): boolean =>
  code !== 'LINE_TOO_LONG' && code !== 'INVALID_ARGUMENT' && code !== 'CONFIG_INVALID'

/** The end of a stream after which another attempt may fare better. */
export const lostBy = ({ code, message, data }: AppError): ReadingEnd => ({
  kind: 'lost',
  reason: message,
  code,
  ...(typeof data?.retryAfterMs === 'number' && { retryAfterMs: data.retryAfterMs }),
})
