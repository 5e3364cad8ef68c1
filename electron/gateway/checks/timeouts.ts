import { maxTimerMs, type Timeouts } from '../../../shared/config.ts'

const headers = [
  ['poolscope-connect-timeout-ms', 'connectTimeoutMs'],
  ['poolscope-response-timeout-ms', 'responseTimeoutMs'],
  ['poolscope-request-timeout-ms', 'requestTimeoutMs'],
] as const satisfies [string, keyof Timeouts][]

/** What is left of them once a part of the request is done. */
export function remaining(timeouts: Partial<Timeouts> | undefined, elapsedMs: number): Partial<Timeouts> | undefined {
  const requestTimeoutMs = timeouts?.requestTimeoutMs
  if (requestTimeoutMs === undefined) return timeouts
  return { ...timeouts, requestTimeoutMs: Math.max(1, Math.ceil(requestTimeoutMs - elapsedMs)) }
}

/**
 * What a client lowers the timeouts of its own request to, in milliseconds; the upstream's own are the ceiling.
 * @returns undefined when it says nothing; `problem` when a header is no positive whole number
 */
export function timeoutsOf(
  given: NodeJS.Dict<string | string[]>,
): { timeouts: Partial<Timeouts> } | { problem: string } | undefined {
  let timeouts: Partial<Timeouts> | undefined
  for (const [header, key] of headers) {
    const text = given[header]
    if (text === undefined) continue
    const value = Number(text)
    if (typeof text !== 'string' || !/^\d{1,10}$/.test(text) || value < 1 || value > maxTimerMs)
      return { problem: `${header} must be a whole number of milliseconds from 1 to ${maxTimerMs}` }
    timeouts = { ...timeouts, [key]: value }
  }
  return timeouts && { timeouts }
}
