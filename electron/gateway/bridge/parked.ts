import { createHash } from 'node:crypto'
import type { Clock, Timer } from '../../kit/clock.ts'
import type { Unsubscribe } from '../../kit/emitter.ts'
import { randomHandle } from '../../kit/ids.ts'
import type { Upstream } from '../../upstream/types.ts'
import { type BackendRequest, canonicalJson } from '../backend.ts'
import type { Holders } from '../holders.ts'
import { isObject } from '../message.ts'

/** How long a server's question waits for the client's retry (PROTOCOL, section 1). */
const parkedTtlMs = 300_000

/** Handles that are valid at once; beyond this the oldest gives way. */
const maxParked = 1024

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
  upstream: Upstream | undefined
  timer: Timer
  release: Unsubscribe | undefined
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
  readonly #holders: Holders

  constructor(clock: Clock, holders: Holders) {
    this.#clock = clock
    this.#holders = holders
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * @param upstream whose connection it holds; absent when it holds none
   * @returns the handle: a `requestState`
   */
  park(binding: Binding, waiting: T, upstream?: Upstream): string {
    if (this.#entries.size >= maxParked) this.#abandonOldest(() => true)
    if (upstream) this.#makeRoom(upstream)
    const handle = randomHandle()
    const parkedAt = this.#clock.now()
    const timer = this.#clock.after(parkedTtlMs, () => this.#abandon(handle))
    // Who retries later starts anew.
    const release =
      upstream && this.#holders.add({ upstream, idleSince: () => parkedAt, giveWay: () => this.#abandon(handle) })
    this.#entries.set(handle, { binding, waiting, upstream, timer, release })
    return handle
  }

  /** @returns undefined when the handle is unknown, expired, used, or of another client or request */
  take(handle: string, binding: Binding): T | undefined {
    const entry = this.#entries.get(handle)
    if (!entry) return undefined
    for (const key of ['principal', 'upstream', 'method', 'digest'] as const)
      if (entry.binding[key] !== binding[key]) return undefined
    this.#remove(handle, entry)
    return entry.waiting
  }

  close(): void {
    for (const handle of [...this.#entries.keys()]) this.#abandon(handle)
  }

  /** Half of its connections are left for everybody else. */
  #makeRoom(upstream: Upstream): void {
    const max = Math.max(1, Math.floor(upstream.config.pool.maxConnections / 2))
    const held = [...this.#entries.values()].filter((entry) => entry.upstream === upstream).length
    if (held >= max) this.#abandonOldest((entry) => entry.upstream === upstream)
  }

  #abandonOldest(which: (entry: Entry<T>) => boolean): void {
    const oldest = [...this.#entries].find(([, entry]) => which(entry))
    if (oldest) this.#abandon(oldest[0])
  }

  #abandon(handle: string): void {
    const entry = this.#entries.get(handle)
    if (!entry) return
    this.#remove(handle, entry)
    entry.waiting.abandon()
  }

  #remove(handle: string, { timer, release }: Entry<T>): void {
    this.#entries.delete(handle)
    timer.cancel()
    release?.()
  }
}
