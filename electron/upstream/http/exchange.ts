import type { Dispatcher } from 'undici'
import type { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { deferred } from '../../kit/deferred.ts'
import { connectFailed, connectionLost, type Destination, silent } from './errors.ts'
import { replyHeaders } from './headers.ts'
import type { ReplyHeaders } from './http-types.ts'
import { SilenceWatch } from './silence.ts'
import type { SocketPool } from './socket-pool.ts'

/** Bytes of an answer that are held for a reader who is slower than the network. */
const heldBytesLimit = 256 * 1024

export interface ExchangeRequest {
  method: 'POST' | 'GET' | 'DELETE'
  path: string
  headers: Record<string, string>
  body: string | undefined
}

export interface ExchangeOptions {
  sockets: SocketPool
  to: Destination
  request: ExchangeRequest
  clock: Clock
  silenceMs: number | undefined
  onWritten(): void
}

export interface ReplyHead {
  status: number
  headers: ReplyHeaders
}

/**
 * One request and its answer on one socket. Its body is read once, as chunks, at the reader's pace. However it ends, the
 * socket is given back or closed, and no timer is left.
 */
export class Exchange implements Dispatcher.DispatchHandler, AsyncIterable<Buffer> {
  readonly head: Promise<ReplyHead>
  readonly #options: ExchangeOptions
  readonly #socket: ReturnType<SocketPool['take']>
  readonly #head = deferred<ReplyHead>()
  readonly #silence: SilenceWatch | undefined
  #controller: Dispatcher.DispatchController | undefined
  #answering = false
  #chunks: Buffer[] = []
  #heldBytes = 0
  /** Of a reader who waits for the next chunk. */
  #wake: (() => void) | undefined
  #aborted: AppError | undefined
  #end: { error: AppError | undefined } | undefined

  constructor(options: ExchangeOptions) {
    const { sockets, to, request, clock, silenceMs } = options
    this.#options = options
    this.head = this.#head.promise
    this.head.catch(() => {})
    if (silenceMs !== undefined)
      this.#silence = new SilenceWatch(clock, silenceMs, () => {
        sockets.dropIdle()
        this.#stop(silent(to, silenceMs))
      })
    this.#socket = sockets.take()
    const { body = null, ...rest } = request
    this.#socket.client.dispatch({ ...rest, body }, this)
  }

  /** Whether the server may have the request. */
  get written(): boolean {
    return this.#controller !== undefined
  }

  /** @throws what it was aborted with */
  throwIfAborted(): void {
    if (this.#aborted) throw this.#aborted
  }

  /** Ends it at once, its socket too; who reads gets the error. Does nothing when it has ended. */
  abort(error: AppError): void {
    this.#aborted ??= error
    this.#stop(error)
  }

  /** Ends it at once, its socket too; who reads gets what has come, and then the end. Does nothing when it has ended. */
  cutShort(): void {
    this.#stop(undefined)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#options.onWritten()
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: ReplyHeaderRecord): void {
    // 1xx is no answer yet.
    if (status < 200) return
    this.#answering = true
    this.#silence?.start()
    this.#head.resolve({ status, headers: replyHeaders(headers) })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#end) return
    this.#silence?.heard()
    this.#chunks.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= heldBytesLimit && !controller.paused) {
      // What we don't read can't be heard.
      this.#silence?.stop()
      controller.pause()
    }
    this.#wake?.()
  }

  onResponseEnd(): void {
    if (this.#finish(undefined)) this.#options.sockets.giveBack(this.#socket)
  }

  onResponseError(_: unknown, error: Error): void {
    const { to } = this.#options
    this.#lose(this.written ? connectionLost(error, to, this.#answering) : connectFailed(error, to))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunks = this.#chunks
      this.#chunks = []
      for (const chunk of chunks) {
        // What came before a loss is read.
        this.#heldBytes -= chunk.length
        yield chunk
      }
      this.#readOn()
      if (this.#chunks.length > 0) continue
      if (this.#end?.error) throw this.#end.error
      if (this.#end) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #readOn(): void {
    if (!this.#controller?.paused || this.#end) return
    this.#silence?.start()
    this.#controller.resume()
  }

  #stop(error: AppError | undefined): void {
    if (!this.#lose(error)) return
    // Where the request is not on its socket yet, both go as the socket does.
    this.#controller?.abort(error ?? new Error('enough was read'))
  }

  #lose(error: AppError | undefined): boolean {
    if (!this.#finish(error)) return false
    // Not within a callback of undici, which goes on with its client.
    queueMicrotask(() => void this.#options.sockets.discard(this.#socket))
    return true
  }

  /** @returns false when it has ended before: the first cause wins */
  #finish(error: AppError | undefined): boolean {
    if (this.#end) return false
    this.#end = { error }
    this.#silence?.stop()
    if (error) this.#head.reject(error)
    this.#wake?.()
    return true
  }
}

type ReplyHeaderRecord = Parameters<typeof replyHeaders>[0]
