import type { Clock } from '../../kit/clock.ts'
import type { JsonText, ServerNotification, ServerRequest, UpstreamReply } from '../../upstream/types.ts'
import type { Waiting } from './parked.ts'

/** Questions that a server asks together are answered together (PROTOCOL, section 1). */
const gatherMs = 20

/** How a turn ends: with the server's answer, or with what it wants to know first. */
export type Turn = { kind: 'answered'; reply: UpstreamReply } | { kind: 'asked'; requests: Map<string, ServerRequest> }

/** What a conversation is started with: the upstream's `request`, its hooks filled in. */
export type Start = (hooks: {
  signal: AbortSignal
  onNotification: (notification: ServerNotification) => void
  onServerRequest: (request: ServerRequest) => void
}) => Promise<UpstreamReply>

/**
 * One call on a legacy server that may ask its client things, told in turns, because a modern client hears of questions
 * only by the answer to a request. Between turns the connection stays leased to the call.
 */
export class Conversation implements Waiting {
  readonly #clock: Clock
  readonly #abort = new AbortController()
  readonly #asked = new Map<string, ServerRequest>()
  #reply: UpstreamReply | undefined
  #failure: { error: unknown } | undefined
  #wake: (() => void) | undefined
  #lastKey = 0
  /** Of the client's request under way; nobody between turns. */
  onNotification: ((notification: ServerNotification) => void) | undefined

  /** @param accepts false refuses a question, which it has answered then */
  constructor(
    clock: Clock,
    start: Start,
    accepts: (request: ServerRequest) => boolean,
    onNotification: (notification: ServerNotification) => void,
  ) {
    this.#clock = clock
    this.onNotification = onNotification
    start({
      signal: this.#abort.signal,
      onNotification: (notification) => this.onNotification?.(notification),
      onServerRequest: (request) => {
        if (accepts(request)) this.#ask(request)
      },
    }).then(
      (reply) => {
        this.#reply = reply
        this.#changed()
      },
      (error) => {
        this.#failure = { error }
        this.#changed()
      },
    )
  }

  get isOver(): boolean {
    return this.#reply !== undefined || this.#failure !== undefined
  }

  /** Called when it is over, or when a further question comes: once for each change. */
  #changed(): void {
    this.#wake?.()
  }

  /** The client's results, by the keys of what was asked; keys that were not asked for are ignored. */
  answer(results: Iterable<readonly [key: string, result: JsonText]>): void {
    for (const [key, result] of results) {
      const request = this.#asked.get(key)
      if (!request) continue
      this.#asked.delete(key)
      request.answer('result', result)
    }
  }

  /** @throws what the request failed with; ABORTED when `signal` aborts, which ends the call */
  async turn(signal: AbortSignal | undefined): Promise<Turn> {
    const onAbort = () => this.#abort.abort()
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        if (this.#failure) throw this.#failure.error
        if (this.#reply) return { kind: 'answered', reply: this.#reply }
        if (this.#asked.size === 0) {
          await this.#change()
          continue
        }
        await this.#gathered()
        // The server may have answered or withdrawn its questions meanwhile.
        if (!this.isOver && this.#asked.size > 0) return { kind: 'asked', requests: new Map(this.#asked) }
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  abandon(): void {
    this.#abort.abort()
  }

  #ask(request: ServerRequest): void {
    const key = `request-${++this.#lastKey}`
    this.#asked.set(key, request)
    request.gone.addEventListener('abort', () => this.#asked.delete(key), { once: true })
    this.#changed()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(gatherMs, resolve, { ref: true })
      this.#wake = () => {
        if (!this.isOver) return
        timer.cancel()
        resolve()
      }
    })
  }
}
