import { AppError } from './errors.ts'

export interface ReconnectPolicy {
  /** The first wait is random below this. */
  baseMs: number
  /** Waits grow up to this. */
  capMs: number
  /** No wait is shorter. Default 0. */
  floorMs?: number
  /** The longest wish of a server that is heeded (`retry:`, Retry-After). Default {@link maxServerWaitMs}. */
  maxServerWaitMs?: number
  /** Attempts in a row that bring no message, before the loop gives up. Default unlimited. */
  maxAttempts?: number
}

/** POOL, "HTTP and SSE upstreams": base 100 to 500 ms, cap 30 s. The floor keeps a server that drops whatever it opens from being asked in a tight loop. */
export const streamReconnect: ReconnectPolicy = { baseMs: 250, capMs: 30_000, floorMs: 100 }

/** A server may ask for patience, not switch us off: by then a person would have pressed "retry now" anyhow. */
export const maxServerWaitMs = 3_600_000

/** A stream that stayed open this long was well, however little came: the count starts anew, as with the pool's uptime. */
export const stableMs = 30_000

/** Above a floor that is higher than the backoff itself there is still this much of it to spread over: the whole herd got the same `retry:`. */
const spreadAboveFloor = 0.5

/**
 * Exponential backoff with full jitter, evenly spread over the whole range: a wait that was cut off at the floor would
 * bring a good part of a herd back at that very moment.
 * @param attempt 0 for the first retry
 * @param random a source of numbers in [0, 1)
 * @returns whole milliseconds in [floorMs, max(min(capMs, baseMs x 2^attempt), floorMs x 1.5)]
 */
export function fullJitterMs(policy: ReconnectPolicy, attempt: number, random: () => number): number {
  const floorMs = Math.ceil(policy.floorMs ?? 0)
  const backoffMs = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 32))
  const ceilingMs = Math.max(backoffMs, floorMs * (1 + spreadAboveFloor))
  return Math.floor(floorMs + random() * (ceilingMs - floorMs))
}

/** Time as a loop sees it; electron/kit's Clock is one. `now` is monotonic milliseconds. */
export interface Scheduler {
  now(): number
  after(ms: number, run: () => void): { cancel(): void }
}

/** One attempt at a stream, as its `run` sees it. What it says after its end, or after {@link ReconnectLoop.stop}, is not heard. */
export interface Attempt {
  /** Attempts in a row without a message, this one included; 1 for the first. */
  readonly number: number
  /** Aborted by `stop()`, and when the attempt is over: nothing of it outlives it, so no stream is there twice. */
  readonly signal: AbortSignal
  /** Where to go on: the value of the Last-Event-ID header. */
  readonly lastEventId: string | undefined
  /** The head of the answer came. That alone proves nothing: the count of attempts goes on, unless it lasts ({@link stableMs}). */
  opened(): void
  /** A message was received: the count of attempts starts anew. @param eventId '' makes it forget, as in the HTML standard */
  message(eventId?: string): void
  /** Remembers an id that came without a message (the priming event of MCP): the count of attempts goes on. */
  remember(eventId: string): void
  /** The server's `retry:`: a floor for the waits from now on, until it says something else. */
  retry(ms: number): void
}

/** How a stream ended. `lost`: another attempt follows, after `retryAfterMs` at the earliest. `stop`: none follows. */
export type StreamEnd =
  | { kind: 'lost'; reason: string; retryAfterMs?: number }
  | { kind: 'stop'; reason: string; state: 'unsupported' | 'stopped' }

/**
 * idle: not started. connecting: an attempt is under way. open: the head of the answer came. waiting: lost, the next
 * attempt has its time. unsupported: the server has no such stream. stopped: over, for any other reason.
 */
export type ReconnectState = 'idle' | 'connecting' | 'open' | 'waiting' | 'unsupported' | 'stopped'

/** A loop at one moment. Times are the scheduler's. */
export interface ReconnectView {
  state: ReconnectState
  /** Attempts since the last message, the present one included. */
  attempts: number
  /** How often the stream was opened after the first time. */
  reconnects: number
  /** Set while open. */
  openedAt: number | null
  /** Set while waiting. */
  nextAttemptAt: number | null
  lastDrop: { at: number; reason: string } | null
  lastMessageAt: number | null
  lastEventId: string | undefined
}

export interface ReconnectOptions {
  scheduler: Scheduler
  /** Numbers in [0, 1). */
  random: () => number
  /** Default {@link streamReconnect}. */
  policy?: ReconnectPolicy
  /** Where a stream that was read before is gone on with. */
  lastEventId?: string | undefined
  /** The `retry:` that it has said. */
  retryMs?: number | undefined
  /** Opens the stream and reads it to its end. A throw is a lost stream, its message the reason. */
  run(attempt: Attempt): Promise<StreamEnd>
  /** The view changed in more than the time of the last message and its id: those change with each message. */
  onChange?(): void
}

/**
 * Keeps one stream open: one attempt at a time, and after each that is lost the next one, until it is stopped. Every
 * stream of the product that is opened again goes through it (POOL, "HTTP and SSE upstreams"). A loop lives once.
 */
export class ReconnectLoop {
  /** Settles with what ended the loop; never rejects. Does not wait for a `run` that ignores its signal. */
  readonly done: Promise<StreamEnd>
  readonly #options: ReconnectOptions
  readonly #policy: ReconnectPolicy
  readonly #end: (end: StreamEnd) => void
  #state: ReconnectState = 'idle'
  /** The attempt under way. */
  #current: AbortController | undefined
  #timer: { cancel(): void } | undefined
  #attempts = 0
  /** Waits since the last message: the exponent of the next one. */
  #waits = 0
  #opens = 0
  #openedAt = 0
  #retryMs = 0
  #nextAttemptAt: number | null = null
  #lastDrop: { at: number; reason: string } | null = null
  #lastMessageAt: number | null = null
  #lastEventId: string | undefined

  constructor(options: ReconnectOptions) {
    const { promise, resolve } = Promise.withResolvers<StreamEnd>()
    this.done = promise
    this.#end = resolve
    this.#options = options
    this.#policy = options.policy ?? streamReconnect
    this.#lastEventId = options.lastEventId || undefined
    this.#retryMs = options.retryMs ?? 0
  }

  get view(): ReconnectView {
    return {
      state: this.#state,
      attempts: this.#attempts,
      reconnects: Math.max(0, this.#opens - 1),
      openedAt: this.#state === 'open' ? this.#openedAt : null,
      nextAttemptAt: this.#nextAttemptAt,
      lastDrop: this.#lastDrop,
      lastMessageAt: this.#lastMessageAt,
      lastEventId: this.#lastEventId,
    }
  }

  /**
   * Makes the first attempt. Does nothing the second time, or after `stop`.
   * @param lost the stream was opened by other means (as the answer to a POST) and has been lost: the first attempt is
   *   one to open it again, and waits for its time
   */
  start(lost?: StreamEnd & { kind: 'lost' }): void {
    if (this.#state !== 'idle') return
    if (lost) {
      this.#opens = 1
      this.#lost(lost)
    } else this.#attempt()
  }

  /** Makes the next attempt now. It counts like any other. @returns false when none was waiting for its time */
  retryNow(): boolean {
    if (this.#state !== 'waiting') return false
    this.#timer?.cancel()
    this.#attempt()
    return true
  }

  /** Ends the loop for good, and the attempt under way with it. May be called at any time and again. */
  stop(reason = 'stopped'): void {
    this.#finish({ kind: 'stop', reason, state: 'stopped' })
  }

  #attempt(): void {
    const own = new AbortController()
    this.#timer = undefined
    this.#nextAttemptAt = null
    this.#current = own
    this.#state = 'connecting'
    this.#attempts++
    this.#options.onChange?.()
    if (own.signal.aborted) return // who was told has stopped it
    void this.#run(own)
  }

  async #run(own: AbortController): Promise<void> {
    let end: StreamEnd
    try {
      end = await this.#options.run(this.#handleOf(own))
    } catch (thrown) {
      end = { kind: 'lost', reason: thrown instanceof Error ? thrown.message : String(thrown) }
    }
    if (this.#current !== own) return
    this.#current = undefined
    own.abort(new AppError('ABORTED', end.reason))
    if (end.kind === 'stop') this.#finish(end)
    else this.#lost(end)
  }

  #handleOf(own: AbortController): Attempt {
    const isCurrent = () => this.#current === own
    return {
      number: this.#attempts,
      signal: own.signal,
      lastEventId: this.#lastEventId,
      opened: () => {
        if (isCurrent()) this.#opened()
      },
      message: (eventId) => {
        if (!isCurrent()) return
        if (eventId !== undefined) this.#lastEventId = eventId || undefined
        this.#lastMessageAt = this.#options.scheduler.now()
        const isNews = this.#attempts > 0
        this.#anew()
        if (!this.#opened() && isNews) this.#options.onChange?.()
      },
      remember: (eventId) => {
        if (isCurrent()) this.#lastEventId = eventId || undefined
      },
      retry: (ms) => {
        if (isCurrent() && ms >= 0) this.#retryMs = ms
      },
    }
  }

  #anew(): void {
    this.#attempts = 0
    this.#waits = 0
  }

  /** @returns false when that was known */
  #opened(): boolean {
    if (this.#state === 'open') return false
    this.#state = 'open'
    this.#opens++
    this.#openedAt = this.#options.scheduler.now()
    this.#options.onChange?.()
    return true
  }

  #lost({ reason, retryAfterMs = 0 }: StreamEnd & { kind: 'lost' }): void {
    const { scheduler, random } = this.#options
    const { maxAttempts = Number.POSITIVE_INFINITY } = this.#policy
    const now = scheduler.now()
    if (this.#state === 'open' && now - this.#openedAt >= stableMs) this.#anew()
    this.#lastDrop = { at: now, reason }
    if (this.#attempts >= maxAttempts) {
      const times = maxAttempts === 1 ? '1 attempt' : `${maxAttempts} attempts in a row`
      this.#finish({ kind: 'stop', reason: `gave up after ${times}: ${reason}`, state: 'stopped' })
      return
    }
    const wishMs = Math.min(Math.max(this.#retryMs, retryAfterMs), this.#policy.maxServerWaitMs ?? maxServerWaitMs)
    const floorMs = Math.max(this.#policy.floorMs ?? 0, wishMs)
    const waitMs = fullJitterMs({ ...this.#policy, floorMs }, this.#waits++, random)
    this.#state = 'waiting'
    this.#nextAttemptAt = now + waitMs
    this.#timer = scheduler.after(waitMs, () => this.#attempt())
    this.#options.onChange?.()
  }

  #finish(end: StreamEnd & { kind: 'stop' }): void {
    if (this.#state === 'stopped' || this.#state === 'unsupported') return
    this.#state = end.state
    this.#timer?.cancel()
    this.#timer = undefined
    this.#nextAttemptAt = null
    const current = this.#current
    this.#current = undefined
    current?.abort(new AppError('ABORTED', end.reason))
    this.#end(end)
    this.#options.onChange?.()
  }
}
