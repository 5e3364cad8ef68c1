import { timingSafeEqual } from 'node:crypto'

/** Tells whether `Authorization: Bearer <token>` carries the token. */
export type BearerCheck = (authorization: string | undefined) => boolean

/**
 * Takes a time that tells nothing of the token but its length, which is no secret. Nothing is allocated for a request:
 * small buffers share slabs of eight kilobytes, and each that lives a little longer would keep one.
 */
export function bearerCheck(token: string): BearerCheck {
  const expected = Buffer.from(token)
  const given = Buffer.alloc(expected.length)
  return (authorization) => {
    const text = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? ''
    const comparable = text.length > 0 && Buffer.byteLength(text) === expected.length
    if (comparable) given.write(text)
    return timingSafeEqual(comparable ? given : expected, expected) && comparable
  }
}
