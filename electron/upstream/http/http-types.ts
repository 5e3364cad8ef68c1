import type { Authorizer } from '../../kit/authorizer.ts'
import type { Clock } from '../../kit/clock.ts'

export interface HttpClientOptions {
  /** Where every request goes. A user name and password in it are sent as Basic credentials. */
  url: URL
  /**
   * Of the config, `${VAR}` expanded; asked for each request. Headers of the protocol and of the connection itself are ours
   * and left out (see headers.ts). An Authorization of the config stands for itself: the authorizer is only told how it fares.
   * @throws AppError CONFIG_INVALID
   */
  headers(): Record<string, string>
  authorizer?: Authorizer | undefined
  /** Masks the secrets of the config in a text. Default: it has none. */
  mask?: ((text: string) => string) | undefined
  clock: Clock
  /** Name resolution, TCP, proxy and TLS together. */
  connectTimeoutMs(): number
  /** Of one JSON message or the data of one event, in UTF-8; default 16 MiB. */
  maxMessageBytes?: number | undefined
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are looked up, in lower case first; default the process's environment. */
  env?: Readonly<Record<string, string | undefined>> | undefined
}

export interface HttpRequestOptions {
  /** Of the protocol; they go over those of the config. */
  headers?: Readonly<Record<string, string>> | undefined
  /**
   * Ends the request at any moment, its stream included: at once, and its socket with it. An AppError as its reason is what
   * the request fails with (as a copy with `data.written`), anything else becomes ABORTED.
   */
  signal: AbortSignal
  /** From the answer's headers on, the longest time without a byte. Comments of a stream are bytes. Default: no end. */
  silenceMs?: number | undefined
  /** The server may have the request from here on. Called at most once, right before the first byte is written. */
  onWritten?: (() => void) | undefined
}

export interface HttpReply {
  status: number
  headers: ReplyHeaders
  body: ReplyBody
  /** Masks what we told the server and no one else is to see, in a text of its own: many repeat what they refuse. */
  mask(text: string): string
}

export interface ReplyHeaders {
  /** Names in any case; several of a name are joined by `, `. */
  get(name: string): string | null
}

export type ReplyBody =
  /** application/json, whole, byte for byte; any status. */
  | { kind: 'json'; text: string }
  /** text/event-stream with a 2xx status. Read it, abort it, or its socket stays open. */
  | { kind: 'stream'; events: AsyncIterable<SseEvent> }
  /** 202, 204, or nothing in it. */
  | { kind: 'empty' }
  /** Anything else: its first 2 KiB, for a message. Of a redirect that is not followed `head` says where it leads. */
  | { kind: 'other'; contentType: string; head: string }

/**
 * An event as its server sent it. One whose `data` is empty carries no message: its `id` is where to go on from (a priming
 * event), its `retry` how long to wait. A `retry` comes in an event of its own, at once. Comments are not told.
 */
export interface SseEvent {
  /** `message` unless it was named. */
  event: string
  data: string
  /** Of this event only. Empty when the server takes its ids back. */
  id: string | undefined
  /** Milliseconds, at most what a timer can wait. */
  retry: number | undefined
}
