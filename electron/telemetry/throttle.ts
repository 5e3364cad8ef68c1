import type { EventKind, EventRecord } from '../../shared/events.ts'

/** At most `limit` events in `windowMs`. */
export interface ThrottlePolicy {
  limit: number
  windowMs: number
}

export interface Suppressed {
  upstream: string
  kind: EventKind
  count: number
  level: EventRecord['level']
}

interface Window extends Omit<Suppressed, 'count'> {
  startedAt: number
  admitted: number
  suppressed: number
  /** Suppressed in windows that have ended and were not reported yet. */
  owed: number
}

const severity = { info: 0, warn: 1, error: 2 } as const

/**
 * Keeps a kind of event that comes in floods from pushing everything else out of the journal, for each upstream apart.
 * What is held back is counted and told by {@link settle}.
 */
export class Throttle {
  readonly #policyOf: (kind: EventKind) => ThrottlePolicy
  readonly #windows = new Map<string, Window>()

  constructor(policyOf: (kind: EventKind) => ThrottlePolicy) {
    this.#policyOf = policyOf
  }

  /** @param now monotonic milliseconds */
  admit(upstream: string, kind: EventKind, level: EventRecord['level'], now: number): boolean {
    const { limit, windowMs } = this.#policyOf(kind)
    const key = `${kind} ${upstream}`
    let window = this.#windows.get(key)
    if (!window) {
      window = { upstream, kind, level, startedAt: now, admitted: 0, suppressed: 0, owed: 0 }
      this.#windows.set(key, window)
    } else if (now - window.startedAt >= windowMs) {
      window.owed += window.suppressed
      window.suppressed = 0
      window.admitted = 0
      window.startedAt = now
    }
    if (window.admitted < limit) {
      window.admitted += 1
      return true
    }
    window.suppressed += 1
    if (severity[level] > severity[window.level]) window.level = level
    return false
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
