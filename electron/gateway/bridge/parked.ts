import { createHash } from 'node:crypto'
import type { Clock, Timer } from '../../kit/clock.ts'
import { randomHandle } from '../../kit/ids.ts'
import { type BackendRequest, canonicalJson } from '../backend.ts'
import { isObject } from '../message.ts'

/** How long a server's question waits for the client's retry (PROTOCOL, section 1). */
const parkedTtlMs = 300_000

/** Handles that are valid at once; beyond this the oldest gives way. */
const maxParked = 1024

/** A question that is this old gives way to a request that waits for a connection. Who retries later starts anew. */
const yieldAfterMs = 10_000
const yieldCheckMs = 500

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

/** What a waiting call keeps from others: a connection of its upstream. */
export interface Held {
  /** More than so many of its kind must not wait at once. */
  max: number
  /** Whether somebody waits for a connection. */
  isWanted(): boolean
}

interface Entry<T extends Waiting> {
  binding: Binding
  waiting: T
  held: Held | undefined
  parkedAt: number
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
  /** Oldest first. */
  readonly #entries = new Map<string, Entry<T>>()
  #yielding: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * @param held absent when it holds nothing
   * @returns the handle: a `requestState`
   */
  park(binding: Binding, waiting: T, held?: Held): string {
    if (this.#entries.size >= maxParked) this.#abandonOldest(() => true)
    const peers = held ? [...this.#entries.values()].filter((entry) => this.#holds(entry, binding.upstream)).length : 0
    if (held && peers >= held.max) this.#abandonOldest((entry) => this.#holds(entry, binding.upstream))
    const handle = randomHandle()
    const timer = this.#clock.after(parkedTtlMs, () => this.#abandon(handle))
    this.#entries.set(handle, { binding, waiting, held, parkedAt: this.#clock.now(), timer })
    if (held) this.#yielding ??= this.#clock.every(yieldCheckMs, () => this.#yieldToOthers())
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
    this.#yielding?.cancel()
  }

  #holds({ held, binding }: Entry<T>, upstream: string): boolean {
    return held !== undefined && binding.upstream === upstream
  }

  #abandonOldest(which: (entry: Entry<T>) => boolean): void {
    const oldest = [...this.#entries].find(([, entry]) => which(entry))
    if (oldest) this.#abandon(oldest[0])
  }

  /** One at a time for each upstream: its connection may be all that was wanted. */
  #yieldToOthers(): void {
    const before = this.#clock.now() - yieldAfterMs
    const asked = new Set<string>()
    for (const [handle, { held, binding, parkedAt }] of [...this.#entries]) {
      if (!held || asked.has(binding.upstream)) continue
      asked.add(binding.upstream)
      if (parkedAt <= before && held.isWanted()) this.#abandon(handle)
    }
    if (asked.size > 0) return
    this.#yielding?.cancel()
    this.#yielding = undefined
  }

  #abandon(handle: string): void {
    const entry = this.#entries.get(handle)
    if (!entry) return
    this.#entries.delete(handle)
    entry.timer.cancel()
    entry.waiting.abandon()
  }
}
