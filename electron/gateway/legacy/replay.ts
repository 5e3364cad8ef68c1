import type { Clock } from '../../kit/clock.ts'
import type { JsonText } from '../../upstream/types.ts'
import type { EventChannel } from '../exchange.ts'
import type { SseConnection } from '../http/sse.ts'

/** How long a client should wait before it comes back to a stream that was closed. */
export const resumeRetryMs = 1_000

/** Bytes kept for replay over all sessions. */
export class ReplayBudget {
  readonly maxBytes: number
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get exceeded(): boolean {
    return this.#usedBytes > this.maxBytes
  }

  add(bytes: number): void {
    this.#usedBytes += bytes
  }
}

interface KeptEvent {
  sequence: number
  message: JsonText
}

/** UTF-16 length stands for bytes: what is counted is memory, roughly. */
const weight = (message: JsonText): number => message.length

/** Events kept of one stream; a stream that lives long keeps the newest. */
const maxKeptEvents = 256

/**
 * A stream of a session that outlives its connection: every event has an id that names the stream and its place in it,
 * and a client that lost the connection gets what it missed after GET with Last-Event-ID (PROTOCOL, section 3).
 */
export class ResumableStream implements EventChannel {
  readonly key: number
  readonly #budget: ReplayBudget
  readonly #clock: Clock
  readonly #kept: KeptEvent[] = []
  #lastSequence = 0
  #connection: SseConnection | undefined
  #endedAt: number | undefined

  constructor(key: number, budget: ReplayBudget, clock: Clock) {
    this.key = key
    this.#budget = budget
    this.#clock = clock
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen ?? false
  }

  /** False until a first client could see an event id of it: what is sent before can't be asked for again. */
  get wasOpened(): boolean {
    return this.#connection !== undefined
  }

  /** When its last event was sent; monotonic milliseconds. */
  get endedAt(): number | undefined {
    return this.#endedAt
  }

  /** @param prime clients from 2025-11-25 on take an event without data */
  attach(connection: SseConnection, prime: boolean): void {
    this.#connection = connection
    if (prime) connection.prime(this.#eventId(this.#lastSequence), resumeRetryMs)
  }

  /** False when something that came after this event is not kept any more. */
  canResume(afterSequence: number): boolean {
    const firstKept = this.#kept[0]?.sequence ?? this.#lastSequence + 1
    return afterSequence <= this.#lastSequence && afterSequence >= firstKept - 1
  }

  /** Goes on after the event that the client saw last. A connection that is still attached ends: its client has left it. */
  resume(connection: SseConnection, afterSequence: number): void {
    const previous = this.#connection
    this.#connection = connection
    previous?.end()
    const missed = this.#kept.filter(({ sequence }) => sequence > afterSequence)
    connection.replay(missed.map(({ sequence, message }) => ({ data: message, id: this.#eventId(sequence) })))
    if (this.#endedAt !== undefined) connection.end()
  }

  send(message: JsonText): void {
    const sequence = ++this.#lastSequence
    this.#kept.push({ sequence, message })
    this.#budget.add(weight(message))
    this.#connection?.event(message, this.#eventId(sequence))
    while (this.#kept.length > maxKeptEvents || (this.#budget.exceeded && this.#kept.length > 0)) this.#forgetOldest()
  }

  end(): void {
    this.#endedAt ??= this.#clock.now()
    this.#connection?.end()
  }

  /** The gateway closes: the client is told when to come back. */
  close(): void {
    if (this.#endedAt === undefined) this.#connection?.retry(resumeRetryMs)
    this.#connection?.end()
    this.forget()
  }

  forget(): void {
    while (this.#kept.length > 0) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const oldest = this.#kept.shift()
    if (oldest) this.#budget.add(-weight(oldest.message))
  }

  #eventId(sequence: number): string {
    return `${this.key}-${sequence}`
  }
}

/** @returns the stream and the place in it that an event id names; undefined when it is none of ours */
export function parseEventId(id: string): { key: number; sequence: number } | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(id)
  return match ? { key: Number(match[1]), sequence: Number(match[2]) } : undefined
}
