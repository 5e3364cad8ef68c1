import { type Attempt, ReconnectLoop, type StreamEnd } from '../../shared/reconnect.ts'
import type { Logger } from '../kit/logger.ts'
import type { GatewayLink } from './gateway-link.ts'
import type { Answer } from './http.ts'
import { LegacySession } from './legacy-session.ts'
import type { LinesOut } from './lines-out.ts'
import type { ClientLine } from './message.ts'
import type { Reconnect } from './types.ts'

/** Giving a session back must not keep a client waiting for our end. */
const deleteTimeoutMs = 1_000

export interface SessionsDeps {
  link: GatewayLink
  out: LinesOut
  logger: Logger
  reconnect: Reconnect
}

/** The client's session at the gateway, and the stream of what the server says outside of calls. A modern client has none. */
export class Sessions {
  readonly #deps: SessionsDeps
  #session = new LegacySession()
  #stream: ReconnectLoop | undefined
  #opened = 0
  /** The request that the stream is read from, and the session that it is of. */
  #reading: { session: number; abort: AbortController } | undefined
  #renewal: Promise<boolean> | undefined

  constructor(deps: SessionsDeps) {
    this.#deps = deps
  }

  get isOpen(): boolean {
    return this.#session.isOpen
  }

  /** There was one, and an attempt to replace it has failed. */
  get isLost(): boolean {
    return this.#session.isLost
  }

  /** Counts the sessions that the gateway has opened: what is of one says nothing to the next. */
  get generation(): number {
    return this.#opened
  }

  get headers(): Record<string, string> {
    return this.#session.headers
  }

  begin(initialize: ClientLine, id: string | undefined, answer: string): void {
    this.#session.begin(initialize, id, answer)
    this.#opened++
  }

  note(line: ClientLine): void {
    this.#session.note(line)
  }

  /** Opens the session's own stream, and opens it again whenever it ends, until the client's session does. */
  listen(): void {
    if (!this.isOpen) return
    this.#stream?.stop()
    this.#stream = new ReconnectLoop({ ...this.#deps.reconnect, run: (attempt) => this.#read(attempt) })
    this.#stream.start()
  }

  /** Gives the session back. Resolves in any case, soon. */
  async end(): Promise<void> {
    this.#stream?.stop()
    this.#stream = undefined
    const { isOpen, headers } = this
    this.#session = new LegacySession()
    if (!isOpen) return
    await this.#deps.link
      .send({ method: 'DELETE', headers, signal: AbortSignal.timeout(deleteTimeoutMs) })
      .then((answer) => answer.text())
      .catch((error) => this.#deps.logger.log('debug', 'the session was not given back', { error: String(error) }))
  }

  /**
   * The gateway does not know the session any more: it was started anew, or the session was idle for too long. Opens
   * another one as the client opened this one. Several callers share one attempt.
   * @param generation the session that is not known; another one may have taken its place already
   * @returns whether there is a session again
   */
  renew(generation = this.#opened): Promise<boolean> {
    if (generation !== this.#opened && this.isOpen && !this.#renewal) return Promise.resolve(true)
    this.#renewal ??= this.#renew(this.#session).finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  async #renew(session: LegacySession): Promise<boolean> {
    const { logger } = this.#deps
    const [initialize, ...rest] = session.opening
    if (!initialize) return false
    session.lose()
    try {
      const answer = await this.#post(session, initialize)
      const text = await lastMessage(answer)
      const id = [answer.headers['mcp-session-id']].flat()[0]
      if (answer.status !== 200 || id === undefined || text === undefined) {
        logger.log('warn', 'the gateway opens no new session', { status: answer.status })
        return false
      }
      session.begin(initialize, id, text)
      this.#opened++
      for (const line of rest) await (await this.#post(session, line)).text()
    } catch (error) {
      session.lose() // one that does not know what the client follows is none
      throw error
    }
    if (session === this.#session) this.#moveStream()
    logger.log('info', 'the gateway had lost the session: there is a new one')
    return true
  }

  #post(session: LegacySession, line: ClientLine): Promise<Answer> {
    const headers = { Accept: 'application/json, text/event-stream', ...session.headers }
    return this.#deps.link.send({ method: 'POST', headers, body: line.text, signal: this.#deps.out.gone })
  }

  /** The stream, if there is one, is that of the session before. */
  #moveStream(): void {
    if (this.#stream?.view.state === 'unsupported') this.listen()
    else if (!this.#stream?.retryNow()) this.#reading?.abort.abort()
  }

  async #read(attempt: Attempt): Promise<StreamEnd> {
    const { link, out } = this.#deps
    if (this.isLost && !(await this.renew())) return { kind: 'lost', reason: 'the gateway opens no new session' }
    const { id } = this.#session
    if (id === undefined || attempt.signal.aborted) return { kind: 'stop', reason: 'it ended', state: 'stopped' }
    const isSame = this.#opened === this.#reading?.session
    if (!isSame) attempt.remember('')
    const reading = { session: this.#opened, abort: new AbortController() }
    this.#reading = reading
    const answer = await link.sendOnce({
      method: 'GET',
      headers: {
        Accept: 'text/event-stream',
        ...this.headers,
        ...(isSame && attempt.lastEventId !== undefined && { 'Last-Event-ID': attempt.lastEventId }),
      },
      signal: AbortSignal.any([attempt.signal, reading.abort.signal]),
    })
    if (answer.status === 405) return { kind: 'stop', reason: 'the gateway has no such stream', state: 'unsupported' }
    if (!answer.isStream) {
      await answer.text()
      if (answer.status === 401) link.forget() // the token may be another one by now
      // The next attempt opens another one: many bridges that lost the same gateway don't do it at once.
      if (answer.status === 404 && id === this.#session.id) this.#session.lose()
      return { kind: 'lost', reason: `HTTP ${answer.status}` }
    }
    attempt.opened()
    for await (const item of answer.items(attempt.retry)) {
      if ('id' in item) attempt.remember(item.id)
      else {
        attempt.message()
        await out.write(item.message)
      }
    }
    return { kind: 'lost', reason: 'the gateway ended the stream' }
  }
}

/** The answer to `initialize`, which has no other messages beside it. */
async function lastMessage(answer: Answer): Promise<string | undefined> {
  if (!answer.isStream) return answer.text()
  let last: string | undefined
  for await (const item of answer.items(() => {})) if ('message' in item) last = item.message
  return last
}
