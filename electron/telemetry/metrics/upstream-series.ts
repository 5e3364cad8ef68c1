import type { ErrorCode } from '../../../shared/errors.ts'
import type { CloseReason, OpenReason, StreamSnapshot } from '../../../shared/state.ts'
import type { GatewayEvents } from '../../gateway/types.ts'
import type { UpstreamEvents } from '../../upstream/types.ts'
import { BoundedValues, otherValue } from './bounded-values.ts'
import type { Metrics } from './definitions.ts'
import type { CounterSeries, HistogramSeries } from './series-metric.ts'
import { SeriesSet } from './series-set.ts'

const maxMethods = 50
const maxTools = 100
const maxVersions = 10
const maxErrorTypes = 32
/** A histogram series is twenty lines of text: this many make half a megabyte at most. */
const maxSeries = 256

const acquireResults = ['granted', 'timed-out', 'aborted', 'rejected'] as const
/** Counters that a dashboard wants to see at zero. */
const plainCounters = [
  'connectFailures',
  'forcedKills',
  'reconnectAttempts',
  'breakerOpened',
  'leakWarnings',
  'leasesRevoked',
  'leasesLeaked',
  'invalidLines',
  'maintenanceErrors',
] as const
type PlainCounter = (typeof plainCounters)[number]

/** Why a stream was lost, in the words of a label. */
const dropReasons: Partial<Record<ErrorCode, string>> = {
  CONNECTION_LOST: 'lost',
  CONNECT_FAILED: 'connect-failed',
  CONNECT_TIMEOUT: 'connect-timeout',
  TLS_FAILED: 'tls-failed',
  HTTP_STATUS: 'http-status',
  RESPONSE_TIMEOUT: 'silent',
  LINE_TOO_LONG: 'message-too-long',
  UPSTREAM_UNAUTHORIZED: 'unauthorized',
  UPSTREAM_FORBIDDEN: 'forbidden',
}

interface Operation {
  method: string
  tool: string | null
  errorType: string | null
  protocolVersion: string | null
  transport: 'pipe' | 'tcp'
}

/** Feeds the metrics of one upstream from its events, and takes its series away when it is removed. */
export class UpstreamSeries {
  /** How the upstream is reached; a person may change it. */
  transport: 'stdio' | 'http' | 'sse' = 'stdio'
  readonly #metrics: Metrics
  readonly #upstream: { upstream: string }
  readonly #methods = new BoundedValues(maxMethods)
  readonly #tools = new BoundedValues(maxTools)
  readonly #versions = new BoundedValues(maxVersions)
  readonly #errorTypes = new BoundedValues(maxErrorTypes)
  readonly #acquires: SeriesSet<CounterSeries>
  readonly #opened: SeriesSet<CounterSeries>
  readonly #closed: SeriesSet<CounterSeries>
  readonly #streamDrops: SeriesSet<CounterSeries>
  readonly #streamReconnects: SeriesSet<CounterSeries>
  readonly #requests: SeriesSet<CounterSeries>
  readonly #acquireWait: HistogramSeries
  readonly #clientOperations: Operations
  readonly #serverOperations: Operations

  constructor(metrics: Metrics, name: string) {
    this.#metrics = metrics
    this.#upstream = { upstream: name }
    const overflow = { upstream: name, mcp_method_name: otherValue }
    this.#acquires = new SeriesSet(metrics.acquires, { upstream: name, result: otherValue }, maxSeries)
    this.#opened = new SeriesSet(metrics.opened, { upstream: name, reason: otherValue }, maxSeries)
    this.#closed = new SeriesSet(metrics.closed, { upstream: name, reason: otherValue }, maxSeries)
    this.#streamDrops = new SeriesSet(metrics.streamDrops, { upstream: name, kind: otherValue }, maxSeries)
    this.#streamReconnects = new SeriesSet(metrics.streamReconnects, { upstream: name, kind: otherValue }, maxSeries)
    this.#requests = new SeriesSet(metrics.requests, { upstream: name, method: otherValue }, maxSeries)
    this.#acquireWait = metrics.acquireWait.series(this.#upstream)
    this.#clientOperations = new Operations(new SeriesSet(metrics.clientOperation, overflow, maxSeries))
    this.#serverOperations = new Operations(new SeriesSet(metrics.serverOperation, overflow, maxSeries))
    for (const counter of plainCounters) metrics[counter].inc(this.#upstream, 0)
    for (const result of acquireResults) this.#acquired(result)
  }

  count(counter: PlainCounter): void {
    this.#metrics[counter].inc(this.#upstream)
  }

  acquired({ result, waitMs }: UpstreamEvents['acquire.settled']): void {
    this.#acquired(result).count++
    this.#acquireWait.observe(waitMs / 1_000)
  }

  opened(reason: OpenReason): void {
    const series = this.#opened.get(reason) ?? this.#opened.add(reason, { ...this.#upstream, reason })
    series.count++
  }

  ready({ connectMs, spawnBlockedMs }: UpstreamEvents['connection.ready']): void {
    this.#metrics.connectSeconds.observe(this.#upstream, connectMs / 1_000)
    this.#metrics.spawnBlocking.observe(this.#upstream, spawnBlockedMs / 1_000)
  }

  closed(reason: CloseReason): void {
    const series = this.#closed.get(reason) ?? this.#closed.add(reason, { ...this.#upstream, reason })
    series.count++
  }

  /** @param code null when the server ended it in good order */
  streamDropped(kind: StreamSnapshot['kind'], code: ErrorCode | null): void {
    const reason = code === null ? 'ended' : (dropReasons[code] ?? otherValue)
    const key = `${kind}\n${reason}`
    const series = this.#streamDrops.get(key) ?? this.#streamDrops.add(key, { ...this.#upstream, kind, reason })
    series.count++
  }

  streamRecovered(kind: StreamSnapshot['kind']): void {
    const series = this.#streamReconnects.get(kind) ?? this.#streamReconnects.add(kind, { ...this.#upstream, kind })
    series.count++
  }

  requestDone(event: UpstreamEvents['request.done'], protocolVersion: string | null): void {
    const key = `${event.method}\n${event.outcome}`
    const requests = this.#requests.get(key) ?? this.#addRequests(event)
    requests.count++
    // What never reached a connection is no operation of the upstream.
    if (event.connectionId === null) return
    const { method, tool } = event
    const errorType = errorTypeOf(event)
    const transport = this.transport === 'stdio' ? 'pipe' : 'tcp'
    const known = this.#clientOperations.same(method, tool, errorType, protocolVersion, transport)
    const series =
      known ?? this.#operation(this.#clientOperations, { method, tool, errorType, protocolVersion, transport })
    series.observe(event.callMs / 1_000)
  }

  served(event: GatewayEvents['request.done']): void {
    const { method, tool, errorType, protocolVersion } = event
    const known = this.#serverOperations.same(method, tool, errorType, protocolVersion, 'tcp')
    const series =
      known ?? this.#operation(this.#serverOperations, { method, tool, errorType, protocolVersion, transport: 'tcp' })
    series.observe(event.durationMs / 1_000)
  }

  sessionClosed(lifeMs: number): void {
    this.#metrics.serverSession.observe(this.#upstream, lifeMs / 1_000)
  }

  remove(): void {
    const { acquireWait, connectSeconds, spawnBlocking, serverSession } = this.#metrics
    acquireWait.remove(this.#acquireWait)
    for (const histogram of [connectSeconds, spawnBlocking, serverSession]) histogram.remove(this.#upstream)
    for (const counter of plainCounters) this.#metrics[counter].remove(this.#upstream)
    this.#acquires.remove()
    this.#opened.remove()
    this.#closed.remove()
    this.#streamDrops.remove()
    this.#streamReconnects.remove()
    this.#requests.remove()
    this.#clientOperations.remove()
    this.#serverOperations.remove()
  }

  #acquired(result: string): CounterSeries {
    return this.#acquires.get(result) ?? this.#acquires.add(result, { ...this.#upstream, result })
  }

  #addRequests({ method, outcome }: UpstreamEvents['request.done']): CounterSeries {
    const bounded = this.#methods.of(method)
    const key = `${bounded}\n${outcome}`
    return this.#requests.get(key) ?? this.#requests.add(key, { ...this.#upstream, method: bounded, outcome })
  }

  #operation({ set, remember }: Operations, operation: Operation): HistogramSeries {
    const { transport } = operation
    const method = this.#methods.of(operation.method)
    const tool = operation.tool === null ? '' : this.#tools.of(operation.tool)
    const errorType = operation.errorType === null ? '' : this.#errorTypes.of(operation.errorType)
    const version = operation.protocolVersion === null ? '' : this.#versions.of(operation.protocolVersion)
    const key = `${method}\n${tool}\n${errorType}\n${version}\n${transport}`
    const series =
      set.get(key) ??
      set.add(key, {
        ...this.#upstream,
        mcp_method_name: method,
        ...(errorType && { error_type: errorType }),
        ...(tool && { gen_ai_tool_name: tool }),
        network_transport: transport,
        ...(version && { mcp_protocol_version: version }),
      })
    remember(operation, series)
    return series
  }
}

/** The series of operations, the latest at hand: most requests are like the one before. */
class Operations {
  readonly set: SeriesSet<HistogramSeries>
  #last: { operation: Operation; series: HistogramSeries } | undefined

  constructor(set: SeriesSet<HistogramSeries>) {
    this.set = set
  }

  same(
    method: string,
    tool: string | null,
    errorType: string | null,
    protocolVersion: string | null,
    transport: 'pipe' | 'tcp',
  ): HistogramSeries | undefined {
    if (!this.#last) return undefined
    const { operation, series } = this.#last
    const same =
      operation.method === method &&
      operation.tool === tool &&
      operation.errorType === errorType &&
      operation.protocolVersion === protocolVersion &&
      operation.transport === transport
    return same ? series : undefined
  }

  readonly remember = (operation: Operation, series: HistogramSeries): void => {
    this.#last = { operation, series }
  }

  remove(): void {
    this.#last = undefined
    this.set.remove()
  }
}

/** OpenTelemetry's `error.type`: the JSON-RPC code where the server gave one, `tool_error`, or our own error code. */
function errorTypeOf({ outcome, error }: UpstreamEvents['request.done']): string | null {
  if (outcome === 'ok') return null
  if (outcome === 'tool_error') return 'tool_error'
  const code = error?.data?.code
  if (outcome === 'protocol_error' && typeof code === 'number') return String(code)
  return error?.code ?? outcome
}
