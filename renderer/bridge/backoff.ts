/** A page on the same machine may try often; the cap keeps a tab that was left open overnight quiet. */
const baseMs = 250
const capMs = 5_000
const floorMs = 100

/**
 * Exponential backoff with full jitter, so that many open tabs don't return to a restarted host in the same instant.
 * @param attempt 0 for the first retry
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  const ceilingMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 16))
  return Math.max(floorMs, Math.floor(random() * ceilingMs))
}
