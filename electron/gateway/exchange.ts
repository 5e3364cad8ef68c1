import type { ServerResponse } from 'node:http'
import type { Timeouts } from '../../shared/config.ts'
import type { JsonText } from '../upstream/types.ts'
import type { Accepts } from './checks/media.ts'
import { sendJson } from './http/respond.ts'
import type { SseConnection, SseConnections } from './http/sse.ts'

/** Where the messages of an upgraded answer go: to a stream that remembers them, or straight to the connection. */
export interface EventChannel {
  send(message: JsonText): void
  end(): void
}

export interface ExchangeOptions {
  response: ServerResponse
  accepts: Accepts
  streams: SseConnections
  /** Requests in the body. Their answers make an array when the body was a batch. */
  expected: number
  batch: boolean
  /** Of its requests. */
  timeouts?: Partial<Timeouts> | undefined
  /** Wraps the stream of an upgraded answer; default: events without ids. */
  channel?: ((connection: SseConnection) => EventChannel) | undefined
}

/**
 * The answer to one POST. It is JSON, written whole, unless a related message (progress, log, …) comes before the last
 * answer and the client takes server-sent events: then everything becomes events, in the order it came.
 */
export class Exchange {
  readonly #options: ExchangeOptions
  readonly #answers: JsonText[] = []
  #outstanding: number
  #channel: EventChannel | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#outstanding = options.expected
  }

  /** What the client lowers the timeouts of its requests to. */
  get timeouts(): Partial<Timeouts> | undefined {
    return this.#options.timeouts
  }

  /** Whether messages can come before the answer. */
  get canStream(): boolean {
    return this.#options.accepts.stream
  }

  /** A message that belongs to a request of this POST. @returns false when the client takes only JSON, and misses it */
  notify(message: JsonText): boolean {
    if (this.#outstanding === 0) return false
    const channel = this.#upgrade()
    channel?.send(message)
    return channel !== undefined
  }

  /**
   * The answer of one request. With the last one the response ends.
   * @param status for an answer that is the whole response; events began with 200
   */
  settle(answer: JsonText, status = 200): void {
    if (this.#outstanding === 0) return
    this.#outstanding--
    const { accepts, batch, response } = this.#options
    const channel = accepts.json || status !== 200 ? this.#channel : this.#upgrade()
    if (channel) {
      channel.send(answer)
      if (this.#outstanding === 0) channel.end()
      return
    }
    if (!batch) {
      sendJson(response, status, answer)
      return
    }
    this.#answers.push(answer)
    if (this.#outstanding === 0) sendJson(response, 200, `[${this.#answers.join(',')}]`)
  }

  #upgrade(): EventChannel | undefined {
    if (this.#channel) return this.#channel
    const { accepts, channel, response, streams } = this.#options
    if (!accepts.stream || response.headersSent || response.destroyed) return undefined
    const connection = streams.open(response)
    this.#channel = channel?.(connection) ?? plainChannel(connection)
    for (const answer of this.#answers.splice(0)) this.#channel.send(answer)
    return this.#channel
  }
}

const plainChannel = (connection: SseConnection): EventChannel => ({
  send: (message) => connection.event(message),
  end: () => connection.end(),
})
