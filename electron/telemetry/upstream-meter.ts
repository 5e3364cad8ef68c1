import type { RecordableHistogram } from 'node:perf_hooks'
import type { OpenReason, Point, UpstreamStats } from '../../shared/state.ts'
import type { RequestOutcome, UpstreamEvents } from '../upstream/types.ts'
import { LatencyWindow, latencyHistogram, percentilesOf, recordMs } from './latency.ts'
import { SlidingCounter } from './sliding-counter.ts'

/**
 * Which outcomes have a latency. What was cancelled says when the caller lost patience, and what was refused at once or
 * lost was never answered: they are errors, and would only make the percentiles look better or worse than they are.
 */
const timed: Record<RequestOutcome, boolean> = {
  ok: true,
  tool_error: true,
  protocol_error: true,
  timeout: true,
  cancelled: false,
  unavailable: false,
  lost: false,
}

type SecondCounts = Pick<Point, 'ok' | 'toolErrors' | 'protocolErrors' | 'timeouts'>
/** What was refused or lost reaches the client as a JSON-RPC error, so it stands with those. */
const countedAs: Record<RequestOutcome, keyof SecondCounts | null> = {
  ok: 'ok',
  tool_error: 'toolErrors',
  protocol_error: 'protocolErrors',
  unavailable: 'protocolErrors',
  lost: 'protocolErrors',
  timeout: 'timeouts',
  cancelled: null,
}

const noCounts = (): SecondCounts => ({ ok: 0, toolErrors: 0, protocolErrors: 0, timeouts: 0 })
const lastMinute = () => new SlidingCounter(12, 5_000)
const lastHour = () => new SlidingCounter(60, 60_000)

/** The figures of one upstream: totals since the host's start, windows over the last minute and hour, one second. */
export class UpstreamMeter {
  readonly #since: number
  readonly #window = new LatencyWindow()
  readonly #requestsLastMinute = lastMinute()
  readonly #restarts = lastHour()
  readonly #reconnects = lastHour()
  readonly #errorsLastHour = lastHour()
  /** Connections that are opening in place of a failed one. */
  readonly #replacing = new Set<string>()
  #requests = 0
  #errors = 0
  #second = noCounts()
  #secondLatency: RecordableHistogram | undefined

  /** @param now monotonic milliseconds, as everywhere here */
  constructor(now: number) {
    this.#since = now
  }

  requestDone(event: Pick<UpstreamEvents['request.done'], 'outcome' | 'totalMs'>, now: number): void {
    const { outcome } = event
    this.#requests += 1
    this.#requestsLastMinute.add(now)
    const column = countedAs[outcome]
    if (column) this.#second[column] += 1
    if (outcome !== 'ok' && outcome !== 'cancelled') {
      this.#errors += 1
      this.#errorsLastHour.add(now)
    }
    if (timed[outcome]) {
      this.#window.record(event.totalMs, now)
      this.#secondLatency ??= latencyHistogram()
      recordMs(this.#secondLatency, event.totalMs)
    }
  }

  opening(connectionId: string, reason: OpenReason): void {
    if (reason === 'replace') this.#replacing.add(connectionId)
  }

  /** A restart is a replacement that came up; an attempt that failed is a reconnect attempt only. */
  ready(connectionId: string, now: number): void {
    if (this.#replacing.delete(connectionId)) this.#restarts.add(now)
  }

  ended(connectionId: string): void {
    this.#replacing.delete(connectionId)
  }

  reconnectAttempt(now: number): void {
    this.#reconnects.add(now)
  }

  /** What happened since the last call; starts the next second. */
  takeSecond(): SecondCounts & Pick<Point, 'p50Ms' | 'p95Ms' | 'p99Ms'> {
    const taken = { ...this.#second, ...percentilesOf(this.#secondLatency) }
    this.#second = noCounts()
    if (taken.p50Ms !== null) this.#secondLatency?.reset()
    return taken
  }

  stats(now: number, usage: { memoryBytes: number; cpuPercent: number }): UpstreamStats {
    // A young upstream's rate is over its life so far, but not over an instant.
    const coveredMs = Math.min(now - this.#since, this.#requestsLastMinute.coveredMs(now))
    const seconds = Math.max(1_000, coveredMs) / 1_000
    return {
      ...this.#window.percentiles(now),
      ratePerSecond: this.#requestsLastMinute.total(now) / seconds,
      requests: this.#requests,
      errors: this.#errors,
      restartsLastHour: this.#restarts.total(now),
      reconnectsLastHour: this.#reconnects.total(now),
      errorsLastHour: this.#errorsLastHour.total(now),
      memoryBytes: usage.memoryBytes,
      cpuPercent: usage.cpuPercent,
    }
  }
}
