import type { EventKind, EventRecord } from '../../shared/events.ts'

/** At most `limit` events of an upstream in `windowMs`. */
export interface ThrottlePolicy {
  limit: number
  windowMs: number
  /** At most this many of all upstreams together. Their windows end together then, so that one line can sum them up. */
  overall?: number
}

export interface Suppressed {
  upstream: string
  kind: EventKind
  count: number
  level: Level
}

interface Window extends Omit<Suppressed, 'count'> {
  startedAt: number
  admitted: number
  suppressed: number
  /** Suppressed in windows that have ended and were not reported yet. */
  owed: number
}

type Level = EventRecord['level']
const severity = { info: 0, warn: 1, error: 2 } as const
export const worse = (a: Level, b: Level): Level => (severity[a] > severity[b] ? a : b)

/**
 * Keeps a kind of event that comes in floods from pushing everything else out of the journal, for each upstream apart.
 * What is held back is counted and told by {@link settle}.
 */
export class Throttle {
  readonly #policyOf: (kind: EventKind) => ThrottlePolicy
  readonly #windows = new Map<string, Window>()
  /** Of kinds with an overall limit. */
  readonly #overall = new Map<EventKind, Pick<Window, 'startedAt' | 'admitted'>>()

  constructor(policyOf: (kind: EventKind) => ThrottlePolicy) {
    this.#policyOf = policyOf
  }

  /** @param now monotonic milliseconds */
  admit(upstream: string, kind: EventKind, level: Level, now: number): boolean {
    const { limit, windowMs, overall } = this.#policyOf(kind)
    const startedAt = overall === undefined ? now : now - (now % windowMs)
    const key = `${kind} ${upstream}`
    let window = this.#windows.get(key)
    if (!window) {
      window = { upstream, kind, level, startedAt, admitted: 0, suppressed: 0, owed: 0 }
      this.#windows.set(key, window)
    } else if (now - window.startedAt >= windowMs) {
      window.owed += window.suppressed
      window.suppressed = 0
      window.admitted = 0
      window.startedAt = startedAt
    }
    if (window.admitted < limit && this.#admitOverall(kind, startedAt, overall)) {
      window.admitted += 1
      return true
    }
    window.suppressed += 1
    window.level = worse(level, window.level)
    return false
  }

  #admitOverall(kind: EventKind, startedAt: number, limit = Number.POSITIVE_INFINITY): boolean {
    if (limit === Number.POSITIVE_INFINITY) return true
    let window = this.#overall.get(kind)
    if (window?.startedAt !== startedAt) {
      window = { startedAt, admitted: 0 }
      this.#overall.set(kind, window)
    }
    if (window.admitted >= limit) return false
    window.admitted += 1
    return true
  }

  /** What was held back in windows that have ended; each is told once. */
  settle(now: number): Suppressed[] {
    const told: Suppressed[] = []
    for (const [key, window] of this.#windows) {
      const ended = now - window.startedAt >= this.#policyOf(window.kind).windowMs
      const count = window.owed + (ended ? window.suppressed : 0)
      if (count > 0) told.push({ upstream: window.upstream, kind: window.kind, count, level: window.level })
      window.owed = 0
      if (ended) this.#windows.delete(key)
    }
    return told
  }

  forget(upstream: string): void {
    for (const [key, window] of this.#windows) if (window.upstream === upstream) this.#windows.delete(key)
  }
}
