import { fullJitterMs, maxServerWaitMs, type ReconnectPolicy } from '../../shared/reconnect.ts'
import type { Random } from '../kit/clock.ts'
import { breakerThreshold } from './breaker.ts'

/** POOL semantics, "Spawning and failing". */
export const opensAtATime = 2
export const replacementsPerWindow = 5
export const replacementWindowMs = 10_000
export const stableUptimeMs = 30_000
/** Random in [0, min(30 s, 500 ms x 2^n)], floor 100 ms. */
export const spawnBackoff: ReconnectPolicy = { baseMs: 500, capMs: 30_000, floorMs: 100 }

/**
 * When the next connection may be opened. Each failed or unexpectedly ended connection is owed a replacement, and while
 * one is owed every open is a replacement: it waits for the backoff and is bound by the rate. What is opened beyond them
 * is growth. So a server that completes its handshake and exits is not started as fast as growth would ask for it. After
 * an outage growth waits too, until the failures are forgotten: no herd comes back at once.
 */
export class SpawnGate {
  #failures = 0
  #owed = 0
  #lastFailureAt = 0
  #servedSince = false
  /** A connection has come up since the last failure that counted. */
  #readySince = false
  #notBefore = 0
  #attempts = 0
  #total = 0
  /** Monotonic times of the latest replacements, oldest first. */
  readonly #replacements: number[] = []
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** Failures in a row: forgotten after stable uptime only, never for a handshake. */
  get failures(): number {
    return this.#failures
  }

  /** Attempts since the last failure-free time; 0 when all is well. */
  get attempts(): number {
    return this.#attempts
  }

  get totalAttempts(): number {
    return this.#total
  }

  /** Whether the next open replaces a connection that failed. */
  get owesReplacement(): boolean {
    return this.#owed > 0 || this.#failures >= breakerThreshold
  }

  /** @param wishMs how long the server asks us to stay away (Retry-After): a floor, up to {@link maxServerWaitMs} */
  failed(now: number, wishMs = 0): void {
    const floorMs = Math.max(spawnBackoff.floorMs ?? 0, Math.min(wishMs, maxServerWaitMs))
    this.#notBefore = now + fullJitterMs({ ...spawnBackoff, floorMs }, this.#failures, this.#random)
    this.#failures++
    this.#owed++
    this.#lastFailureAt = now
    this.#servedSince = false
    this.#readySince = false
  }

  /**
   * One that had been up went down. Those that go while none has come up since the last failure are taken by the same
   * outage, which counts once: failures in a row are attempts in a row. Each is owed its replacement all the same.
   * @param wishMs as for {@link failed}
   * @returns whether it counts
   */
  lost(now: number, wishMs = 0): boolean {
    if (this.#failures === 0 || this.#readySince) {
      this.failed(now, wishMs)
      return true
    }
    this.#owed++
    this.#lastFailureAt = now
    this.#servedSince = false
    this.#notBefore = Math.max(this.#notBefore, now + Math.min(wishMs, maxServerWaitMs))
    return false
  }

  /** A connection has come up. */
  ready(): void {
    this.#readySince = true
  }

  /** Monotonic milliseconds from which the next open is allowed; 0 when it is allowed in any case. */
  get allowedAt(): number {
    if (!this.owesReplacement) return 0
    const [oldest] = this.#replacements
    const full = this.#replacements.length >= replacementsPerWindow && oldest !== undefined
    return full ? Math.max(this.#notBefore, oldest + replacementWindowMs) : this.#notBefore
  }

  /** @returns the number of the attempt when this open is a replacement, else 0 */
  opened(now: number): number {
    if (!this.owesReplacement) return 0
    this.#owed = Math.max(0, this.#owed - 1)
    this.#replacements.push(now)
    if (this.#replacements.length > replacementsPerWindow) this.#replacements.shift()
    this.#total++
    return ++this.#attempts
  }

  /** A connection that had been leased was closed in good order. */
  served(): void {
    this.#servedSince = true
  }

  /** True when nothing has failed for long enough that a connection which is up since `readyAt` proves stability. */
  provesStable(readyAt: number, now: number): boolean {
    return now - readyAt >= stableUptimeMs && now - this.#lastFailureAt >= stableUptimeMs
  }

  /**
   * The same where connections are closed before they are that old (maxUses, a short idle timeout or lifetime): they
   * served, went in good order, and nothing has failed meanwhile.
   */
  servedStably(now: number): boolean {
    return this.#servedSince && now - this.#lastFailureAt >= stableUptimeMs
  }

  forget(): void {
    this.#failures = 0
    this.#owed = 0
    this.#attempts = 0
    this.#notBefore = 0
  }

  /** A person does not want to wait: the backoff and the rate start anew, the failures still count. */
  hurry(): void {
    this.#notBefore = 0
    this.#replacements.length = 0
  }
}
