import { AppError } from '../../shared/errors.ts'
import type { Timer } from '../kit/clock.ts'
import type { Answer, Call, ChannelOptions } from './channel-types.ts'
import {
  answerIdOf,
  type Envelope,
  isMethodAt,
  mintedId,
  progressTokenSpan,
  type Span,
  scanEnvelope,
  scanObject,
  singleLine,
  sliceOf,
  splice,
  stringAt,
  subscriptionIdSpan,
} from './envelope.ts'
import { ServerRequests } from './server-requests.ts'
import type { JsonText, ServerNotification } from './types.ts'

export type { Answer, Call, ChannelOptions } from './channel-types.ts'

interface Pending {
  readonly id: number
  readonly call: Call
  /** The caller's own progress token, as text: put back exactly. */
  readonly token: string | undefined
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: AppError) => void
  onAbort: (() => void) | undefined
  timer: Timer | undefined
  lastActivity: number
  /** Requests of the server's own that the caller has yet to answer: the response timeout stands still. */
  asked: number
}

const listenMethod = 'subscriptions/listen'
const changed = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/

/**
 * JSON-RPC over lines: mints ids for one process, pairs answers with requests, restores progress tokens.
 * Knows nothing of how the process lives or dies.
 */
export class Channel {
  readonly #options: ChannelOptions
  /** Requests that hold the connection. */
  readonly #pending = new Map<number, Pending>()
  readonly #background = new Map<number, Pending>()
  readonly #asked: ServerRequests
  /** Whether `subscriptions/listen` was ever called: then notifications are asked which of them they are for. */
  #listened = false
  /** Ids of abandoned requests whose answers may still come. */
  readonly #owed = new Set<number>()
  #onOwedChange: (() => void) | undefined
  #nextId = 1
  #failure: AppError | undefined

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#asked = new ServerRequests((line) => options.write(line))
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** Whether an abandoned request has not been answered yet. */
  get owesAnswer(): boolean {
    return this.#owed.size > 0
  }

  /**
   * Writes a request.
   * @returns the server's answer, of either kind; rejects with RESPONSE_TIMEOUT, DEADLINE_EXCEEDED, ABORTED, or with
   * what `fail` was given
   * @throws AppError when nothing was written
   */
  call(call: Call): Promise<Answer> {
    if (this.#failure) throw this.#failure
    if (call.signal?.aborted) throw aborted(call)
    const id = this.#nextId++
    let params = call.params
    const tokenSpan = params === undefined ? undefined : progressTokenSpan(params)
    let token: string | undefined
    if (params !== undefined && tokenSpan) {
      token = sliceOf(params, tokenSpan)
      params = splice(params, tokenSpan, String(id))
    }
    const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(call.method)}`
    this.#options.write(params === undefined ? `${head}}` : `${head},"params":${params}}`)

    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const lastActivity = this.#options.clock.now()
    const pending: Pending = {
      id,
      call,
      token,
      resolve,
      reject,
      onAbort: undefined,
      timer: undefined,
      lastActivity,
      asked: 0,
    }
    if (call.background) this.#background.set(id, pending)
    else this.#pending.set(id, pending)
    this.#listened ||= call.method === listenMethod
    if (call.signal) {
      pending.onAbort = () => this.#abandon(pending, aborted(call), 'the client cancelled the request')
      call.signal.addEventListener('abort', pending.onAbort, { once: true })
    }
    this.#schedule(pending)
    return promise
  }

  /** Sends a notification. @throws AppError when nothing was written */
  notify(method: string, params?: JsonText): void {
    const tail = params === undefined ? '' : `,"params":${params}`
    this.#options.write(`{"jsonrpc":"2.0","method":${JSON.stringify(method)}${tail}}`)
  }

  /** One line from the server. */
  receive(raw: string): void {
    const line = singleLine(raw)
    const envelope = scanEnvelope(line)
    if (!envelope) this.#options.onInvalid(raw)
    else if (envelope.method) this.#incoming(line, envelope)
    else this.#answer(line, envelope)
  }

  /**
   * A line over the limit was skipped. Whose answer it was stands at its head or its end, as serialisers put the id; with
   * one request under way there is no doubt anyway.
   */
  skippedLine(error: AppError, head: string, tail: string): void {
    const pending = isMethodAt(head) ? undefined : (this.#find(answerIdOf(head, tail)) ?? this.#only())
    if (pending) this.#settle(pending).reject(error)
    else this.#options.onInvalid(head)
  }

  /** Nothing will come any more. Rejects what is under way; later calls throw the same error. */
  fail(error: AppError): void {
    if (this.#failure) return
    this.#failure = error
    this.#asked.fail(error)
    for (const pending of [...this.#pending.values(), ...this.#background.values()]) this.#settle(pending).reject(error)
    this.#onOwedChange?.()
  }

  /** Waits for the answers of abandoned requests. @returns whether nothing is owed any more */
  async cleared(graceMs: number): Promise<boolean> {
    if (this.#owed.size === 0) return true
    if (this.#failure) return false
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onOwedChange = resolve
    const timer = this.#options.clock.after(graceMs, resolve)
    await promise
    timer.cancel()
    this.#onOwedChange = undefined
    return this.#owed.size === 0
  }

  #only(): Pending | undefined {
    return this.#pending.size === 1 ? this.#pending.values().next().value : undefined
  }

  /** The request that what the server says of its own accord belongs to. */
  #holder(): Pending | undefined {
    return this.#options.exclusive === false ? undefined : this.#only()
  }

  #find(id: number | undefined): Pending | undefined {
    if (id === undefined) return undefined
    return this.#pending.get(id) ?? this.#background.get(id)
  }

  /** One timer for each request, moved lazily: progress only notes the time. */
  #schedule(pending: Pending): void {
    const { clock } = this.#options
    const { responseTimeoutMs, deadline = Number.POSITIVE_INFINITY } = pending.call
    const due = Math.min(pending.lastActivity + responseTimeoutMs, deadline)
    // Node's timers fire at once when the delay is too long for them.
    if (due === Number.POSITIVE_INFINITY) return
    pending.timer = clock.after(Math.max(0, due - clock.now()), () => {
      const now = clock.now()
      if (pending.asked > 0) pending.lastActivity = now
      const silent = now >= pending.lastActivity + responseTimeoutMs
      if (!silent && now < deadline) return this.#schedule(pending)
      const method = pending.call.method
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
    })
  }

  #settle(pending: Pending): Pending {
    if (!this.#pending.delete(pending.id)) this.#background.delete(pending.id)
    if (pending.asked > 0) this.#asked.end(pending)
    pending.timer?.cancel()
    if (pending.onAbort) pending.call.signal?.removeEventListener('abort', pending.onAbort)
    return pending
  }

  #abandon(pending: Pending, error: AppError, reason: string): void {
    if (!pending.call.background) this.#owed.add(pending.id)
    if (this.#options.mcp && pending.call.cancellable !== false) {
      this.#tell(() => this.notify('notifications/cancelled', JSON.stringify({ requestId: pending.id, reason })))
    }
    this.#settle(pending).reject(error)
  }

  /** For what a server may do without: a failed write shows in the next request. */
  #tell(write: () => void): void {
    try {
      write()
    } catch {
      // Nothing depends on it: the connection's own end is told by the process.
    }
  }

  #answer(line: string, envelope: Envelope): void {
    const failed = envelope.error !== undefined && sliceOf(line, envelope.error) !== 'null'
    const span = failed ? envelope.error : envelope.result
    const id = mintedId(line, envelope.id)
    // Whoever can't read the id of a request answers with null (JSON-RPC 2.0, section 5).
    const unidentified = failed && (!envelope.id || sliceOf(line, envelope.id) === 'null')
    const pending = id !== undefined ? this.#find(id) : unidentified ? this.#only() : undefined
    if (pending && span) {
      const text = pending.call.subscriptionId === undefined ? sliceOf(line, span) : resubscribed(line, span, pending)
      this.#settle(pending).resolve({ kind: failed ? 'error' : 'result', text })
    } else if (id !== undefined && this.#owed.delete(id)) this.#paid()
    else this.#options.onInvalid(line)
  }

  #paid(): void {
    if (this.#owed.size === 0) this.#onOwedChange?.()
  }

  #incoming(line: string, envelope: Envelope): void {
    const method = stringAt(line, envelope.method)
    if (method === undefined) this.#options.onInvalid(line)
    else if (envelope.id) this.#serverRequest(line, method, envelope, sliceOf(line, envelope.id))
    else if (method === 'notifications/progress') this.#progress(line, envelope)
    else if (method === 'notifications/cancelled') this.#cancelled(line, envelope)
    else if (!this.#listened || !this.#toListener(line, method, envelope)) this.#notified({ method, message: line })
  }

  #notified(notification: ServerNotification): void {
    const onChange = changed.test(notification.method) ? this.#options.onChange : undefined
    if (onChange) this.#guarded(() => onChange(notification))
    // Who subscribed on a shared process is not who happens to hold it.
    if (onChange && notification.method === 'notifications/resources/updated') return
    this.#deliver(notification, this.#holder())
  }

  /** What a `subscriptions/listen` is told names it. @returns false when it is for none of them */
  #toListener(line: string, method: string, envelope: Envelope): boolean {
    const span = subscriptionIdSpan(line, envelope.params)
    if (!span) return false
    const pending = this.#find(mintedId(line, span))
    // One that was cancelled has no reader, and what it was told is nobody else's.
    if (pending?.call.method !== listenMethod) return true
    const { subscriptionId } = pending.call
    const message = subscriptionId === undefined ? line : splice(line, span, subscriptionId)
    this.#deliver({ method, message }, pending)
    return true
  }

  /** About a request of the server's own. */
  #cancelled(line: string, { params }: Envelope): void {
    const span = params && scanObject(line, ['requestId'], params)?.[0]
    if (span) this.#asked.cancel(sliceOf(line, span))
  }

  #progress(line: string, envelope: Envelope): void {
    const span = envelope.params && scanObject(line, ['progressToken'], envelope.params)?.[0]
    const pending = this.#find(mintedId(line, span))
    // Progress of a request that is over has no reader.
    if (!span || pending?.token === undefined) return
    pending.lastActivity = this.#options.clock.now()
    this.#deliver({ method: 'notifications/progress', message: splice(line, span, pending.token) }, pending)
  }

  #deliver(notification: ServerNotification, holder: Pending | undefined): void {
    this.#guarded(() => {
      const listener = holder?.call.onNotification ?? this.#options.onNotification
      listener(notification)
    })
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#options.onListenerError(error)
    }
  }

  /** Answered by whoever holds the connection. A client without capabilities owes a server `ping` alone. */
  #serverRequest(line: string, method: string, { params }: Envelope, id: JsonText): void {
    if (method === 'ping') {
      this.#asked.reply(id, 'result', '{}')
      return
    }
    const holder = this.#holder()
    const own = holder?.call.onServerRequest
    const answerer = own ?? this.#options.onServerRequest
    if (!answerer) {
      this.#asked.reply(id, 'error', `{"code":-32601,"message":${JSON.stringify(`Method not found: ${method}`)}}`)
      return
    }
    const owner = own && holder
    if (owner) owner.asked++
    this.#guarded(() =>
      this.#asked.offer(id, { method, params: params && sliceOf(line, params) }, answerer, owner, () => {
        if (!owner) return
        owner.asked--
        owner.lastActivity = this.#options.clock.now()
      }),
    )
  }
}

/** The text of a result, with the caller's own id as its subscription id. */
function resubscribed(line: string, within: Span, { call }: Pending): JsonText {
  const text = sliceOf(line, within)
  const span = subscriptionIdSpan(text, { start: 0, end: text.length })
  return span && call.subscriptionId !== undefined ? splice(text, span, call.subscriptionId) : text
}

const aborted = (call: Call): AppError =>
  new AppError('ABORTED', `${call.method} was cancelled by the caller`, { method: call.method })
