import { AppError } from '../../shared/errors.ts'
import { BriefMap } from '../kit/brief-map.ts'
import type { Clock, Timer } from '../kit/clock.ts'
import type { Answer, Call } from './channel-types.ts'

/** A request that was written and has not been answered. */
export interface Pending {
  /** Changes when it is sent again. */
  id: number
  readonly call: Call
  /** The caller's own progress token, as text: put back exactly. */
  readonly token: string | undefined
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: AppError) => void
  onAbort: (() => void) | undefined
  lastActivity: number
  /** Requests of the server's own that the caller has yet to answer: the response timeout stands still. */
  asked: number
}

/** Abandoned calls in the background whose late answers are known for what they are; a server rarely gives them. */
const disownedKept = 256

export interface PendingCallsOptions {
  readonly clock: Clock
  /** What a time-out should tell: process, stderr. */
  describe(): Record<string, unknown>
  /** Nobody waits for its answer any more. */
  abandoned(id: number, reason: string): void
  /** Late answers are in nobody's way: none is owed. */
  readonly separate: boolean
  /** It is over, whatever became of it. */
  over?: ((id: number) => void) | undefined
  /** It is over, while the server waits for the caller to answer a request of its own. */
  ended(pending: Pending): void
}

/** The requests of one connection that wait for their answers: their time limits, cancellation, and what is owed. */
export class PendingCalls {
  readonly #options: PendingCallsOptions
  /** Those that hold the connection. */
  readonly #pending = new BriefMap<number, Pending>()
  readonly #background = new Map<number, Pending>()
  /** Ids of abandoned requests whose answers may still come. */
  readonly #owed = new Set<number>()
  readonly #disowned = new Set<number>()
  #onOwedChange: (() => void) | undefined
  /** One for all, moved lazily: it comes when the first that was under way could be due, and looks again. */
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #failed = false

  constructor(options: PendingCallsOptions) {
    this.#options = options
  }

  get inFlight(): number {
    return this.#pending.size
  }

  get owesAnswer(): boolean {
    return this.#owed.size > 0
  }

  /** The one request that holds the connection; undefined when there is none, or several. */
  get only(): Pending | undefined {
    return this.#pending.size === 1 ? this.#pending.any : undefined
  }

  find(id: number | undefined): Pending | undefined {
    if (id === undefined) return undefined
    return this.#pending.get(id) ?? this.#background.get(id)
  }

  /** It has been written. */
  begin(id: number, call: Call, token: string | undefined): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const lastActivity = this.#options.clock.now()
    const pending: Pending = {
      id,
      call,
      token,
      resolve,
      reject,
      onAbort: undefined,
      lastActivity,
      asked: 0,
    }
    if (call.background) this.#background.set(id, pending)
    else this.#pending.set(id, pending)
    if (call.signal) {
      // Not assigned as it is made: V8 would put the closure among the old objects, and all that it reaches after it.
      const onAbort = () => this.#abandon(pending, abortedCall(call), 'the client cancelled the request')
      pending.onAbort = onAbort
      call.signal.addEventListener('abort', pending.onAbort, { once: true })
    }
    this.#lookAt(dueAt(pending))
    return promise
  }

  /** It is sent again, under another id: what comes for the old one is not for it any more. */
  rename(pending: Pending, id: number): void {
    const calls = pending.call.background ? this.#background : this.#pending
    calls.delete(pending.id)
    pending.id = id
    calls.set(id, pending)
  }

  /** It is over: its caller is told by who calls this. */
  settle(pending: Pending): Pending {
    if (!this.#pending.delete(pending.id)) this.#background.delete(pending.id)
    this.#options.over?.(pending.id)
    if (pending.asked > 0) this.#options.ended(pending)
    if (pending.onAbort) pending.call.signal?.removeEventListener('abort', pending.onAbort)
    return pending
  }

  /** @returns whether this is the answer of an abandoned request, which is owed no more */
  tookLate(id: number): boolean {
    if (this.#disowned.delete(id)) return true
    if (!this.#owed.delete(id)) return false
    if (this.#owed.size === 0) this.#onOwedChange?.()
    return true
  }

  /** @param errorOf of each; asked before it is settled */
  fail(errorOf: (id: number) => AppError): void {
    this.#failed = true
    this.#timer?.cancel()
    this.#timer = undefined
    for (const pending of [...this.#pending.values(), ...this.#background.values()]) {
      const error = errorOf(pending.id)
      this.settle(pending).reject(error)
    }
    this.#onOwedChange?.()
  }

  /** Waits for the answers of abandoned requests. @returns whether nothing is owed any more */
  async cleared(graceMs: number): Promise<boolean> {
    if (this.#owed.size === 0) return true
    if (this.#failed) return false
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onOwedChange = resolve
    const timer = this.#options.clock.after(graceMs, resolve)
    await promise
    timer.cancel()
    this.#onOwedChange = undefined
    return this.#owed.size === 0
  }

  #lookAt(due: number): void {
    // Node's timers fire at once when the delay is too long for them.
    if (due >= this.#timerAt || this.#failed) return
    this.#timer?.cancel()
    this.#timerAt = due
    const { clock } = this.#options
    const look = () => this.#look()
    this.#timer = clock.after(Math.max(0, due - clock.now()), look)
  }

  #look(): void {
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#options.clock.now()
    for (const pending of [...this.#pending.values(), ...this.#background.values()]) {
      if (pending.asked > 0) pending.lastActivity = now
      if (dueAt(pending) <= now) this.#expire(pending, now)
      else this.#lookAt(dueAt(pending))
    }
  }

  #expire(pending: Pending, now: number): void {
    const { method, responseTimeoutMs } = pending.call
    const silent = now >= pending.lastActivity + responseTimeoutMs
    const error = silent
      ? new AppError(
          'RESPONSE_TIMEOUT',
          `no answer to ${method} within ${responseTimeoutMs} ms; the server hangs, or timeouts.responseTimeoutMs is too short for it`,
          { method, responseTimeoutMs, ...this.#options.describe() },
        )
      : new AppError('DEADLINE_EXCEEDED', `no answer to ${method} before the request's deadline`, {
          method,
          ...this.#options.describe(),
        })
    this.#abandon(pending, error, silent ? 'no answer in time' : 'deadline exceeded')
  }

  #abandon(pending: Pending, error: AppError, reason: string): void {
    const { id, call } = pending
    if (!call.background && !this.#options.separate) this.#owed.add(id)
    else if (this.#disowned.size < disownedKept) this.#disowned.add(id)
    if (call.cancellable !== false) this.#options.abandoned(id, reason)
    this.settle(pending).reject(error)
  }
}

/** When it is given up, unless there is progress until then. */
const dueAt = ({ lastActivity, call }: Pending): number =>
  Math.min(lastActivity + call.responseTimeoutMs, call.deadline ?? Number.POSITIVE_INFINITY)

export const abortedCall = (call: Call): AppError =>
  new AppError('ABORTED', `${call.method} was cancelled by the caller`, { method: call.method })
