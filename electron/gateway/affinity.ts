import type { Clock } from '../kit/clock.ts'
import type { UpstreamReply } from '../upstream/types.ts'
import { memberOf } from './json/members.ts'
import { type ClientRequest, isObject } from './message.ts'
import { inputMethods } from './modern/envelope.ts'

const listMethods: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
])

/** A cursor or state that nobody came back with for so long is given up. */
const keepMs = 600_000
const maxKept = 10_000

/**
 * Which process gave out what only that process understands: cursors of lists, and `requestState`, which servers sign with
 * a key made at their start (PROTOCOL, section 2).
 */
export class Affinity {
  readonly #clock: Clock
  readonly #places = new Map<string, { connectionId: string; at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns the connection that must serve this request; undefined when any may */
  placeOf(upstream: string, request: ClientRequest): string | undefined {
    const token = tokenOf(request)
    const place = token === undefined ? undefined : this.#places.get(keyOf(upstream, token))
    return place && this.#clock.now() - place.at < keepMs ? place.connectionId : undefined
  }

  /** Remembers where an answer came from that the client may come back with. */
  note(upstream: string, { method }: ClientRequest, reply: UpstreamReply): void {
    if (reply.kind === 'error' || reply.connectionId === '') return
    const key = listMethods.has(method) ? 'nextCursor' : inputMethods.has(method) ? 'requestState' : undefined
    if (key === undefined || !reply.text.includes(key)) return
    const token = memberOf(reply.text, key)
    if (!token?.startsWith('"')) return
    const place = keyOf(upstream, JSON.parse(token) as string)
    this.#places.delete(place)
    this.#places.set(place, { connectionId: reply.connectionId, at: this.#clock.now() })
    if (this.#places.size > maxKept) for (const oldest of this.#places.keys()) return void this.#places.delete(oldest)
  }

  forget(upstream: string, request: ClientRequest): void {
    const token = tokenOf(request)
    if (token !== undefined) this.#places.delete(keyOf(upstream, token))
  }
}

export const isList = (method: string): boolean => listMethods.has(method)

const keyOf = (upstream: string, token: string): string => `${upstream}\n${token}`

function tokenOf({ method, paramsValue }: ClientRequest): string | undefined {
  if (!isObject(paramsValue)) return undefined
  const token = listMethods.has(method) ? paramsValue.cursor : paramsValue.requestState
  return typeof token === 'string' ? token : undefined
}
