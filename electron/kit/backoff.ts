import type { Random } from './clock.ts'

export interface BackoffPolicy {
  baseMs: number
  capMs: number
  floorMs: number
}

/** POOL semantics, "Spawning and failing": random in [0, min(30 s, 500 ms x 2^n)], floor 100 ms. */
export const spawnBackoff: BackoffPolicy = { baseMs: 500, capMs: 30_000, floorMs: 100 }

/**
 * Exponential backoff with full jitter.
 * @param attempt 0 for the first retry
 * @returns milliseconds to wait, in [floorMs, min(capMs, baseMs x 2^attempt)]
 */
export function fullJitterMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 32))
  return Math.max(policy.floorMs, Math.floor(random() * ceiling))
}
