import type { ReplyHead } from './exchange.ts'

/** A server that sends us around in circles is no server to follow. */
export const maxRedirects = 3

/** What a reply says about where to go. */
export type Redirect =
  /** The same request is to be sent there, to the same server. */
  | { kind: 'follow'; url: URL }
  /** Not followed; in words, without what may be secret. */
  | { kind: 'stay'; text: string }

/**
 * 307 and 308 within the same origin keep method and body, and are followed. The others turn a POST into a GET, and another
 * origin is not who the credentials are for.
 */
export function redirectOf({ status, headers }: ReplyHead, url: URL, followed: number): Redirect | undefined {
  const location = headers.get('location')
  if (status < 300 || status > 399 || location === null) return undefined
  const target = URL.parse(location, url)
  if (!target) return { kind: 'stay', text: 'a redirect to what is no URL' }
  const to = `a redirect to ${target.origin}${target.pathname}`
  if (target.origin !== url.origin)
    return { kind: 'stay', text: `${to}, which is another server and was not followed; is that the URL to configure?` }
  if (status !== 307 && status !== 308)
    return { kind: 'stay', text: `${to} by status ${status}, which does not keep the request and was not followed` }
  if (followed >= maxRedirects)
    return { kind: 'stay', text: `${to}, and ${maxRedirects} redirects were followed before` }
  return { kind: 'follow', url: target }
}
