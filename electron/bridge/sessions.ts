import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../kit/logger.ts'
import type { GatewayLink } from './gateway-link.ts'
import type { Answer } from './http.ts'
import { LegacySession } from './legacy-session.ts'
import type { LinesOut } from './lines-out.ts'
import type { ClientLine } from './message.ts'
import type { BridgeLimits } from './types.ts'

/** Giving a session back must not keep a client waiting for our end. */
const deleteTimeoutMs = 1_000

export interface SessionsDeps {
  link: GatewayLink
  out: LinesOut
  logger: Logger
  limits: BridgeLimits
}

/** The client's session at the gateway, and the stream of what the server says outside of calls. A modern client has none. */
export class Sessions {
  readonly #deps: SessionsDeps
  readonly #session = new LegacySession()
  #life = new AbortController()
  #renewal: Promise<boolean> | undefined

  constructor(deps: SessionsDeps) {
    this.#deps = deps
  }

  get isOpen(): boolean {
    return this.#session.isOpen
  }

  get headers(): Record<string, string> {
    return this.#session.headers
  }

  begin(initialize: ClientLine, id: string | undefined, answer: string): void {
    this.#life = new AbortController()
    this.#session.begin(initialize, id, answer)
  }

  note(line: ClientLine): void {
    this.#session.note(line)
  }

  /** Opens the session's own stream, and opens it again whenever it ends, until the session does. */
  listen(): void {
    if (this.isOpen) void this.#listen(this.#life.signal)
  }

  /** Gives the session back. Resolves in any case, soon. */
  async end(): Promise<void> {
    this.#life.abort()
    if (!this.isOpen) return
    const { headers } = this
    this.#session.forget()
    await this.#deps.link
      .send({ method: 'DELETE', headers, signal: AbortSignal.timeout(deleteTimeoutMs) })
      .then((answer) => answer.text())
      .catch((error) => this.#deps.logger.log('debug', 'the session was not given back', { error: String(error) }))
  }

  /**
   * The gateway does not know the session any more: it was started anew, or the session was idle for too long. Opens
   * another one as the client opened this one. Several callers share one attempt.
   * @returns whether there is a session again
   */
  renew(): Promise<boolean> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  async #renew(): Promise<boolean> {
    const { logger } = this.#deps
    const [initialize, ...rest] = this.#session.opening
    if (!initialize) return false
    this.#life.abort()
    this.#session.forget()
    const answer = await this.#post(initialize)
    const text = await lastMessage(answer)
    const id = [answer.headers['mcp-session-id']].flat()[0]
    if (answer.status !== 200 || id === undefined || text === undefined) {
      logger.log('warn', 'the gateway opens no new session', { status: answer.status })
      return false
    }
    this.begin(initialize, id, text)
    for (const line of rest) await (await this.#post(line)).text()
    this.listen()
    logger.log('info', 'the gateway had lost the session: there is a new one')
    return true
  }

  #post(line: ClientLine): Promise<Answer> {
    const headers = { Accept: 'application/json, text/event-stream', ...this.headers }
    return this.#deps.link.send({ method: 'POST', headers, body: line.text, signal: this.#deps.out.gone })
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { limits, link, out, logger } = this.#deps
    let lastEventId: string | undefined
    let retryMs = limits.retryMs
    let pauseMs = retryMs
    while (!signal.aborted) {
      try {
        const answer = await link.send({
          method: 'GET',
          headers: {
            Accept: 'text/event-stream',
            ...this.headers,
            ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
          },
          signal,
        })
        if (answer.status === 405) return
        if (answer.isStream) {
          pauseMs = retryMs
          for await (const item of answer.items((ms) => {
            retryMs = Math.min(ms, limits.retryCapMs)
          })) {
            if ('id' in item) lastEventId = item.id
            else await out.write(item.message)
          }
        } else {
          await answer.text()
          // With another session this loop is over: that one has its own.
          if (answer.status === 404 && (await this.renew())) return
          lastEventId = undefined
        }
      } catch (error) {
        if (!signal.aborted) logger.log('debug', 'the stream of the session was lost', { error: String(error) })
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      pauseMs = Math.min(pauseMs * 2, limits.retryCapMs)
    }
  }
}

/** The answer to `initialize`, which has no other messages beside it. */
async function lastMessage(answer: Answer): Promise<string | undefined> {
  if (!answer.isStream) return answer.text()
  let last: string | undefined
  for await (const item of answer.items(() => {})) if ('message' in item) last = item.message
  return last
}
