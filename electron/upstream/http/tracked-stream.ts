import { AppError, type ErrorCode } from '../../../shared/errors.ts'
import { type Attempt, ReconnectLoop, type StreamEnd } from '../../../shared/reconnect.ts'
import type { StreamSnapshot } from '../../../shared/state.ts'
import type { Clock, Random, Timer } from '../../kit/clock.ts'
import type { TransportHooks } from '../transport.ts'
import type { Diary } from './diary.ts'

export interface StreamDeps {
  readonly connectionId: string
  readonly clock: Clock
  readonly random: Random
  readonly diary: Diary
  readonly hooks: Pick<TransportHooks, 'tell' | 'changed' | 'answers'>
}

/** A stream that stays open this long is well, however little comes: the count of attempts starts anew. */
const stableMs = 30_000

/** One attempt at a stream, as who reads it sees it. */
export interface Reading {
  readonly attempt: Attempt
  /** Aborts with the attempt, and when it is not opened in time. */
  readonly signal: AbortSignal
  /**
   * A request on a kept connection whose other end is gone is never answered: the attempt is given up when it is not opened
   * within this time. Not sooner than a stream that is open may be silent: some servers send the head with the first event.
   */
  openWithin(ms: number): void
  opened(): void
  /** A message came. */
  heard(eventId?: string): void
  /** An id came without a message. */
  remember(eventId: string): void
}

/** How a reading ended, with the code of the error that ended it. */
export type ReadingEnd = StreamEnd & { code?: ErrorCode }

export interface TrackedStreamOptions {
  readonly id: string
  readonly kind: StreamSnapshot['kind']
  readonly lastEventId?: string | undefined
  /** Opens it and reads it to its end; a throw is a loss. */
  read(reading: Reading): Promise<ReadingEnd>
  /** It is over for good, and not because we ended it. */
  ended?(end: StreamEnd): void
}

/** A stream that is opened again when it is lost, and what is shown of it. */
export class TrackedStream {
  readonly #deps: StreamDeps
  readonly #options: TrackedStreamOptions
  readonly #loop: ReconnectLoop
  #openedAt: number | null = null
  #lastMessageAt: number | null = null
  /** Since when it is lost; undefined while it is open. */
  #downSince: number | undefined
  #toldDropAt: number | undefined
  #attempts = 0
  #code: ErrorCode | null = null
  #resuming = false
  #quiet = false

  constructor(deps: StreamDeps, options: TrackedStreamOptions) {
    const { clock, random } = deps
    this.#deps = deps
    this.#options = options
    this.#loop = new ReconnectLoop({
      scheduler: clock,
      random,
      lastEventId: options.lastEventId,
      run: (attempt) => this.#read(attempt),
      onChange: () => this.#changed(),
    })
    void this.#loop.done.then((end) => {
      if (!this.#quiet) options.ended?.(end)
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** Tries now. @returns false when it did not wait */
  retryNow(): boolean {
    return this.#loop.retryNow()
  }

  /** Ends it, and tells nobody. */
  stop(): void {
    this.#quiet = true
    this.#loop.stop()
  }

  snapshot(): StreamSnapshot {
    const { state, attempts, nextAttemptAt, reconnects, lastDrop, lastEventId } = this.#loop.view
    return {
      id: this.#options.id,
      kind: this.#options.kind,
      state,
      openedAt: this.#openedAt,
      attempts,
      nextAttemptAt: nextAttemptAt === null ? null : this.#wallAt(nextAttemptAt),
      reconnects,
      lastDrop: lastDrop && { at: this.#wallAt(lastDrop.at), reason: lastDrop.reason },
      lastMessageAt: this.#lastMessageAt,
      resumable: lastEventId !== undefined,
    }
  }

  async #read(attempt: Attempt): Promise<StreamEnd> {
    const { clock, hooks } = this.#deps
    this.#resuming = attempt.lastEventId !== undefined
    let stable: Timer | undefined
    let late: Timer | undefined
    const own = new AbortController()
    try {
      const end = await this.#options.read({
        attempt,
        signal: AbortSignal.any([attempt.signal, own.signal]),
        openWithin: (ms) => {
          late = clock.after(ms, () => own.abort(unopened(ms)))
        },
        opened: () => {
          late?.cancel()
          stable ??= clock.after(stableMs, () => attempt.message())
          attempt.opened()
          if (this.#downSince !== undefined) hooks.answers()
        },
        heard: (eventId) => {
          this.#lastMessageAt = clock.wall()
          attempt.message(eventId === undefined ? undefined : sendable(eventId))
        },
        remember: (eventId) => attempt.remember(sendable(eventId)),
      })
      this.#code = end.code ?? null
      return end
    } catch (error) {
      this.#code = error instanceof AppError ? error.code : 'INTERNAL'
      throw error
    } finally {
      late?.cancel()
      stable?.cancel()
    }
  }

  #changed(): void {
    const { clock, hooks, diary, connectionId } = this.#deps
    const { id: streamId, kind } = this.#options
    const { state, attempts, lastDrop, nextAttemptAt, openedAt } = this.#loop.view
    const place = { connectionId, streamId, kind }
    if (state !== 'open') this.#openedAt = null
    else this.#openedAt ??= clock.wall()
    if (attempts > 0) this.#attempts = attempts
    if (state === 'waiting' && lastDrop && lastDrop.at !== this.#toldDropAt) {
      this.#toldDropAt = lastDrop.at
      this.#downSince ??= lastDrop.at
      const retryInMs = Math.max(0, (nextAttemptAt ?? 0) - clock.now())
      diary.note(`${streamId}: lost (${lastDrop.reason}); tried again in ${Math.round(retryInMs)} ms`)
      hooks.tell('stream.dropped', {
        ...place,
        reason: lastDrop.reason,
        code: this.#code,
        attempt: attempts,
        retryInMs,
      })
    }
    if (state === 'open' && attempts === 0 && this.#downSince !== undefined) {
      // That it was good is known only now.
      const downMs = (openedAt ?? clock.now()) - this.#downSince
      this.#downSince = undefined
      diary.note(`${streamId}: open again${this.#resuming ? ', resumed' : ''}`)
      hooks.tell('stream.recovered', { ...place, attempts: this.#attempts, downMs, resumed: this.#resuming })
    }
    if ((state === 'stopped' || state === 'unsupported') && !this.#quiet)
      void this.#loop.done.then((end) => this.#over(end))
    hooks.changed()
  }

  #over(end: StreamEnd): void {
    const { hooks, diary, connectionId } = this.#deps
    const { id: streamId, kind } = this.#options
    diary.note(`${streamId}: ${end.reason}`)
    if (end.kind === 'stop' && end.state === 'stopped')
      hooks.tell('stream.stopped', { connectionId, streamId, kind, reason: end.reason })
  }

  #wallAt(monotonic: number): number {
    const { clock } = this.#deps
    return clock.wall() - (clock.now() - monotonic)
  }
}

/** What no header can carry is as good as no id. */
const sendable = (eventId: string): string => (/(?!\t)\p{Cc}/u.test(eventId) ? '' : eventId)

const unopened = (ms: number): AppError =>
  new AppError('CONNECTION_LOST', `no answer within ${ms} ms: the connection is taken for lost`, { reason: 'silence' })
