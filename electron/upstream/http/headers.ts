import type { IncomingHttpHeaders } from 'node:http'
import packageJson from '../../../package.json' with { type: 'json' }
import { AppError } from '../../../shared/errors.ts'
import type { ReplyHeaders } from './http-types.ts'

/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~\w-]+$/

/** Line ends would begin a header of their own; the others no server takes (RFC 9110, section 5.5). */
export const controlCharacter = /(?!\t)\p{Cc}/u

/**
 * What a config can't set, because the protocol would break. It is left out without a word: configs of other clients carry
 * `Content-Type` and `Accept`, and are to work as they are.
 */
const ours: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'content-type',
  'content-encoding',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  // Of the connection, which HTTP itself looks after.
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const isOurs = (name: string) => ours.has(name) || name.startsWith('mcp-param-')

const userAgent = `${packageJson.name}/${packageJson.version}`

/** Headers of a request by their names in lower case. */
export type RequestHeaders = Record<string, string>

/**
 * The headers that every request has: the config's that are its to set, under those of the product.
 * @throws AppError CONFIG_INVALID, with the name of the header and never its value
 */
export function configuredHeaders(url: URL, configured: Readonly<Record<string, string>>): RequestHeaders {
  const headers: RequestHeaders = { 'user-agent': userAgent, ...basicCredentials(url) }
  for (const [name, value] of Object.entries(configured)) {
    // Whoever pastes a whole line as a name has the value in it.
    const shown = JSON.stringify(name.split(/[:\s]/, 1)[0]?.slice(0, 64) ?? '')
    const fail = (why: string) =>
      new AppError('CONFIG_INVALID', `the header ${shown} ${why}`, { path: 'headers', header: shown })
    if (!token.test(name)) throw fail('has no valid name: letters, digits and hyphens are allowed')
    if (controlCharacter.test(value.trim()))
      throw fail('has a value with a line break or another control character, which HTTP does not allow')
    const lowerCased = name.toLowerCase()
    if (!isOurs(lowerCased)) headers[lowerCased] = bytesOf(value.trim())
  }
  return headers
}

/**
 * HTTP's header lines are bytes; what is not ASCII goes as UTF-8, which is what the event id of a stream has to be sent back
 * as (HTML, section 9.2.3). Whoever writes it to the socket takes each character for a byte.
 * @throws AppError INVALID_ARGUMENT
 */
export function asBytes(headers: Readonly<Record<string, string>>): RequestHeaders {
  const encoded: RequestHeaders = {}
  for (const [name, value] of Object.entries(headers)) {
    if (controlCharacter.test(value))
      throw new AppError(
        'INVALID_ARGUMENT',
        `the header ${name} has a control character in it, which HTTP does not allow`,
      )
    encoded[name.toLowerCase()] = bytesOf(value)
  }
  return encoded
}

/** As UTF-8, each byte a character. */
const bytesOf = (value: string): string => Buffer.from(value, 'utf8').toString('latin1')

function basicCredentials({ username, password }: URL): RequestHeaders {
  if (username === '' && password === '') return {}
  const pair = `${decoded(username)}:${decoded(password)}`
  return { authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` }
}

/** A stray `%` stands for itself. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function replyHeaders(headers: IncomingHttpHeaders): ReplyHeaders {
  return {
    get(name) {
      const value = headers[name.toLowerCase()]
      return value === undefined ? null : [value].flat().join(', ')
    },
  }
}

/** `text/html` of `Text/HTML; charset=utf-8`; empty when there is none. */
export const mediaType = (headers: ReplyHeaders): string =>
  headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
