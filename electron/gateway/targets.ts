import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import type { Unsubscribe } from '../kit/emitter.ts'
import type { Handshake, JsonText, ServerNotification, ServerRequest, Upstream, Wait } from '../upstream/types.ts'
import { AggregateTarget } from './aggregate/target.ts'
import type { Announcements } from './announcements.ts'
import { type Backend, canonicalJson, type SessionBackend } from './backend.ts'
import type { Conversation } from './bridge/conversation.ts'
import { LegacyOverModern } from './bridge/legacy-over-modern.ts'
import { ModernOverLegacy, type UrlRetry } from './bridge/modern-over-legacy.ts'
import type { Parked } from './bridge/parked.ts'
import type { Holders } from './holders.ts'
import { OwnProcess } from './legacy/own-process.ts'
import type { UpstreamDirectory } from './types.ts'

/** What a legacy session brings along when it looks for somebody to serve it. */
export interface SessionNeeds {
  /** The text of the client's own params of `initialize`. */
  initialize: JsonText
  capabilities: Record<string, unknown>
  /** Of the request that wants it. */
  wait?: Wait | undefined
  /** What a process that serves nobody else says outside of requests. */
  notification(notification: ServerNotification): void
  serverRequest(request: ServerRequest): void
  /** Since when nothing of the client was seen, monotonic milliseconds; undefined while it is connected. */
  goneSince(): number | undefined
  /** What served it is given up: its client has to introduce itself anew. */
  end(): void
}

/** What a URL of the gateway leads to: one upstream, or all of them. */
export interface Target {
  readonly name: string
  readonly config: { readonly enabled: boolean }
  /** @throws AppError why nothing can serve; UPSTREAM_UNSUPPORTED with `data.session` when only sessions are served */
  modern(wait?: Wait): Promise<Backend>
  legacy(needs: SessionNeeds): Promise<SessionBackend>
  /**
   * What is told to everybody, outside of requests: `list_changed`, for legacy sessions. `watch` asks the server for it
   * where it has to be asked.
   */
  listen(listener: (notification: ServerNotification) => void): { stop: Unsubscribe; watch(): void }
}

export interface TargetDeps {
  clock: Clock
  parked: Parked<Conversation | UrlRetry>
  holders: Holders
  announcements: Announcements
}

const lists = ['tools', 'prompts', 'resources'] as const

/** One upstream, reached by clients of either era, whichever its processes speak. */
export class UpstreamTarget implements Target {
  readonly upstream: Upstream
  readonly #deps: TargetDeps
  readonly #modernOverLegacy: ModernOverLegacy

  constructor(upstream: Upstream, deps: TargetDeps) {
    this.upstream = upstream
    this.#deps = deps
    this.#modernOverLegacy = new ModernOverLegacy(upstream, deps)
  }

  get name(): string {
    return this.upstream.name
  }

  get config(): Upstream['config'] {
    return this.upstream.config
  }

  async modern(wait?: Wait): Promise<Backend> {
    const { upstream } = this
    if ((await upstream.eraFor('modern', wait)) === 'modern') return upstream
    if (upstream.config.isolation === 'session')
      throw new AppError(
        'UPSTREAM_UNSUPPORTED',
        `"${upstream.name}" keeps a process for each session (isolation "session"), and MCP 2026-07-28 has no sessions: connect with initialize`,
        { upstream: upstream.name, session: true },
      )
    return this.#modernOverLegacy
  }

  async legacy(needs: SessionNeeds): Promise<SessionBackend> {
    const { upstream } = this
    const { isolation } = upstream.config
    const era = await upstream.eraFor('legacy', needs.wait)
    if (era === 'modern') {
      if (isolation !== 'session') return new LegacyOverModern(upstream, this.#deps.clock)
      const own = new OwnProcess(upstream, undefined, needs, this.#deps.holders)
      return new LegacyOverModern(own, this.#deps.clock, () => own.close())
    }
    // The server asks for roots outside of any request: only a process of its own can know whose they are.
    if (isolation === 'session' || (isolation === 'shared' && 'roots' in needs.capabilities))
      return new OwnProcess(upstream, needs.initialize, needs, this.#deps.holders)
    const capabilities = isolation === 'multiplex' ? '{}' : canonicalJson(needs.capabilities)
    return new SharedProcesses(upstream, { era: 'legacy', capabilities })
  }

  listen(listener: (notification: ServerNotification) => void): { stop: Unsubscribe; watch(): void } {
    const { upstream } = this
    const stops = [upstream.events.on('notification', listener), this.#deps.announcements.on(upstream.name, listener)]
    let watching = false
    let stopped = false
    return {
      stop: () => {
        stopped = true
        for (const stop of stops.splice(0)) stop()
      },
      watch: () => {
        if (watching) return
        watching = true
        void this.#watchLists(listener, (stop) => {
          if (stopped) stop()
          else stops.push(stop)
        })
      },
    }
  }

  /** A legacy process says by itself that a list changed; a modern one only to who subscribed. */
  async #watchLists(listener: (notification: ServerNotification) => void, add: (stop: Unsubscribe) => void) {
    const { upstream } = this
    try {
      if ((await upstream.eraFor('legacy')) !== 'modern') return
      const handshake: Handshake = await upstream.handshake({ profile: { era: 'modern', capabilities: '{}' } })
      for (const list of lists) {
        const capability = handshake.capabilities[list] as { listChanged?: unknown } | undefined
        if (capability?.listChanged !== true) continue
        const watched = await upstream.watch({ list }, listener)
        if ('stop' in watched) add(watched.stop)
      }
    } catch {
      // Its own failure is told by the upstream's events; a client misses that a list changed, and nothing else.
    }
  }
}

/** The upstream itself: nothing stands between a legacy session and processes of its era. */
class SharedProcesses implements SessionBackend {
  readonly profile: NonNullable<SessionBackend['profile']>
  readonly request: Upstream['request']
  readonly watch: Upstream['watch']
  readonly #upstream: Upstream

  constructor(upstream: Upstream, profile: NonNullable<SessionBackend['profile']>) {
    this.#upstream = upstream
    this.profile = profile
    this.request = (request) => upstream.request(request)
    this.watch = (what, listener) => upstream.watch(what, listener)
  }

  get name(): string {
    return this.#upstream.name
  }

  get config(): Upstream['config'] {
    return this.#upstream.config
  }

  handshake({ signal, timeouts }: Wait): Promise<Handshake> {
    return this.#upstream.handshake({ signal, timeouts, profile: this.profile })
  }

  isLive(connectionId: string): boolean {
    return this.#upstream.pids().has(connectionId)
  }

  close(): void {}
}

/** The targets of a gateway; one object for each upstream, for as long as that lives. */
export class Targets {
  readonly aggregate: AggregateTarget
  readonly #deps: TargetDeps
  readonly #upstreams: UpstreamDirectory
  readonly #byUpstream = new WeakMap<Upstream, UpstreamTarget>()

  constructor(upstreams: UpstreamDirectory, version: string, deps: TargetDeps) {
    this.#deps = deps
    this.#upstreams = upstreams
    this.aggregate = new AggregateTarget({
      upstreams,
      version,
      targetOf: (upstream) => this.of(upstream),
      announcements: deps.announcements,
      clock: deps.clock,
    })
  }

  of(upstream: Upstream): UpstreamTarget {
    let target = this.#byUpstream.get(upstream)
    if (!target) {
      target = new UpstreamTarget(upstream, this.#deps)
      this.#byUpstream.set(upstream, target)
    }
    return target
  }

  /** Whether requests for this name still lead here. */
  leadsTo(target: Target): boolean {
    const upstream = target === this.aggregate ? undefined : this.#upstreams.get(target.name)
    return target === this.aggregate || (upstream !== undefined && this.of(upstream) === target)
  }

  close(): void {
    this.aggregate.close()
    this.#deps.parked.close()
  }
}
