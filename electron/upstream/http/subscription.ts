import { AppError } from '../../../shared/errors.ts'
import type { Outgoing } from '../channel.ts'
import { scanEnvelope } from '../envelope.ts'
import type { JsonText } from '../types.ts'
import type { HttpReply } from './http-client.ts'
import type { PostContext } from './post.ts'
import { isTransient, lostBy, refusalOf, rpcErrorIn } from './refusals.ts'
import type { Reading, ReadingEnd, TrackedStream } from './tracked-stream.ts'

export const listenMethod = 'subscriptions/listen'

const what = `POST ${listenMethod}`

export interface SubscriptionContext extends PostContext {
  /** It goes on under another id. */
  renamed(from: number, to: number): void
}

/**
 * One `subscriptions/listen` of the modern era. It changes nothing at the server, so that it is sent again, under a new id,
 * whenever its response ends; the server acknowledges it again.
 */
export class Subscription {
  readonly #context: SubscriptionContext
  readonly #stream: TrackedStream
  #line: JsonText
  #message: Outgoing & { id: number }
  #isFirst = true
  #acknowledged = false

  constructor(context: SubscriptionContext, line: JsonText, message: Outgoing & { id: number }) {
    this.#context = context
    this.#line = line
    this.#message = message
    this.#stream = context.track({
      id: `listen-${message.id}`,
      kind: 'subscription',
      read: (reading) => this.#read(reading),
      ended: (end) => {
        this.#end()
        this.#conclude(new AppError('CONNECTION_LOST', `${what}: ${end.reason}`, { written: true }))
      },
    })
  }

  /** Closing the response cancels it: nothing has to be told. */
  readonly written = false

  async run(): Promise<void> {
    this.#stream.start()
  }

  over(): void {
    this.#end()
  }

  abort(): void {
    this.#end()
  }

  #end(): void {
    this.#stream.stop()
    this.#context.forget(this.#stream)
  }

  #conclude(error: AppError): void {
    this.#context.channel.conclude(this.#message.id, error)
  }

  async #read({ signal, openWithin, opened, heard }: Reading): Promise<ReadingEnd> {
    const { client, session, keepAlive } = this.#context
    if (!this.#isFirst && !this.#renew()) return { kind: 'stop', reason: 'it is over', state: 'stopped' }
    this.#isFirst = false
    const { silenceMs } = keepAlive
    const headers = session.headers(this.#message)
    try {
      openWithin(silenceMs)
      const reply = await client.post(this.#line, { headers, signal, silenceMs })
      if (reply.status < 200 || reply.status > 299) return this.#refused(reply)
      if (reply.body.kind === 'json') return this.#answered(reply.body.text)
      if (reply.body.kind !== 'stream') {
        const error = refusalOf(reply, what, this.#context.clock.wall())
        this.#conclude(error)
        return { kind: 'stop', reason: error.message, state: 'stopped' }
      }
      opened()
      this.#context.host.fine()
      for await (const { data } of reply.body.events) {
        if (data === '') continue
        keepAlive.heard()
        this.#context.host.fine()
        if (scanEnvelope(data)?.method === undefined) return this.#answered(data)
        heard()
        this.#acknowledged ||= data.includes('notifications/subscriptions/acknowledged')
        this.#context.channel.receive(data, this.#message.id)
      }
      return { kind: 'lost', reason: 'the server ended the subscription’s stream' }
    } catch (error) {
      const silent = keepAlive.ended(error)
      if (silent) return silent
      throw error
    }
  }

  #renew(): boolean {
    const { channel, renamed } = this.#context
    const before = this.#message.id
    const again = channel.again(before)
    if (!again) return false
    this.#line = again.line
    this.#message = again.message
    renamed(before, again.message.id)
    return true
  }

  /** A server that shuts down ends what it had acknowledged with a result: it, or another in its place, will be back. */
  #answered(text: JsonText): ReadingEnd {
    if (this.#acknowledged && !rpcErrorIn(text)) return { kind: 'lost', reason: 'the server ended the subscription' }
    this.#context.channel.receive(text, this.#message.id)
    return { kind: 'stop', reason: 'the server answered it', state: 'stopped' }
  }

  #refused(reply: HttpReply): ReadingEnd {
    const { host, clock, channel } = this.#context
    const { status, body } = reply
    const error = refusalOf(reply, what, clock.wall())
    if (status === 401) host.refused(error)
    else if (status === 403) host.forbidden()
    // What it took before it takes again, once whatever stands in its place for a moment (a deploy, a proxy) is gone.
    if (isTransient(status) || (this.#acknowledged && status !== 401)) return lostBy(error)
    const rpc = body.kind === 'json' ? rpcErrorIn(body.text) : undefined
    if (rpc && status !== 401 && status !== 403) channel.conclude(this.#message.id, { kind: 'error', text: rpc.text })
    this.#conclude(error)
    return { kind: 'stop', reason: error.message, state: 'stopped' }
  }
}
