import { AppError } from '../../../shared/errors.ts'
import type { JsonText } from '../types.ts'
import type { HttpReply, SseEvent } from './http-client.ts'
import type { PostContext } from './post.ts'
import { isTransient, lostBy, refusalOf } from './refusals.ts'
import type { Reading, ReadingEnd, TrackedStream } from './tracked-stream.ts'

export interface ResponseRestOptions {
  readonly context: PostContext
  /** Of the request. */
  readonly id: number
  /** How the response broke off. */
  readonly reason: string
  readonly lastEventId: string
  readonly retryMs: number | undefined
  isNew(event: SseEvent): boolean
  hear(text: JsonText): void
  /** It can't be gone on with. */
  given(up: { reason: string; error: AppError | undefined }): void
}

/** The rest of a response that broke off before the answer (MCP 2025-11-25, "Resumability and Redelivery"). */
export class ResponseRest {
  readonly #options: ResponseRestOptions
  readonly #stream: TrackedStream
  #isFirst = true

  constructor(options: ResponseRestOptions) {
    const { context, id, lastEventId } = options
    this.#options = options
    this.#stream = context.track({
      id: `response-${id}`,
      kind: 'response',
      lastEventId,
      read: (reading) => this.#read(reading),
      ended: ({ reason }) => this.#giveUp(reason),
    })
    this.#stream.start()
  }

  stop(): void {
    this.#stream.stop()
    this.#options.context.forget(this.#stream)
  }

  async #read({ attempt, signal, openWithin, opened, heard, remember }: Reading): Promise<ReadingEnd> {
    const { context, id, reason, retryMs, isNew, hear } = this.#options
    const { client, session, channel, keepAlive } = context
    if (this.#isFirst) {
      // The first of its attempts was the POST.
      this.#isFirst = false
      if (retryMs !== undefined) attempt.retry(retryMs)
      return { kind: 'lost', reason }
    }
    const { silenceMs } = keepAlive
    const headers = { ...session.ownHeaders(), 'Last-Event-ID': attempt.lastEventId ?? '' }
    openWithin(silenceMs)
    try {
      const reply = await client.get({ headers, signal, silenceMs })
      if (reply.body.kind !== 'stream') return this.#refused(reply)
      opened()
      for await (const event of reply.body.events) {
        if (event.retry !== undefined) attempt.retry(event.retry)
        if (event.data !== '') {
          if (isNew(event)) hear(event.data)
          heard(event.id)
        } else if (event.id !== undefined) remember(event.id)
      }
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'LINE_TOO_LONG') throw error
      // It would be as long the next time.
      this.#giveUp(error.message, error)
      return { kind: 'stop', reason: error.message, state: 'stopped' }
    }
    if (channel.isWaiting(id)) return { kind: 'lost', reason: 'the server ended the response' }
    return { kind: 'stop', reason: 'it was answered', state: 'stopped' }
  }

  #refused(reply: HttpReply): ReadingEnd {
    const { clock, host, session, sessionGone } = this.#options.context
    const { status } = reply
    const error = refusalOf(reply, 'GET, to go on with a response,', clock.wall())
    if (status === 401) host.refused(error)
    if (status === 404 && session.id !== undefined) sessionGone(status, error.message)
    // 409: the server has not noticed yet that the response broke off.
    if (isTransient(status) || status === 409) return lostBy(error)
    return { kind: 'stop', reason: error.message, state: 'stopped' }
  }

  #giveUp(reason: string, error?: AppError): void {
    this.stop()
    this.#options.given({ reason, error })
  }
}
