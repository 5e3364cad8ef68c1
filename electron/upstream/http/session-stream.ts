import { AppError } from '../../../shared/errors.ts'
import type { HttpReply } from './http-client.ts'
import type { PostContext } from './post.ts'
import { isTransient, lostBy, refusalOf } from './refusals.ts'
import { SeenEvents } from './seen-events.ts'
import type { Reading, ReadingEnd } from './tracked-stream.ts'

export type SessionStreamContext = Pick<PostContext, 'channel' | 'client' | 'session' | 'host' | 'clock' | 'keepAlive'>

/** How long the server has to say whether it still knows the session. */
const verifyMs = 10_000

/**
 * Reads the stream on which a legacy server says what belongs to no request (MCP 2025-11-25, "Listening for Messages from the
 * Server"). A server need not have one; that it is lost or refused does not touch the session.
 */
export class SessionStream {
  readonly #context: SessionStreamContext
  readonly #seen = new SeenEvents()
  #wasOpen = false

  constructor(context: SessionStreamContext) {
    this.#context = context
  }

  async read({ attempt, signal, openWithin, opened, heard, remember }: Reading): Promise<ReadingEnd> {
    const { client, session, channel, keepAlive, host } = this.#context
    const { lastEventId } = attempt
    const headers = { ...session.ownHeaders(), ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }) }
    const { silenceMs } = keepAlive
    openWithin(silenceMs)
    try {
      const reply = await client.get({ headers, signal, silenceMs })
      if (reply.body.kind !== 'stream') return await this.#refused(reply, remember)
      this.#wasOpen = true
      opened()
      host.fine()
      for await (const event of reply.body.events) {
        keepAlive.heard()
        if (event.retry !== undefined) attempt.retry(event.retry)
        if (event.data !== '') {
          if (!this.#seen.has(event)) channel.receive(event.data)
          host.fine()
          heard(event.id)
        } else if (event.id !== undefined) remember(event.id)
      }
      return { kind: 'lost', reason: 'the server ended the stream' }
    } catch (error) {
      const silent = keepAlive.ended(error)
      if (silent) return silent
      // Replayed, it would be as long the next time: what comes after it is worth more.
      if (error instanceof AppError && error.code === 'LINE_TOO_LONG') remember('')
      throw error
    }
  }

  async #refused(reply: HttpReply, remember: Reading['remember']): Promise<ReadingEnd> {
    const { clock, host, session } = this.#context
    const { status } = reply
    const error = refusalOf(reply, 'GET', clock.wall())
    if (status === 401) host.refused(error)
    // The stream before is not known to be lost yet.
    if (isTransient(status) || status === 409) return lostBy(error)
    // Servers without such a stream say 405; some have no GET at all, and others have no session any more.
    const isDoubtful = this.#wasOpen || status === 404
    if (isDoubtful && session.id !== undefined && !(await this.#isKnown())) return lostBy(error)
    if (this.#wasOpen) {
      // It has one. What it does not take may be the id.
      remember('')
      return lostBy(error)
    }
    return {
      kind: 'stop',
      reason: `the server offers no stream for its own messages (${error.message})`,
      state: 'unsupported',
    }
  }

  /** Asks by POST. That the session is not known ends the connection, by itself. */
  async #isKnown(): Promise<boolean> {
    try {
      await this.#context.channel.call({
        method: 'ping',
        background: true,
        responseTimeoutMs: verifyMs,
        cancellable: false,
      })
      return true
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return false
    }
  }
}
