import { AppError } from '../../../shared/errors.ts'
import type { Clock, Timer } from '../../kit/clock.ts'
import type { Channel, Outgoing } from '../channel.ts'
import type { ModernHeaders } from '../modern-headers.ts'
import type { JsonText } from '../types.ts'
import { plain } from './diary.ts'
import type { HttpClient, HttpReply, SseEvent } from './http-client.ts'
import type { KeepAlive } from './keep-alive.ts'
import type { LinkHost } from './link.ts'
import { isTransient, isTrouble, refusalOf, rpcErrorIn } from './refusals.ts'
import { ResponseRest } from './response-rest.ts'
import { SeenEvents } from './seen-events.ts'
import type { HttpSession } from './session.ts'
import type { TrackedStream, TrackedStreamOptions } from './tracked-stream.ts'

/** A server should end the response with the answer; one that does not is not waited for. */
const lingerMs = 1_000

/** A header does not repeat what the body says (MCP 2026-07-28). */
const headerMismatch = -32020

export interface PostContext {
  readonly channel: Channel
  readonly client: HttpClient
  readonly session: HttpSession
  readonly modernHeaders: ModernHeaders
  readonly host: LinkHost
  readonly clock: Clock
  /** Of streams that are opened again when they are lost. */
  readonly keepAlive: KeepAlive
  track(options: TrackedStreamOptions): TrackedStream
  forget(stream: TrackedStream): void
  /** The session is not known to the server any more. @returns what every request fails with */
  sessionGone(status: number, said: string): void
  /** Lists the tools anew, for the headers that their calls need. @returns whether that was possible */
  learnTools(signal: AbortSignal): Promise<boolean>
}

/** Where a stream ended before the answer. */
interface Break {
  reason: string
  /** Undefined when the server told no ids: it can't replay. */
  lastEventId: string | undefined
  retryMs: number | undefined
  /** What no other attempt mends. */
  error: AppError | undefined
}

/** One request over Streamable HTTP: its POST, what comes on the response, and the rest by GET where that breaks off. */
export class Post {
  readonly #context: PostContext
  readonly #line: JsonText
  readonly #message: Outgoing & { id: number; method: string }
  readonly #abort = new AbortController()
  readonly #seen = new SeenEvents()
  #written = false
  #linger: Timer | undefined
  #reading = false
  #rest: ResponseRest | undefined

  constructor(context: PostContext, line: JsonText, message: Outgoing & { id: number; method: string }) {
    this.#context = context
    this.#line = line
    this.#message = message
  }

  /** Whether the server may have got it. */
  get written(): boolean {
    return this.#written
  }

  /** Sends it. Never rejects: what becomes of it is the channel's to tell. */
  async run(): Promise<void> {
    try {
      let reply = await this.#send()
      if (this.#lacksHeaders(reply) && (await this.#context.learnTools(this.#abort.signal))) reply = await this.#send()
      await this.#take(reply)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#linger?.cancel()
    }
  }

  /** Its call is over. */
  over(): void {
    if (this.#rest) this.#rest.stop()
    else if (this.#reading) this.#linger = this.#context.clock.after(lingerMs, () => this.abort())
    else this.abort()
  }

  /** Closes the response, whatever of it is still to come. */
  abort(): void {
    this.#abort.abort()
  }

  get #what(): string {
    return `POST ${plain(this.#message.method, 100)}`
  }

  #send(): Promise<HttpReply> {
    const { client, session } = this.#context
    return client.post(this.#line, {
      headers: session.headers(this.#message),
      signal: this.#abort.signal,
      onWritten: () => {
        this.#written = true
      },
    })
  }

  /** The server refused it unread: an argument had to be repeated in a header, and we have not seen the schema yet. */
  #lacksHeaders({ status, body }: HttpReply): boolean {
    const { method } = this.#message
    if (status !== 400 || body.kind !== 'json' || method !== 'tools/call' || !this.#context.session.isModern)
      return false
    return rpcErrorIn(body.text)?.code === headerMismatch
  }

  async #take(reply: HttpReply): Promise<void> {
    const { channel, clock } = this.#context
    const { id } = this.#message
    const { status, body } = reply
    if (status < 200 || status > 299) this.#refused(reply)
    else if (body.kind === 'json') {
      this.#hear(body.text, reply)
      channel.conclude(id, noAnswer(this.#what, reply.mask(body.text)))
    } else if (body.kind === 'stream') {
      const end = await this.#read(body.events, reply)
      if (channel.isWaiting(id)) this.#brokeOff(end, reply)
    } else channel.conclude(id, refusalOf(reply, this.#what, clock.wall()))
  }

  #hear(text: JsonText, reply: HttpReply): void {
    const { channel, session, host, modernHeaders } = this.#context
    const { id, method } = this.#message
    host.fine()
    if (method === 'initialize') session.initialized(reply, text)
    channel.receive(method === 'tools/list' && session.isModern ? modernHeaders.learn(text) : text, id)
  }

  async #read(events: AsyncIterable<SseEvent>, reply: HttpReply): Promise<Break> {
    const end: Break = {
      reason: 'the server ended the response',
      lastEventId: undefined,
      retryMs: undefined,
      error: undefined,
    }
    this.#reading = true
    try {
      for await (const event of events) {
        if (event.retry !== undefined) end.retryMs = event.retry
        if (event.id !== undefined) end.lastEventId = event.id || undefined
        if (event.data !== '' && !this.#seen.has(event)) this.#hear(event.data, reply)
      }
    } catch (error) {
      end.reason = error instanceof Error ? error.message : String(error)
      if (error instanceof AppError && error.code === 'LINE_TOO_LONG') end.error = error
    } finally {
      this.#reading = false
    }
    return end
  }

  #brokeOff({ reason, lastEventId, retryMs, error }: Break, reply: HttpReply): void {
    const { channel, session, host } = this.#context
    const { id } = this.#message
    if (error || !session.isLegacy || lastEventId === undefined) {
      const lost = error ?? lostAnswer(this.#what, reason)
      channel.conclude(id, lost)
      if (!error) host.troubled(lost)
      return
    }
    this.#rest = new ResponseRest({
      context: this.#context,
      id,
      reason,
      lastEventId,
      retryMs,
      isNew: (event) => !this.#seen.has(event),
      hear: (text) => this.#hear(text, reply),
      given: (up) => channel.conclude(id, up.error ?? lostAnswer(this.#what, up.reason)),
    })
  }

  #refused(reply: HttpReply): void {
    const { channel, host, session, clock, sessionGone } = this.#context
    const { id } = this.#message
    const { status, body } = reply
    const error = refusalOf(reply, this.#what, clock.wall())
    const rpc = body.kind === 'json' ? rpcErrorIn(body.text) : undefined
    if (status === 401) host.refused(error)
    else if (status === 403) {
      channel.conclude(id, error)
      host.forbidden()
    } else if (session.id !== undefined && isSessionGone(status, rpc?.id === id ? undefined : rpc?.message)) {
      sessionGone(status, error.message)
    } else if (rpc && (rpc.id === id || !(isTransient(status) || isElsewhere(status)))) {
      host.fine()
      channel.conclude(id, { kind: 'error', text: rpc.text })
    } else {
      if (status >= 500) host.troubled(error)
      channel.conclude(id, error)
    }
  }

  #failed(thrown: unknown): void {
    const { channel, host } = this.#context
    const error =
      thrown instanceof AppError
        ? thrown
        : new AppError(
            'CONNECTION_LOST',
            `${this.#what}: ${String(thrown)}`,
            { written: this.#written },
            { cause: thrown },
          )
    // Aborted because nobody waits any more, most often.
    const isWanted = channel.conclude(this.#message.id, error)
    if (error.code === 'LINE_TOO_LONG') host.fine()
    else if (isWanted && isTrouble(error)) host.troubled(error)
  }
}

/**
 * 404 says so (MCP 2025-11-25, "Session Management"). The SDK's examples, and what was made after them, answer 400 with an
 * error of no request.
 */
const isSessionGone = (status: number, said: string | undefined): boolean =>
  status === 404 || (status === 400 && said !== undefined && /session|not initialized/i.test(said))

/** What is asked for is not there: which transport a server has shows in that, whatever stands in the body. */
const isElsewhere = (status: number): boolean => status === 404 || status === 405

const noAnswer = (what: string, text: string): AppError =>
  new AppError('CONNECTION_LOST', `${what} was answered with what is no answer to it: ${plain(text, 200)}`, {
    written: true,
  })

const lostAnswer = (what: string, reason: string): AppError =>
  new AppError('CONNECTION_LOST', `the answer to ${what} was lost: ${reason}`, { written: true })
