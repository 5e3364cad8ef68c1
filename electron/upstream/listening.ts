import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import { deferred } from '../kit/deferred.ts'
import type { UpstreamConnection } from './connection-types.ts'
import { isRecord, modernMeta } from './revisions.ts'
import type { JsonText, ServerNotification } from './types.ts'
import type { Watched } from './watcher.ts'

/** The acknowledgement is the first thing that a server says to it (MCP 2026-07-28, subscriptions/listen). */
const acknowledgeMs = 10_000

interface Filter {
  toolsListChanged?: true
  promptsListChanged?: true
  resourcesListChanged?: true
  resourceSubscriptions?: string[]
}

interface Acknowledged {
  /** What the server will tell. */
  honoured: Record<string, unknown>
}

export interface ListeningOptions {
  readonly connection: UpstreamConnection
  readonly clock: Clock
  readonly clientInfo: { name: string; version: string }
  tell(notification: ServerNotification): void
  /** The server does not tell any more what it had acknowledged, and the connection lives. */
  lost(reason: string): void
}

/**
 * The one `subscriptions/listen` on a modern connection. What is watched is replaced as a whole: the new request is
 * acknowledged before the old one is cancelled, so that nothing is missed in between.
 */
export class Listening {
  readonly #options: ListeningOptions
  /** The request whose notifications count; aborting it cancels it at the server. */
  #active: AbortController | undefined
  /** Nothing was told for a while. */
  #isLost = false
  #wanted: Watched[] = []
  #running: Promise<Acknowledged | { refused: JsonText }> | undefined
  #next: Promise<Acknowledged | { refused: JsonText }> | undefined

  constructor(options: ListeningOptions) {
    this.#options = options
  }

  /**
   * @param wanted everything that is watched from now on
   * @param asked what the caller wants to know of
   * @returns the text of an error when the server does not tell of that
   */
  async listen(wanted: Watched[], asked?: Watched): Promise<JsonText | undefined> {
    this.#wanted = wanted
    // Watches that begin while one round is under way share the next.
    this.#next ??= (this.#running ?? Promise.resolve()).then(
      () => this.#begin(),
      () => this.#begin(),
    )
    const outcome = await this.#next
    if ('refused' in outcome) return outcome.refused
    if (!asked || isHonoured(outcome.honoured, asked)) return undefined
    const what = 'uri' in asked ? asked.uri : `the list of ${asked.list}`
    return JSON.stringify({ code: -32601, message: `The server does not tell when ${what} changes` })
  }

  #begin(): Promise<Acknowledged | { refused: JsonText }> {
    this.#next = undefined
    this.#running = this.#round()
    return this.#running
  }

  async #round(): Promise<Acknowledged | { refused: JsonText }> {
    const before = this.#active
    if (this.#wanted.length === 0) {
      this.#active = undefined
      before?.abort()
      return { honoured: {} }
    }
    const { connection, clock, clientInfo, tell } = this.#options
    const own = new AbortController()
    const outcome = deferred<Acknowledged | { refused: JsonText }>()
    let isAcknowledged = false
    let over: string | undefined
    const ended = (reason: string) => {
      over = reason
      if (this.#active === own) this.#lost(reason)
    }
    const notifications = JSON.stringify(filterOf(this.#wanted))
    const answer = connection.background({
      method: 'subscriptions/listen',
      params: `{"notifications":${notifications},"_meta":${modernMeta(clientInfo)}}`,
      signal: own.signal,
      onNotification: (notification) => {
        if (notification.method === 'notifications/subscriptions/acknowledged') {
          // The connection asked again because its stream was lost: what was told meanwhile nobody tells again.
          if (outcome.settled && this.#active === own) this.#tellMissed()
          isAcknowledged = true
          outcome.resolve({ honoured: honouredOf(notification) })
        } else if (this.#active === own || !outcome.settled) tell(withoutSubscription(notification))
      },
    })
    answer.then(
      ({ kind, text }) => {
        outcome.resolve(kind === 'error' ? { refused: text } : { honoured: {} })
        ended(`the server ended it with ${text}`)
      },
      (error: unknown) => {
        outcome.reject(error)
        ended(String(error))
      },
    )
    const timer = clock.after(acknowledgeMs, () => {
      outcome.reject(
        new AppError(
          'RESPONSE_TIMEOUT',
          `the server did not acknowledge subscriptions/listen within ${acknowledgeMs} ms`,
        ),
      )
      own.abort()
    })
    try {
      const settled = await outcome.promise
      if ('honoured' in settled) {
        this.#active = own
        before?.abort()
        if (this.#isLost) this.#tellMissed()
        this.#isLost = false
        if (isAcknowledged && over !== undefined) this.#lost(over)
      }
      return settled
    } finally {
      timer.cancel()
    }
  }

  #lost(reason: string): void {
    this.#active = undefined
    this.#isLost = true
    if (this.#options.connection.alive) this.#options.lost(reason)
  }

  #tellMissed(): void {
    for (const what of this.#wanted) this.#options.tell(changeOf(what))
  }
}

/** It may have changed while nobody was told, which can't be asked for: a change is told, and whoever cares looks. */
export function changeOf(what: Watched): ServerNotification {
  const method = 'uri' in what ? 'notifications/resources/updated' : `notifications/${what.list}/list_changed`
  const params = 'uri' in what ? { params: { uri: what.uri } } : {}
  return { method, message: JSON.stringify({ jsonrpc: '2.0', method, ...params }) }
}

function filterOf(wanted: readonly Watched[]): Filter {
  const filter: Filter = {}
  const uris: string[] = []
  for (const what of wanted) {
    if ('uri' in what) uris.push(what.uri)
    else filter[`${what.list}ListChanged`] = true
  }
  return uris.length === 0 ? filter : { ...filter, resourceSubscriptions: uris }
}

/** Lists are not asked for one by one: one that does not change tells of no change. */
const isHonoured = ({ resourceSubscriptions: uris }: Record<string, unknown>, what: Watched): boolean =>
  !('uri' in what) || (Array.isArray(uris) && uris.includes(what.uri))

function honouredOf({ message }: ServerNotification): Record<string, unknown> {
  const { params } = JSON.parse(message) as { params?: unknown }
  return isRecord(params) && isRecord(params.notifications) ? params.notifications : {}
}

/** The subscription is ours, not that of whoever watches. */
function withoutSubscription({ method, message }: ServerNotification): ServerNotification {
  const { params, ...rest } = JSON.parse(message) as { params?: { _meta?: Record<string, unknown> } }
  const { 'io.modelcontextprotocol/subscriptionId': _, ...meta } = params?._meta ?? {}
  const { _meta, ...own } = params ?? {}
  const kept = Object.keys(meta).length > 0 ? { ...own, _meta: meta } : own
  return { method, message: JSON.stringify({ ...rest, params: kept }) }
}
