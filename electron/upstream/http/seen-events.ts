import { createHash } from 'node:crypto'
import type { SseEvent } from './http-client.ts'

/** More than servers keep for replay (the SDK's example store keeps what it has in memory, ours 1,000). */
const kept = 2_048

/**
 * Events of one stream that were heard: a server that replays from too early tells them again. An id must be unique in its
 * session (MCP 2025-11-25, "Resumability"), but there are servers that count from 1 on each connection: only what is the same
 * to the byte counts as told.
 */
export class SeenEvents {
  readonly #events = new Map<string, string>()

  /** @returns whether it was told before; from now on it was */
  has({ id, data }: SseEvent): boolean {
    if (id === undefined || id === '') return false
    const digest = data.length <= 64 ? data : createHash('sha1').update(data).digest('base64')
    if (this.#events.get(id) === digest) return true
    this.#events.delete(id)
    this.#events.set(id, digest)
    if (this.#events.size > kept) for (const oldest of this.#events.keys()) return !this.#events.delete(oldest)
    return false
  }
}
