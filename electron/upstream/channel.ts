import type { AppError } from '../../shared/errors.ts'
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
import { abortedCall, type Pending, PendingCalls } from './pending-calls.ts'
import { ServerRequests } from './server-requests.ts'
import type { JsonText, ServerNotification } from './types.ts'

export type { Answer, Call, ChannelOptions } from './channel-types.ts'

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
    this.#asked = new ServerRequests((line) => options.write(line))
    this.#calls = new PendingCalls({
      clock: options.clock,
      describe: options.describe,
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
    const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(call.method)}`
    this.#options.write(params === undefined ? `${head}}` : `${head},"params":${params}}`)

    this.#listened ||= call.method === listenMethod
    return this.#calls.begin(id, call, token)
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
    const calls = this.#calls
    const pending = isMethodAt(head) ? undefined : (calls.find(answerIdOf(head, tail)) ?? calls.only)
    if (pending) calls.settle(pending).reject(error)
    else this.#options.onInvalid(head)
  }

  /** Nothing will come any more. Rejects what is under way; later calls throw the same error. */
  fail(error: AppError): void {
    if (this.#failure) return
    this.#failure = error
    this.#asked.fail(error)
    this.#calls.fail(error)
  }

  /** Waits for the answers of abandoned requests. @returns whether nothing is owed any more */
  cleared(graceMs: number): Promise<boolean> {
    return this.#calls.cleared(graceMs)
  }

  /** The request that what the server says of its own accord belongs to. */
  #holder(): Pending | undefined {
    return this.#options.exclusive === false ? undefined : this.#calls.only
  }

  /** A failed write shows in the next request; the connection's own end is told by the process. */
  #cancel(id: number, reason: string): void {
    if (!this.#options.mcp) return
    try {
      this.notify('notifications/cancelled', JSON.stringify({ requestId: id, reason }))
    } catch {
      // Nothing depends on it.
    }
  }

  #answer(line: string, envelope: Envelope): void {
    const failed = envelope.error !== undefined && sliceOf(line, envelope.error) !== 'null'
    const span = failed ? envelope.error : envelope.result
    const id = mintedId(line, envelope.id)
    // Whoever can't read the id of a request answers with null (JSON-RPC 2.0, section 5).
    const unidentified = failed && (!envelope.id || sliceOf(line, envelope.id) === 'null')
    const pending = id !== undefined ? this.#calls.find(id) : unidentified ? this.#calls.only : undefined
    if (pending && span) {
      const text = pending.call.subscriptionId === undefined ? sliceOf(line, span) : resubscribed(line, span, pending)
      this.#calls.settle(pending).resolve({ kind: failed ? 'error' : 'result', text })
    } else if (id === undefined || !this.#calls.tookLate(id)) this.#options.onInvalid(line)
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
