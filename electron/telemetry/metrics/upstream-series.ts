import type { ErrorCode } from '../../../shared/errors.ts'
import type { CloseReason, OpenReason, StreamSnapshot } from '../../../shared/state.ts'
import type { GatewayEvents } from '../../gateway/types.ts'
import type { UpstreamEvents } from '../../upstream/types.ts'
import { BoundedValues, otherValue } from './bounded-values.ts'
import type { Metrics } from './definitions.ts'
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
  readonly #acquires: SeriesSet
  readonly #opened: SeriesSet
  readonly #closed: SeriesSet
  readonly #streamDrops: SeriesSet
  readonly #streamReconnects: SeriesSet
  readonly #requests: SeriesSet
  readonly #clientOperations: SeriesSet
  readonly #serverOperations: SeriesSet

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
    this.#clientOperations = new SeriesSet(metrics.clientOperation, overflow, maxSeries)
    this.#serverOperations = new SeriesSet(metrics.serverOperation, overflow, maxSeries)
    for (const counter of plainCounters) metrics[counter].inc(this.#upstream, 0)
    for (const result of acquireResults) metrics.acquires.inc(this.#acquireLabels(result), 0)
  }

  count(counter: PlainCounter): void {
    this.#metrics[counter].inc(this.#upstream)
  }

  acquired({ result, waitMs }: UpstreamEvents['acquire.settled']): void {
    this.#metrics.acquires.inc(this.#acquireLabels(result))
    this.#metrics.acquireWait.observe(this.#upstream, waitMs / 1_000)
  }

  opened(reason: OpenReason): void {
    this.#metrics.opened.inc(this.#opened.get(reason) ?? this.#opened.add(reason, { ...this.#upstream, reason }))
  }

  ready({ connectMs, spawnBlockedMs }: UpstreamEvents['connection.ready']): void {
    this.#metrics.connectSeconds.observe(this.#upstream, connectMs / 1_000)
    this.#metrics.spawnBlocking.observe(this.#upstream, spawnBlockedMs / 1_000)
  }

  closed(reason: CloseReason): void {
    this.#metrics.closed.inc(this.#closed.get(reason) ?? this.#closed.add(reason, { ...this.#upstream, reason }))
  }

  /** @param code null when the server ended it in good order */
  streamDropped(kind: StreamSnapshot['kind'], code: ErrorCode | null): void {
    const reason = code === null ? 'ended' : (dropReasons[code] ?? otherValue)
    const key = `${kind}\n${reason}`
    this.#metrics.streamDrops.inc(
      this.#streamDrops.get(key) ?? this.#streamDrops.add(key, { ...this.#upstream, kind, reason }),
    )
  }

  streamRecovered(kind: StreamSnapshot['kind']): void {
    this.#metrics.streamReconnects.inc(
      this.#streamReconnects.get(kind) ?? this.#streamReconnects.add(kind, { ...this.#upstream, kind }),
    )
  }

  requestDone(event: UpstreamEvents['request.done'], protocolVersion: string | null): void {
    const method = this.#methods.of(event.method)
    const key = `${method}\n${event.outcome}`
    this.#metrics.requests.inc(
      this.#requests.get(key) ?? this.#requests.add(key, { ...this.#upstream, method, outcome: event.outcome }),
    )
    // What never reached a connection is no operation of the upstream.
    if (event.connectionId === null) return
    const { tool } = event
    const operation = { method: event.method, tool, errorType: errorTypeOf(event), protocolVersion }
    const labels = this.#operationLabels(this.#clientOperations, operation, this.transport === 'stdio' ? 'pipe' : 'tcp')
    this.#metrics.clientOperation.observe(labels, event.callMs / 1_000)
  }

  served(event: GatewayEvents['request.done']): void {
    const labels = this.#operationLabels(this.#serverOperations, event, 'tcp')
    this.#metrics.serverOperation.observe(labels, event.durationMs / 1_000)
  }

  sessionClosed(lifeMs: number): void {
    this.#metrics.serverSession.observe(this.#upstream, lifeMs / 1_000)
  }

  remove(): void {
    const { acquireWait, connectSeconds, spawnBlocking, serverSession } = this.#metrics
    for (const histogram of [acquireWait, connectSeconds, spawnBlocking, serverSession])
      histogram.remove(this.#upstream)
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

  #acquireLabels(result: string): Record<string, string> {
    return this.#acquires.get(result) ?? this.#acquires.add(result, { ...this.#upstream, result })
  }

  #operationLabels(set: SeriesSet, operation: Operation, transport: string): Record<string, string> {
    const method = this.#methods.of(operation.method)
    const tool = operation.tool === null ? '' : this.#tools.of(operation.tool)
    const errorType = operation.errorType === null ? '' : this.#errorTypes.of(operation.errorType)
    const version = operation.protocolVersion === null ? '' : this.#versions.of(operation.protocolVersion)
    const key = `${method}\n${tool}\n${errorType}\n${version}\n${transport}`
    return (
      set.get(key) ??
      set.add(key, {
        ...this.#upstream,
        mcp_method_name: method,
        ...(errorType && { error_type: errorType }),
        ...(tool && { gen_ai_tool_name: tool }),
        network_transport: transport,
        ...(version && { mcp_protocol_version: version }),
      })
    )
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
