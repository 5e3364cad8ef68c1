import type { ReplyHeaders } from './http-types.ts'

/** What a timer can wait; a server that asks for more gets this (24.8 days). */
export const longestWaitMs = 2 ** 31 - 1

/** Of the three forms of RFC 9110, section 5.6.7, the one that may be generated, and the oldest that is still seen. */
const httpDate = /^[A-Z][a-z]{2,8}, \d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * Retry-After of a reply, in milliseconds from now: seconds, or a date (RFC 9110, section 10.2.3). A date is taken against
 * the reply's own Date where it has one: the clocks of two machines differ.
 * @param wall epoch milliseconds
 * @returns undefined when there is none, or none that can be read
 */
export function retryAfterMs(headers: ReplyHeaders, wall: number = Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1_000, longestWaitMs)
  const until = epochOf(value)
  if (until === undefined) return undefined
  const now = epochOf(headers.get('date')) ?? wall
  return Math.min(Math.max(0, until - now), longestWaitMs)
}

function epochOf(date: string | null): number | undefined {
  if (date === null || !httpDate.test(date.trim())) return undefined
  const epoch = Date.parse(date)
  return Number.isNaN(epoch) ? undefined : epoch
}
