import { createHash } from 'node:crypto'
import type { Clock, Timer } from '../../kit/clock.ts'
import { randomHandle } from '../../kit/ids.ts'
import { type BackendRequest, canonicalJson } from '../backend.ts'
import { isObject } from '../message.ts'

/** How long a server's question waits for the client's retry (PROTOCOL, section 1). */
const parkedTtlMs = 300_000

/** Each holds a connection: beyond this the oldest gives way. */
const maxParked = 256

/** What a retry must agree with: who asks, what for, and with which parameters. */
export interface Binding {
  principal: string
  upstream: string
  method: string
  /** Of the parameters, without what a retry adds or may change. */
  digest: string
}

/** A call that waits for its client's retry. */
export interface Waiting {
  /** Nobody came back: what it holds is given up. */
  abandon(): void
}

interface Entry<T extends Waiting> {
  binding: Binding
  waiting: T
  timer: Timer
}

const retryMembers = new Set(['_meta', 'inputResponses', 'requestState'])

/** @param params what the text of the request's params parses to */
export function bindingOf(upstream: string, request: BackendRequest, params: unknown): Binding {
  const own = isObject(params)
    ? Object.fromEntries(Object.entries(params).filter(([key]) => !retryMembers.has(key)))
    : {}
  return {
    principal: request.client.principal,
    upstream,
    method: request.method,
    digest: createHash('sha256').update(canonicalJson(own)).digest('base64'),
  }
}

/**
 * Calls that a legacy server interrupted with a question, until the modern client comes back with the answer. A handle is
 * random (144 bits), valid once, for a time, and only for who got it and the same request.
 */
export class Parked<T extends Waiting> {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry<T>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  /** @returns the handle: a `requestState` */
  park(binding: Binding, waiting: T): string {
    if (this.#entries.size >= maxParked) this.#abandonOldest()
    const handle = randomHandle()
    const timer = this.#clock.after(parkedTtlMs, () => this.#abandon(handle))
    this.#entries.set(handle, { binding, waiting, timer })
    return handle
  }

  /** @returns undefined when the handle is unknown, expired, used, or of another client or request */
  take(handle: string, binding: Binding): T | undefined {
    const entry = this.#entries.get(handle)
    if (!entry) return undefined
    for (const key of ['principal', 'upstream', 'method', 'digest'] as const)
      if (entry.binding[key] !== binding[key]) return undefined
    this.#entries.delete(handle)
    entry.timer.cancel()
    return entry.waiting
  }

  close(): void {
    for (const handle of [...this.#entries.keys()]) this.#abandon(handle)
  }

  #abandonOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#abandon(oldest)
  }

  #abandon(handle: string): void {
    const entry = this.#entries.get(handle)
    if (!entry) return
    this.#entries.delete(handle)
    entry.timer.cancel()
    entry.waiting.abandon()
  }
}
