import { AppError, toErrorShape } from '../../shared/errors.ts'
import { ReconnectLoop } from '../../shared/reconnect.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { UpstreamConnection } from './connection-types.ts'
import { scanObject, spanAt, stringAt } from './envelope.ts'
import { changeOf, Listening } from './listening.ts'
import { type Ask, Renewals } from './renewal.ts'
import type { JsonText, ServerNotification, Upstream } from './types.ts'

export type Watched = Parameters<Upstream['watch']>[0]
type Listener = (notification: ServerNotification) => void

interface Watch {
  readonly what: Watched
  /** One for each call of `watch`, even of the same function. */
  readonly listeners: Set<{ listener: Listener }>
  /** Settles once the server has answered; with the text of its error when it refused. */
  subscribed: Promise<JsonText | undefined>
}

export interface WatcherOptions {
  readonly clock: Clock
  readonly random: Random
  readonly clientInfo: { name: string; version: string }
  /** A connection of those that clients share, if one lives. @param except the id of one that ends, and may not look like it yet */
  find(except?: string): UpstreamConnection | undefined
  /** All of them that live and are of the modern era, each of a process of its own. */
  modern(): Iterable<UpstreamConnection>
  /** Has one opened, and waits for it. Rejects with why it can't. */
  open(): Promise<UpstreamConnection>
  keep(connectionId: string, on: boolean): void
  onListenerError(error: unknown): void
}

/** All of them end. */
const over: ReadonlySet<CloseReason> = new Set<CloseReason>(['shutdown', 'upstream-removed'])

/** It made room for others, or nobody needs it: the next one of its kind takes over, none is opened for the watch. */
const gaveWay: ReadonlySet<CloseReason> = new Set<CloseReason>(['evicted', 'idle-timeout', 'single-use'])

/**
 * Watches what a server tells outside of requests through one of its shared connections, which goes on serving requests
 * meanwhile. Resources are worth a process of their own; lists are not: a server that does not run changes nothing, so they
 * are watched as long as a process lives, and again when the next one does.
 */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #watches = new Map<string, Watch>()
  #connection: UpstreamConnection | undefined
  /** Modern servers: the one `subscriptions/listen`. */
  #listening: Listening | undefined
  #opening: Promise<UpstreamConnection> | undefined
  /** While what was watched through a connection that is lost waits for another. */
  #reopening: ReconnectLoop | undefined
  /**
   * Modern servers announce the change of a list to those that listen to the process in which it changed (the SDK's do):
   * lists are listened to in every process.
   */
  readonly #alongside = new Map<string, Listening>()
  /** Changes of these may have been missed since their connection was lost. */
  readonly #missed = new Set<Watch>()
  /** What was watched before is asked for again. */
  readonly #renewals: Renewals

  constructor(options: WatcherOptions) {
    this.#options = options
    this.#renewals = new Renewals(options)
  }

  /** See {@link Upstream.watch}. */
  async watch(what: Watched, listener: Listener): Promise<{ stop: () => void } | { refused: JsonText }> {
    const connection = this.#connection ?? this.#options.find()
    // Lists are watched where there is somebody to tell; resources have a process opened.
    if (connection) this.#attach(connection)
    else if ('uri' in what) this.#attach(await this.#open())
    const key = keyOf(what)
    const existing = this.#watches.get(key)
    const watch: Watch = existing ?? { what, listeners: new Set(), subscribed: Promise.resolve(undefined) }
    const entry = { listener }
    watch.listeners.add(entry)
    if (!existing) {
      this.#watches.set(key, watch)
      watch.subscribed = this.#subscribe(watch)
      if ('list' in what) this.#listenAlongside()
    }
    try {
      const refused = await watch.subscribed
      if (refused === undefined) return { stop: () => this.#stop(key, watch, entry) }
      this.#stop(key, watch, entry)
      return { refused }
    } catch (error) {
      this.#stop(key, watch, entry)
      throw error
    }
  }

  /** A shared connection is ready. */
  ready(connection: UpstreamConnection): void {
    if (!this.#connection && this.#watches.size > 0) this.#attach(connection)
    else this.#listenAlongside()
  }

  /** A connection ends. */
  ended(connectionId: string, reason: CloseReason): void {
    this.#alongside.delete(connectionId)
    this.#renewals.stop(connectionId)
    if (connectionId !== this.#connection?.connectionId) return
    // A process that is not needed changes nothing once it is gone; a server elsewhere runs on.
    if (this.#connection.pid === null || !gaveWay.has(reason))
      for (const watch of this.#watches.values()) this.#missed.add(watch)
    this.#connection = undefined
    this.#listening = undefined
    if (this.#watches.size === 0 || over.has(reason)) return
    // One that took its place was ready before it went.
    const other = this.#options.find(connectionId)
    if (other) {
      this.#attach(other)
      return
    }
    const wanted = [...this.#watches.values()].some(({ what }) => 'uri' in what)
    if (!wanted || gaveWay.has(reason)) return
    this.#reopen()
  }

  /** Nothing is watched any more, nor tried to be. */
  close(): void {
    this.#reopening?.stop()
    this.#renewals.stopAll()
  }

  /** What a legacy server tells; of the watched connection alone, or each change would be told by every process. */
  changed(connectionId: string, notification: ServerNotification): void {
    if (connectionId === this.#connection?.connectionId) this.#tell(notification)
  }

  #attach(connection: UpstreamConnection): void {
    if (this.#connection === connection) return
    this.#reopening?.stop()
    this.#connection = connection
    this.#options.keep(connection.connectionId, true)
    if (connection.handshake?.era === 'modern') {
      this.#listening = this.#alongside.get(connection.connectionId) ?? this.#listeningOn(connection)
      this.#alongside.delete(connection.connectionId)
    }
    if (this.#watches.size > 0) this.#renewals.begin(connection.connectionId, this.#asking(connection))
  }

  #listeningOn(connection: UpstreamConnection): Listening {
    const { clock, clientInfo } = this.#options
    return new Listening({
      connection,
      clock,
      clientInfo,
      tell: (notification) => this.#tell(notification),
      lost: (reason) => this.#renewals.lost(connection.connectionId, reason, this.#asking(connection)),
    })
  }

  /** Asks again for what was watched through this connection before, or through the one before it. */
  #asking(connection: UpstreamConnection): Ask {
    const left = new Set(this.#watches.values())
    return async () => {
      if (connection === this.#connection) return this.#resubscribe(left)
      return this.#alongside.get(connection.connectionId)?.listen(this.#lists)
    }
  }

  /** @param left of a legacy server, that has not been subscribed to again; a modern one is told everything at once */
  async #resubscribe(left: Set<Watch>): Promise<JsonText | undefined> {
    const watches = [...this.#watches.values()].filter((watch) => this.#listening || left.has(watch))
    let refused: JsonText | undefined
    const asked = watches.map(async (watch) => {
      watch.subscribed = this.#subscribe(watch)
      const error = await watch.subscribed
      if (error !== undefined) {
        refused = error
        return
      }
      left.delete(watch)
      if (this.#missed.delete(watch)) this.#tell(changeOf(watch.what))
    })
    const failed = (await Promise.allSettled(asked)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    return refused
  }

  get #lists(): Watched[] {
    return [...this.#watches.values()].map(({ what }) => what).filter((what) => 'list' in what)
  }

  /** In the processes beside the watched one. That one of them refuses, or ends, is no loss to the others. */
  #listenAlongside(): void {
    const lists = this.#lists
    if (lists.length === 0 && this.#alongside.size === 0) return
    for (const connection of this.#options.modern()) {
      if (connection === this.#connection) continue
      let listening = this.#alongside.get(connection.connectionId)
      if (!listening && lists.length === 0) continue
      listening ??= this.#listeningOn(connection)
      if (lists.length > 0) this.#alongside.set(connection.connectionId, listening)
      else this.#alongside.delete(connection.connectionId)
      listening.listen(lists).catch(() => {})
    }
  }

  /** However long the server is away: nobody asks for it meanwhile, and what is watched is to be heard when it is back. */
  #reopen(): void {
    if (this.#reopening) return
    const { clock, random } = this.#options
    const loop = new ReconnectLoop({
      scheduler: clock,
      random,
      run: async () => {
        try {
          const connection = await this.#open()
          if (this.#watches.size > 0) this.#attach(connection)
        } catch (error) {
          const { code, message, data } = toErrorShape(error)
          // Of an open breaker too: until then nothing is tried.
          const wish = typeof data?.retryAfterMs === 'number' ? { retryAfterMs: data.retryAfterMs } : {}
          if (code !== 'POOL_CLOSED') return { kind: 'lost', reason: message, ...wish }
        }
        return { kind: 'stop', reason: 'there is nothing to wait for', state: 'stopped' }
      },
    })
    this.#reopening = loop
    void loop.done.then(() => {
      if (this.#reopening === loop) this.#reopening = undefined
    })
    loop.start()
  }

  #open(): Promise<UpstreamConnection> {
    this.#opening ??= this.#openAlive().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** One that has ended meanwhile has been told of already. */
  async #openAlive(): Promise<UpstreamConnection> {
    const connection = await this.#options.open()
    if (connection.alive) return connection
    throw new AppError('CONNECTION_LOST', 'the connection ended as soon as it was there')
  }

  async #subscribe({ what }: Watch): Promise<JsonText | undefined> {
    if (this.#listening)
      return this.#listening.listen(
        [...this.#watches.values()].map((watch) => watch.what),
        what,
      )
    if (!('uri' in what) || !this.#connection) return undefined
    const answer = await this.#connection.background({
      method: 'resources/subscribe',
      params: JSON.stringify({ uri: what.uri }),
    })
    return answer.kind === 'error' ? answer.text : undefined
  }

  #stop(key: string, watch: Watch, entry: { listener: Listener }): void {
    if (!watch.listeners.delete(entry) || watch.listeners.size > 0) return
    if (this.#watches.get(key) === watch) this.#watches.delete(key)
    this.#missed.delete(watch)
    if ('list' in watch.what) this.#listenAlongside()
    if (![...this.#watches.values()].some(({ what }) => 'uri' in what)) this.#reopening?.stop()
    const connection = this.#connection
    if (!connection) return
    const unheard = () => {
      // Its end is told elsewhere, and ends the subscription.
    }
    if (this.#listening) void this.#listening.listen([...this.#watches.values()].map(({ what }) => what)).catch(unheard)
    else if ('uri' in watch.what && connection.alive) {
      const params = JSON.stringify({ uri: watch.what.uri })
      try {
        connection.background({ method: 'resources/unsubscribe', params }).catch(unheard)
      } catch {
        // Nothing was written: the same.
      }
    }
    if (this.#watches.size > 0) return
    this.#renewals.stopAll()
    this.#options.keep(connection.connectionId, false)
    this.#connection = undefined
    this.#listening = undefined
  }

  #tell(notification: ServerNotification): void {
    for (const { listeners } of this.#concerned(notification)) {
      for (const { listener } of listeners) {
        try {
          listener(notification)
        } catch (error) {
          this.#options.onListenerError(error)
        }
      }
    }
  }

  #concerned({ method, message }: ServerNotification): Watch[] {
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1]
    if (list) return present(this.#watches.get(`list ${list}`))
    if (method !== 'notifications/resources/updated') return []
    const params = spanAt(message, ['params'])
    const uri = params && stringAt(message, scanObject(message, ['uri'], params)?.[0])
    if (uri === undefined) return []
    const exact = this.#watches.get(`uri ${uri}`)
    if (exact) return [exact]
    // It may be a part of what was subscribed (MCP 2025-11-25, server/resources, "Subscriptions").
    return [...this.#watches.values()].filter(({ what }) => 'uri' in what && uri.startsWith(what.uri))
  }
}

const present = <T>(item: T | undefined): T[] => (item === undefined ? [] : [item])

const keyOf = (what: Watched): string => ('uri' in what ? `uri ${what.uri}` : `list ${what.list}`)
