import type { UpstreamConfig } from '../../shared/config.ts'
import { Disposables } from '../kit/disposables.ts'
import type { Unsubscribe } from '../kit/emitter.ts'
import { redactor } from '../kit/redact.ts'
import type { Upstream, UpstreamEvents } from '../upstream/types.ts'
import type { NewEvent } from './journal.ts'
import { isFailure, upstreamRecords } from './records.ts'
import { remoteRecords } from './remote-records.ts'
import type { TrackedUpstream } from './tracked-upstream.ts'
import type { About, Describers } from './wording.ts'

/** What the recorder leaves to others. */
export interface RecorderHooks {
  /** Monotonic milliseconds. */
  now(): number
  /** Fills `${VAR}` in; undefined when it can't be. */
  expand?: ((text: string) => string | undefined) | undefined
  /** Into the journal, unless a flood of its kind is going on. */
  record(event: NewEvent): void
  /** The upstream's snapshot is stale. */
  changed(): void
  maintenanceFailed(error: unknown): void
}

/** Connects an upstream's events to its meter, its metrics and the journal. Does no I/O and keeps nothing waiting. */
export function recordUpstream(upstream: Upstream, tracked: TrackedUpstream, hooks: RecorderHooks): Unsubscribe {
  const { meter, series } = tracked
  const subscriptions = new Disposables()
  const about = aboutOf(upstream, hooks.expand)
  const records: Describers<UpstreamEvents> = { ...upstreamRecords, ...remoteRecords }

  /** Counts first, then tells. */
  const on = <K extends keyof UpstreamEvents>(name: K, count: (event: UpstreamEvents[K]) => void): void => {
    const describe = records[name]
    subscriptions.add(
      upstream.events.on(name, (event) => {
        count(event)
        const record = describe?.(event, about)
        if (record) hooks.record(record)
        hooks.changed()
      }),
    )
  }
  const nothing = () => {}

  on('connection.opening', ({ connectionId, reason }) => {
    meter.opening(connectionId, reason)
    series.opened(reason)
  })
  on('connection.ready', (event) => {
    meter.ready(event.connectionId, hooks.now())
    series.ready(event)
    // Looked up once for each connection, not for each request.
    tracked.protocolVersion = upstream.view().serverInfo?.protocolVersion ?? null
  })
  on('connection.failed', () => series.count('connectFailures'))
  on('connection.closing', nothing)
  on('connection.dead', ({ connectionId, reason, forced }) => {
    meter.ended(connectionId)
    series.closed(reason)
    if (forced) series.count('forcedKills')
  })
  on('connection.quarantined', ({ connectionId }) => meter.ended(connectionId))
  on('lease.leak', () => series.count('leakWarnings'))
  on('lease.revoked', () => series.count('leasesRevoked'))
  on('lease.reclaimed', () => series.count('leasesLeaked'))
  on('reconnect.scheduled', nothing)
  on('reconnect.attempt', () => {
    meter.reconnectAttempt(hooks.now())
    series.count('reconnectAttempts')
  })
  on('stream.dropped', ({ kind, code }) => {
    meter.reconnectAttempt(hooks.now())
    series.streamDropped(kind, code)
  })
  on('stream.recovered', ({ kind }) => series.streamRecovered(kind))
  on('stream.stopped', nothing)
  on('auth.changed', nothing)
  on('breaker.opened', () => series.count('breakerOpened'))
  on('breaker.half-open', nothing)
  on('breaker.closed', nothing)
  on('single-shot', nothing)
  on('line.invalid', () => series.count('invalidLines'))
  on('maintenance.error', ({ error }) => {
    series.count('maintenanceErrors')
    hooks.maintenanceFailed(error)
  })

  // The three that come with every request stand apart, without the detours above.
  subscriptions.add(upstream.events.on('changed', () => hooks.changed()))
  subscriptions.add(upstream.events.on('acquire.settled', (event) => series.acquired(event)))
  subscriptions.add(
    upstream.events.on('request.done', (event) => {
      meter.requestDone(event, hooks.now())
      series.requestDone(event, tracked.protocolVersion)
      if (isFailure(event)) hooks.record(upstreamRecords['request.done'](event, about))
      hooks.changed()
    }),
  )
  return () => subscriptions.dispose()
}

/** The secrets are those of the present config; it is replaced when a person edits the upstream. */
function aboutOf(upstream: Upstream, expand: RecorderHooks['expand']): About {
  let config: UpstreamConfig | undefined
  let redact = (text: string) => text
  return {
    redact: (text) => {
      if (upstream.config !== config) {
        config = upstream.config
        redact = redactor(config, expand)
      }
      return redact(text)
    },
    get remote() {
      return upstream.config.transport !== 'stdio'
    },
  }
}
