import { AppError } from '../../shared/errors.ts'
import type { Answer, Call, ChannelOptions, Outgoing } from './channel-types.ts'
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
import { scanArray } from './json-scan.ts'
import { abortedCall, type Pending, PendingCalls } from './pending-calls.ts'
import { ServerRequests } from './server-requests.ts'
import type { JsonText, ServerNotification } from './types.ts'
import { withWritten } from './written.ts'

export type { Answer, Call, ChannelOptions, Outgoing } from './channel-types.ts'

const listenMethod = 'subscriptions/listen'
const changed = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/

/**
 * JSON-RPC over lines: mints ids for one process, pairs answers with requests, restores progress tokens.
 * Knows nothing of how the process lives or dies.
 */
export class Channel {
  readonly #options: ChannelOptions
  readonly #calls: PendingCalls
  readonly #asked: ServerRequests
  /** Whether `subscriptions/listen` was ever called: then notifications are asked which of them they are for. */
  #listened = false
  #nextId = 1
  #failure: AppError | undefined

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#asked = new ServerRequests((line) => options.write(line, {}))
    this.#calls = new PendingCalls({
      clock: options.clock,
      describe: options.describe,
      separate: options.separate ?? false,
      over: options.over,
      abandoned: (id, reason) => this.#cancel(id, reason),
      ended: (pending) => this.#asked.end(pending),
    })
  }

  get inFlight(): number {
    return this.#calls.inFlight
  }

  /** Whether an abandoned request has not been answered yet. */
  get owesAnswer(): boolean {
    return this.#calls.owesAnswer
  }

  /**
   * Writes a request.
   * @returns the server's answer, of either kind; rejects with RESPONSE_TIMEOUT, DEADLINE_EXCEEDED, ABORTED, or with
   * what `fail` was given
   * @throws AppError when nothing was written
   */
  call(call: Call): Promise<Answer> {
    if (this.#failure) throw this.#failure
    if (call.signal?.aborted) throw abortedCall(call)
    const id = this.#nextId++
    let params = call.params
    const tokenSpan = params === undefined ? undefined : progressTokenSpan(params)
    let token: string | undefined
    if (params !== undefined && tokenSpan) {
      token = sliceOf(params, tokenSpan)
      params = splice(params, tokenSpan, String(id))
    }
    const { method } = call
    this.#options.write(requestLine(id, method, params), { id, method, params })
    this.#listened ||= call.method === listenMethod
    return this.#calls.begin(id, call, token)
  }

  /** Sends a notification. @throws AppError when nothing was written */
  notify(method: string, params?: JsonText): void {
    const tail = params === undefined ? '' : `,"params":${params}`
    this.#options.write(`{"jsonrpc":"2.0","method":${JSON.stringify(method)}${tail}}`, { method, params })
  }

  /**
   * One message from the server.
   * @param origin where requests have streams of their own: the id of the one that it came for
   */
  receive(raw: string, origin?: number): void {
    const line = singleLine(raw)
    const elements = line.startsWith('[') ? scanArray(line) : undefined
    if (!elements?.length) this.#one(line, raw, origin)
    // A batch (JSON-RPC 2.0, section 6): we send none, and servers of MCP 2025-03-26 may.
    else for (const element of elements) this.#one(sliceOf(line, element), raw, origin)
  }

  #one(line: string, raw: string, origin: number | undefined): void {
    const envelope = scanEnvelope(line)
    if (!envelope) this.#options.onInvalid(raw)
    else if (envelope.method) this.#incoming(line, envelope, origin)
    else this.#answer(line, envelope, origin)
  }

  /** Whether a request waits for its answer. */
  isWaiting(id: number): boolean {
    return this.#calls.find(id) !== undefined
  }

  /** Ends one request with what was found out about it by other ways than its answer. @returns false when it is over */
  conclude(id: number, outcome: Answer | AppError): boolean {
    const pending = this.#calls.find(id)
    if (!pending) return false
    this.#calls.settle(pending)
    if (outcome instanceof AppError) pending.reject(outcome)
    else pending.resolve(outcome)
    return true
  }

  /**
   * The line with which a request that is safe to repeat is sent once more, under a new id.
   * @returns undefined when it is over
   */
  again(id: number): { line: string; message: Outgoing & { id: number } } | undefined {
    const pending = this.#calls.find(id)
    if (!pending) return undefined
    const { method, params } = pending.call
    this.#calls.rename(pending, this.#nextId++)
    return { line: requestLine(pending.id, method, params), message: { id: pending.id, method, params } }
  }

  /**
   * A line over the limit was skipped. Whose answer it was stands at its head or its end, as serialisers put the id; with
   * one request under way there is no doubt anyway.
   */
  skippedLine(error: AppError, head: string, tail: string): void {
    const calls = this.#calls
    const pending = isMethodAt(head) ? undefined : (calls.find(answerIdOf(head, tail)) ?? calls.only)
    if (pending) calls.settle(pending).reject(error)
    else this.#options.onInvalid(head)
  }

  /**
   * Nothing will come any more. Rejects what is under way; later calls throw the same error.
   * @param isWritten where requests are written later than they are called: whether the server may have got one. It is told
   * of each in `data.written`, over what the error, which is of another request or of none, says there.
   */
  fail(error: AppError, isWritten?: (id: number) => boolean): void {
    if (this.#failure) return
    this.#failure = error
    this.#asked.fail(error)
    this.#calls.fail((id) => (isWritten ? withWritten(error, isWritten(id)) : error))
  }

  /** Waits for the answers of abandoned requests. @returns whether nothing is owed any more */
  cleared(graceMs: number): Promise<boolean> {
    return this.#calls.cleared(graceMs)
  }

  /** The request that what the server says of its own accord belongs to. */
  #holder(origin: number | undefined): Pending | undefined {
    if (origin !== undefined) return this.#calls.find(origin)
    return this.#options.exclusive === false ? undefined : this.#calls.only
  }

  /** A failed write shows in the next request; the connection's own end is told by the process. */
  #cancel(id: number, reason: string): void {
    const { cancel, mcp } = this.#options
    if (cancel) cancel(id, reason)
    if (cancel || !mcp) return
    try {
      this.notify('notifications/cancelled', JSON.stringify({ requestId: id, reason }))
    } catch {
      // Nothing depends on it.
    }
  }

  #answer(line: string, envelope: Envelope, origin: number | undefined): void {
    const failed = envelope.error !== undefined && sliceOf(line, envelope.error) !== 'null'
    const span = failed ? envelope.error : envelope.result
    const id = mintedId(line, envelope.id)
    // Whoever can't read the id of a request answers with null (JSON-RPC 2.0, section 5).
    const unidentified = failed && (!envelope.id || sliceOf(line, envelope.id) === 'null')
    const own = origin === undefined ? this.#calls.only : this.#calls.find(origin)
    const pending = id !== undefined ? this.#calls.find(id) : unidentified ? own : undefined
    if (pending && span) {
      const text = pending.call.subscriptionId === undefined ? sliceOf(line, span) : resubscribed(line, span, pending)
      this.#calls.settle(pending).resolve({ kind: failed ? 'error' : 'result', text })
    } else if (id === undefined || !this.#calls.tookLate(id)) this.#options.onInvalid(line)
  }

  #incoming(line: string, envelope: Envelope, origin: number | undefined): void {
    const method = stringAt(line, envelope.method)
    if (method === undefined) this.#options.onInvalid(line)
    else if (envelope.id) this.#serverRequest(line, method, envelope, origin)
    else if (method === 'notifications/progress') this.#progress(line, envelope)
    else if (method === 'notifications/cancelled') this.#cancelled(line, envelope)
    else if (!this.#listened || !this.#toListener(line, method, envelope))
      this.#notified({ method, message: line }, origin)
  }

  #notified(notification: ServerNotification, origin: number | undefined): void {
    const onChange = changed.test(notification.method) ? this.#options.onChange : undefined
    if (onChange) this.#guarded(() => onChange(notification))
    // Who subscribed on a shared process is not who happens to hold it.
    if (onChange && notification.method === 'notifications/resources/updated') return
    this.#deliver(notification, this.#holder(origin))
  }

  /** What a `subscriptions/listen` is told names it. @returns false when it is for none of them */
  #toListener(line: string, method: string, envelope: Envelope): boolean {
    const span = subscriptionIdSpan(line, envelope.params)
    if (!span) return false
    const pending = this.#calls.find(mintedId(line, span))
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
    const pending = this.#calls.find(mintedId(line, span))
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
  #serverRequest(line: string, method: string, { id: span, params }: Envelope, origin: number | undefined): void {
    if (!span) return
    const id = sliceOf(line, span)
    if (method === 'ping') {
      this.#asked.reply(id, 'result', '{}')
      return
    }
    const holder = this.#holder(origin)
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

function requestLine(id: number, method: string, params: JsonText | undefined): string {
  const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`
  return params === undefined ? `${head}}` : `${head},"params":${params}}`
}

/** The text of a result, with the caller's own id as its subscription id. */
function resubscribed(line: string, within: Span, { call }: Pending): JsonText {
  const text = sliceOf(line, within)
  const span = subscriptionIdSpan(text, { start: 0, end: text.length })
  return span && call.subscriptionId !== undefined ? splice(text, span, call.subscriptionId) : text
}
