import { createHash } from 'node:crypto'
import { scanEnvelope, stringAt } from '../envelope.ts'
import type { SseEvent } from './http-client.ts'

/** More than servers keep for replay (the SDK's example store keeps what it has in memory, ours 1,000). */
const kept = 2_048

/** Longer texts are remembered by their digest. */
const longest = 64

/** Told once too often they cost a look; not told, nobody looks. */
const harmless = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/

/**
 * Events of one stream that were heard: a server that replays from too early tells them again. An id must be unique in its
 * session (MCP 2025-11-25, "Resumability"), but there are servers that count from 1 on each connection: only what is the same
 * to the byte counts as told, and not even that where it says no more than that something has changed.
 */
export class SeenEvents {
  readonly #events = new Map<string, string>()

  /** @returns whether it was told before; from now on it was */
  has({ id, data }: SseEvent): boolean {
    if (id === undefined || id === '') return false
    const [key, value] = [remembered(id), remembered(data)]
    if (this.#events.get(key) === value) return !isHarmless(data)
    this.#events.delete(key)
    this.#events.set(key, value)
    if (this.#events.size > kept) for (const oldest of this.#events.keys()) return !this.#events.delete(oldest)
    return false
  }
}

/** A text of its own: one that was cut out of what the network brought would keep all of that in memory. */
const remembered = (text: string): string =>
  text.length > longest ? createHash('sha1').update(text).digest('base64') : Buffer.from(text).toString()

function isHarmless(data: string): boolean {
  const method = scanEnvelope(data)?.method
  return method !== undefined && harmless.test(stringAt(data, method) ?? '')
}
