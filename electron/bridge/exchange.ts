import { AppError } from '../../shared/errors.ts'
import { type Attempt, ReconnectLoop, type StreamEnd } from '../../shared/reconnect.ts'
import type { Logger } from '../kit/logger.ts'
import type { JsonText } from '../upstream/types.ts'
import { Call } from './call.ts'
import type { GatewayLink } from './gateway-link.ts'
import type { Answer, SendOptions } from './http.ts'
import type { LinesOut } from './lines-out.ts'
import { answeredId, asObject, type ClientLine, errorLine, isRepeatable, readLine, refusalFor } from './message.ts'
import { ModernHeaders } from './modern-headers.ts'
import type { Sessions } from './sessions.ts'
import { changesInsteadOf } from './subscription.ts'
import type { Reconnect } from './types.ts'

/** JSON-RPC code of what goes wrong between the two: SDK clients know it as a closed connection. */
const connectionClosed = -32000
/** A header does not repeat what the body says (specification 2026-07-28). */
const headerMismatch = -32020

const accept = { Accept: 'application/json, text/event-stream' }

export interface ExchangeDeps {
  link: GatewayLink
  out: LinesOut
  sessions: Sessions
  logger: Logger
  reconnect: Reconnect
}

/** Takes one line of the client to the gateway, and everything that comes for it back. */
export class Exchange {
  readonly #deps: ExchangeDeps
  readonly #modernHeaders = new ModernHeaders()

  constructor(deps: ExchangeDeps) {
    this.#deps = deps
  }

  /** Never rejects: each request of the line is answered, if need be with an error of ours. */
  async run(call: Call): Promise<void> {
    try {
      await this.#receive(call, await this.#post(call))
      if (call.waiting.size > 0 && !call.cancelled) await this.#goOn(call)
    } catch (error) {
      if (!call.cancelled) await this.#fail(call, error)
    }
  }

  /** @param attempt one of several, with a backoff of their own */
  async #post(call: Call, attempt?: Attempt): Promise<Answer> {
    const { line, signal } = call
    const { sessions, link } = this.#deps
    if (line.method === 'initialize' && !call.isModern) await sessions.end()
    else if (!call.isModern && sessions.isLost) await sessions.renew()
    const send = () => {
      const era = call.isModern ? this.#modernHeaders.of(line) : sessions.headers
      const options: SendOptions = { method: 'POST', headers: { ...accept, ...era }, body: line.text, signal }
      return attempt ? link.sendOnce(options) : link.send(options, isRepeatable(line))
    }
    const { generation } = sessions
    let answer = await send()
    if (answer.status === 401) {
      // Another token may have been written since; the same one is refused again, and that is the answer.
      link.forget()
      await answer.text()
      answer = await send()
    }
    if (answer.status === 404 && !call.isModern && generation > 0) {
      const refusal = await answer.text()
      if (!(await sessions.renew(generation))) return { ...answer, text: async () => refusal }
      return send()
    }
    return answer
  }

  async #receive(call: Call, answer: Answer, attempt?: Attempt): Promise<void> {
    if (answer.isStream) {
      await this.#readStream(call, answer, attempt)
      return
    }
    const text = await answer.text()
    if (call.isModern && answer.status === 400 && (await this.#mirrored(call, text))) return
    if (answer.status === 202 && text === '') {
      await this.#accepted(call)
      return
    }
    if (answeredId(text) === undefined || answeredId(text) === 'null') await this.#refused(call, answer.status, text)
    else await this.#hear(call, text, answer)
  }

  /** @param attempt one to go on with a stream that was lost */
  async #readStream(call: Call, answer: Answer, attempt?: Attempt): Promise<void> {
    attempt?.opened()
    const onRetry = (ms: number) => {
      call.retryMs = ms
      attempt?.retry(ms)
    }
    try {
      for await (const item of answer.items(onRetry)) {
        if ('id' in item) {
          call.lastEventId = item.id
          attempt?.remember(item.id)
          continue
        }
        attempt?.message()
        const changes = attempt && isSubscription(call) ? changesInsteadOf(item.message) : undefined
        if (!changes) await this.#hear(call, item.message, answer)
        else for (const change of changes) await this.#deps.out.write(change)
      }
    } catch (error) {
      // Whether the rest can be had is seen by who waits for it.
      this.#deps.logger.log('debug', 'a stream was lost', { error: String(error) })
    }
  }

  async #hear(call: Call, message: JsonText, answer: Answer): Promise<void> {
    const before = call.waiting.size
    call.hear(message)
    const isAnswer = call.waiting.size < before
    const { line } = call
    if (isAnswer && !call.isModern && line.method === 'initialize')
      this.#deps.sessions.begin(line, [answer.headers['mcp-session-id']].flat()[0], message)
    if (isAnswer && line.method === 'tools/list') this.#modernHeaders.learn(message)
    if (isAnswer) this.#deps.sessions.note(line)
    await this.#deps.out.write(message)
  }

  async #accepted({ line }: Call): Promise<void> {
    this.#deps.sessions.note(line)
    if (line.method === 'notifications/initialized') this.#deps.sessions.listen()
  }

  /** The stream ended before the answer came: goes on with it, where that can be done, until the answer is there. */
  async #goOn(call: Call): Promise<void> {
    if (!isSubscription(call) && (call.isModern || call.lastEventId === undefined))
      throw new AppError('CONNECTION_LOST', 'Poolscope ended the stream before the answer came; the call may have run.')
    let failure: unknown
    const { lastEventId, retryMs } = call
    const stream = new ReconnectLoop({
      ...this.#deps.reconnect,
      lastEventId,
      retryMs,
      run: async (attempt): Promise<StreamEnd> => {
        if (isSubscription(call)) await this.#subscribe(call, attempt)
        else if (!call.cancelled)
          await this.#resume(call, attempt).catch((error) => {
            failure = error
          })
        return call.waiting.size === 0 || call.cancelled || failure !== undefined
          ? { kind: 'stop', reason: 'it is over', state: 'stopped' }
          : { kind: 'lost', reason: 'the stream ended before the answer came' }
      },
    })
    call.signal.addEventListener('abort', () => stream.stop(), { once: true })
    stream.start({ kind: 'lost', reason: 'the stream ended before the answer came' })
    await stream.done
    if (failure !== undefined) throw failure
  }

  /** A subscription is no call that might run twice: it outlives the gateway. */
  async #subscribe(call: Call, attempt: Attempt): Promise<void> {
    const answer = await this.#post(call, attempt)
    if (answer.status < 500) await this.#receive(call, answer, attempt)
    else await answer.text()
  }

  async #resume(call: Call, attempt: Attempt): Promise<void> {
    const { link, sessions } = this.#deps
    const headers = { ...accept, ...sessions.headers, 'Last-Event-ID': String(attempt.lastEventId) }
    const answer = await link.send({ method: 'GET', headers, signal: attempt.signal }, true)
    if (!answer.isStream)
      throw new AppError('CONNECTION_LOST', 'Poolscope has not kept the answer of this call; it may have run.')
    await this.#readStream(call, answer, attempt)
  }

  /** An argument had to be repeated in a header and we had not seen the schema yet: now we look, and send once more. */
  async #mirrored(call: Call, refusal: string): Promise<boolean> {
    const { code } = asObject(asObject(JSON.parse(refusal)).error)
    const { line, signal } = call
    if (code !== headerMismatch || line.method !== 'tools/call') return false
    let cursor: unknown
    do {
      const params = { _meta: line.params._meta, ...(cursor !== undefined && { cursor }) }
      const request = readLine(JSON.stringify({ jsonrpc: '2.0', id: 'poolscope-bridge', method: 'tools/list', params }))
      if (!request) return false
      const answer = await this.#post(new Call(request))
      if (answer.isStream) return false
      const list = await answer.text()
      this.#modernHeaders.learn(list)
      cursor = asObject(asObject(JSON.parse(list)).result).nextCursor
    } while (cursor !== undefined && !signal.aborted)
    const again = await this.#post(call)
    if (again.isStream) await this.#readStream(call, again)
    else await this.#hear(call, await again.text(), again)
    return true
  }

  /** The gateway refused before it read an id, or said nothing that a client would understand. */
  async #refused({ waiting, line }: Call, status: number, text: string): Promise<void> {
    if (waiting.size === 0) this.#deps.logger.log('warn', `${line.method ?? 'a message'} was refused`, { status, text })
    for (const id of waiting.values())
      await this.#deps.out.write(
        refusalFor(id, text) ?? errorLine(id, connectionClosed, `Poolscope answered with HTTP status ${status}`),
      )
    waiting.clear()
  }

  async #fail({ line, waiting }: Call, error: unknown): Promise<void> {
    const { code, message, data } = error instanceof AppError ? error : cutOff(error)
    this.#deps.logger.log('warn', message, { message: describe(line) })
    for (const id of waiting.values())
      await this.#deps.out.write(errorLine(id, connectionClosed, message, { code, ...data }))
    waiting.clear()
  }
}

const isSubscription = ({ line }: Call): boolean => line.method === 'subscriptions/listen'

/** An answer that broke off in its middle. */
const cutOff = (cause: unknown) =>
  new AppError('CONNECTION_LOST', `The answer of Poolscope broke off (${String(cause)}); the call may have run.`)

const describe = ({ method }: ClientLine): string => method ?? 'a response or batch'
