import { timingSafeEqual } from 'node:crypto'

/**
 * Whether `Authorization: Bearer <token>` carries the token, in a time that tells nothing of it but its length, which is
 * no secret.
 */
export function bearerMatches(authorization: string | undefined, token: string): boolean {
  const given = Buffer.from(/^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '')
  const expected = Buffer.from(token)
  const comparable = given.length === expected.length && given.length > 0
  return timingSafeEqual(comparable ? given : expected, expected) && comparable
}
