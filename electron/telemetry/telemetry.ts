import type { Snapshot } from '../../shared/frames.ts'
import type { HostState, Point, UpstreamStats } from '../../shared/state.ts'
import type { GatewayEvents } from '../gateway/types.ts'
import type { Clock, Timer } from '../kit/clock.ts'
import type { Emitter, Unsubscribe } from '../kit/emitter.ts'
import type { Logger } from '../kit/logger.ts'
import type { Upstream } from '../upstream/types.ts'
import { type DelayMonitor, EventLoopLag } from './event-loop-lag.ts'
import { suppressedRecords, throttlePolicy } from './floods.ts'
import { FrameHub } from './frame-hub.ts'
import { Journal, type NewEvent } from './journal.ts'
import { defineMetrics } from './metrics/definitions.ts'
import { setGauges } from './metrics/gauges.ts'
import { PendingChanges } from './pending-changes.ts'
import { gatewayRecords, poolRecords, type RegistryChange, registryRecords } from './records.ts'
import { SecondTicker, type Tick } from './second-ticker.ts'
import { Throttle } from './throttle.ts'
import { TrackedUpstreams } from './tracked-upstreams.ts'
import type { SampleTrees, TelemetrySources } from './types.ts'
import { recordUpstream } from './upstream-recorder.ts'
import { UsageSampler } from './usage-sampler.ts'

/** After a scrape the event loop is watched closely for this long: until the next scrape, where there is a scraper. */
const scraperAwayMs = 120_000

export interface TelemetryOptions {
  clock: Clock
  logger: Logger
  /** Read from the first second on. */
  sources: TelemetrySources
  /** CPU and memory of process trees; without it they stay null. */
  sampleTrees?: SampleTrees | undefined
  /** Fills `${VAR}` in, where it can be: what stands behind it may be a secret that a server repeats. */
  expand?: ((text: string) => string | undefined) | undefined
  /** Node's own, unless a test owns time. */
  delayMonitor?: DelayMonitor | undefined
}

/**
 * Hears what upstreams and the gateway tell, counts it, keeps the newest of it, and pushes what changed to whoever
 * watches. It decides nothing, and nothing waits for it.
 */
export class Telemetry {
  readonly journal: Journal
  readonly frames: FrameHub
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #sources: TelemetrySources
  readonly #expand: TelemetryOptions['expand']
  readonly #metrics = defineMetrics()
  readonly #upstreams: TrackedUpstreams
  readonly #changes: PendingChanges
  readonly #throttle = new Throttle(throttlePolicy)
  readonly #usage: UsageSampler
  readonly #lag: EventLoopLag
  readonly #ticker: SecondTicker
  readonly #attachments = new Set<Unsubscribe>()
  #scraperTimer: Timer | undefined
  #closed = false

  constructor({ clock, logger, sources, sampleTrees, expand, delayMonitor }: TelemetryOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#sources = sources
    this.#expand = expand
    this.#lag = new EventLoopLag(delayMonitor)
    this.journal = new Journal(
      () => clock.wall(),
      () => this.frames.touch(),
    )
    this.#usage = new UsageSampler({
      sample: sampleTrees,
      logger,
      pids: () => this.#upstreams.pids(),
      onSampled: () => this.#usageSampled(),
    })
    this.#upstreams = new TrackedUpstreams({
      clock,
      sources,
      metrics: this.#metrics,
      usage: this.#usage,
      onForgotten: (name) => this.#throttle.forget(name),
    })
    this.#changes = new PendingChanges({
      names: () => this.#upstreams.names(),
      upstream: (name) => this.#upstreams.tell(name),
      host: () => this.#host(),
      gateway: () => sources.gateway(),
      lastEventId: () => this.journal.lastId,
      eventsSince: (id) => this.journal.since(id),
      pointsSince: (name, second) => this.#upstreams.get(name)?.points.since(second) ?? [],
    })
    this.frames = new FrameHub({
      clock,
      logger,
      contents: this.#changes,
      onListening: (listening) => {
        this.#watchLag()
        if (listening) this.#usage.tick(clock.now(), true)
      },
    })
    this.#ticker = new SecondTicker(clock, (tick) => this.#tick(tick))
    this.#ticker.start()
  }

  /** Hears an upstream until the returned function is called. Its figures stay until the sources no longer name it. */
  attach(upstream: Upstream): Unsubscribe {
    const tracked = this.#upstreams.track(upstream.name)
    tracked.attached += 1
    tracked.series.transport = upstream.config.transport
    const stop = recordUpstream(upstream, tracked, {
      now: () => this.#clock.now(),
      expand: this.#expand,
      record: (event) => this.#record(upstream.name, event),
      changed: () => this.upstreamChanged(upstream.name),
      maintenanceFailed: (error) =>
        this.#logger.log('error', 'a maintenance loop failed', { upstream: upstream.name, error: String(error) }),
    })
    return this.#attachment(() => {
      stop()
      tracked.attached -= 1
    })
  }

  attachGateway(gateway: { readonly events: Emitter<GatewayEvents> }): Unsubscribe {
    const { events } = gateway
    const subscriptions = [
      events.on('changed', () => this.frames.touch()),
      events.on('request.done', (event) => this.#upstreams.get(event.upstream)?.series.served(event)),
      events.on('request.rejected', ({ status }) => this.#metrics.gatewayRejected.inc({ status: String(status) })),
      events.on('session.opened', (event) => this.#record(event.upstream, gatewayRecords['session.opened'](event))),
      events.on('session.closed', (event) => {
        this.#upstreams.get(event.upstream)?.series.sessionClosed(event.lifeMs)
        this.#record(event.upstream, gatewayRecords['session.closed'](event))
      }),
    ]
    return this.#attachment(() => {
      for (const unsubscribe of subscriptions) unsubscribe()
    })
  }

  /** Something of this upstream changed that it does not tell by an event: its config, or whether it is enabled. */
  upstreamChanged(name: string): void {
    this.#changes.markUpstream(name)
    this.frames.touch()
  }

  /** The set of upstreams, or the config of one, changed: told in the feed, and shown at once. */
  registryChanged(name: string, change: RegistryChange): void {
    this.#record(name, registryRecords[change])
    this.upstreamChanged(name)
  }

  /** Something of the host or the gateway changed that no event tells. */
  touch(): void {
    this.#changes.markHost()
    this.frames.touch()
  }

  /** Everything at this moment; the events the oldest first. */
  snapshot(): Snapshot {
    this.#changes.reconcile()
    return {
      seq: this.frames.seq,
      at: this.#clock.wall(),
      host: this.#host(),
      gateway: this.#sources.gateway(),
      upstreams: this.#upstreams.snapshots(),
      events: this.journal.toArray(),
    }
  }

  /** Figures of an upstream; those of one that has done nothing yet when none of this name is known. */
  stats(name: string): UpstreamStats {
    return this.#upstreams.stats(name)
  }

  /** One point for each of the last five minutes' seconds, the oldest first; empty when there is no such upstream. */
  points(name: string): Point[] {
    return this.#upstreams.get(name)?.points.toArray() ?? []
  }

  /** Milliseconds that the event loop was late, the worst of the last second. */
  get eventLoopLagMs(): number {
    return this.#lag.lastMs
  }

  readonly metricsContentType = this.#metrics.registry.contentType

  /** Prometheus text format. */
  async metricsText(): Promise<string> {
    this.#expectScraper()
    this.#upstreams.forgetRemoved()
    setGauges(this.#metrics, {
      upstreams: this.#upstreams.gauges(),
      host: this.#host(),
      gateway: this.#sources.gateway(),
      eventLoopLagMs: this.#lag.worstMs,
    })
    return this.#metrics.registry.metrics()
  }

  /** Stops every timer and hears nothing any more. What was counted can still be read. */
  close(): void {
    this.#closed = true
    this.#ticker.stop()
    this.frames.close()
    this.#scraperTimer?.cancel()
    this.#scraperTimer = undefined
    this.#lag.close()
    for (const detach of this.#attachments) detach()
  }

  #tick({ second, latenessMs, setBack }: Tick): void {
    const now = this.#clock.now()
    const watched = this.frames.listening
    this.#lag.tick(latenessMs)
    for (const record of suppressedRecords(this.#throttle.settle(now))) this.journal.add(record)
    this.#upstreams.forgetRemoved()
    for (const [source, tracked] of this.#upstreams.present()) {
      if (setBack) tracked.points.clear()
      const { stale, poolChange } = tracked.tick(source, second, now, watched)
      if (stale) this.#changes.markUpstream(tracked.name)
      if (poolChange) this.#record(tracked.name, poolRecords[poolChange])
    }
    this.#changes.markPoints(second, setBack)
    this.#changes.markHost()
    this.#usage.tick(now, watched)
    this.frames.touch()
    this.frames.dropUnheard()
  }

  /** Undone once, by whoever attached or by {@link close}. */
  #attachment(undo: () => void): Unsubscribe {
    const detach = () => {
      if (this.#attachments.delete(detach)) undo()
    }
    this.#attachments.add(detach)
    return detach
  }

  #record(upstream: string, event: NewEvent): void {
    if (!this.#throttle.admit(upstream, event.kind, event.level ?? 'info', this.#clock.now())) return
    this.journal.add({ ...event, upstream })
    // Whoever has only the terminal or a log file should see what goes wrong too. A failed request is told to its caller.
    if (event.level && event.level !== 'info' && event.kind !== 'request.failed')
      this.#logger.log(event.level, event.message, { upstream })
  }

  #host(): HostState {
    const host = this.#sources.host()
    return {
      ...host,
      memoryBytes: host.memoryBytes ?? process.memoryUsage.rss(),
      childrenMemoryBytes: this.#usage.sum(this.#upstreams.pids()).memoryBytes,
      eventLoopLagMs: this.#lag.lastMs,
    }
  }

  #usageSampled(): void {
    for (const name of this.#upstreams.names()) this.#changes.markUpstream(name)
    this.#changes.markHost()
    this.frames.touch()
  }

  #expectScraper(): void {
    if (this.#closed) return
    this.#scraperTimer?.cancel()
    this.#scraperTimer = this.#clock.after(scraperAwayMs, () => {
      this.#scraperTimer = undefined
      this.#watchLag()
    })
    this.#watchLag()
  }

  #watchLag(): void {
    this.#lag.watch(this.frames.listening || this.#scraperTimer !== undefined)
  }
}
