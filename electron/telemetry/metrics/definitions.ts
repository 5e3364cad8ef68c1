import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { SeriesCounter, SeriesHistogram } from './series-metric.ts'

/** PROTOCOL, section 7: OpenTelemetry's bounds for MCP operations, and finer ones for work on one machine. */
export const operationSeconds = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300,
]
/** A session lasts as long as an editor is open. */
const sessionSeconds = [1, 10, 60, 300, 1_800, 3_600, 14_400, 43_200, 86_400]
/** From an idle connection at once, through a spawn, to the default of acquireTimeoutMs. */
const waitSeconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]
/** From a small host to one of a gigabyte (POOL, "Spawning and failing"). */
const spawnBlockingSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]

export type Metrics = ReturnType<typeof defineMetrics>

/** Every metric, in a registry of its own. The names are fixed: users' scripts and dashboards rely on them. */
export function defineMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers })
  const seriesCounter = (name: string, help: string) => new SeriesCounter(registry, { name, help })
  const seriesHistogram = (name: string, help: string, bounds: number[]) =>
    new SeriesHistogram(registry, { name, help }, bounds)
  const upstream = ['upstream'] as const

  return {
    registry,

    poolConnections: gauge('poolscope_pool_connections', 'Connections by state', ['upstream', 'state']),
    poolMaxConnections: gauge('poolscope_pool_max_connections', 'Limit of live connections', upstream),
    poolWaiting: gauge('poolscope_pool_waiting', 'Callers waiting for a connection', upstream),
    poolOldestWait: gauge('poolscope_pool_oldest_wait_seconds', 'How long the first waiter has waited', upstream),
    returnQueueDepth: gauge('poolscope_pool_return_queue_depth', 'Connections on their way to maintenance', upstream),
    returnQueueCapacity: gauge('poolscope_pool_return_queue_capacity', 'Bound of the return queue', upstream),
    quarantined: gauge(
      'poolscope_pool_quarantined_connections',
      'Process trees that survived SIGKILL and no longer count against the limit',
      upstream,
    ),
    breakerState: gauge('poolscope_breaker_state', '1 for the state that the breaker is in', ['upstream', 'state']),
    streams: gauge('poolscope_streams', 'Streams of http and sse connections by state', ['upstream', 'kind', 'state']),
    authState: gauge('poolscope_auth_state', '1 for how the server of an http or sse upstream lets us in', [
      'upstream',
      'state',
    ]),
    upstreamMemory: gauge('poolscope_upstream_resident_memory_bytes', 'Memory of all process trees', upstream),
    upstreamCpu: gauge('poolscope_upstream_cpu_cores', 'Cores in use by all process trees', upstream),
    gatewaySessions: gauge('poolscope_gateway_sessions', 'Open MCP sessions', []),
    gatewayInFlight: gauge('poolscope_gateway_requests_in_flight', 'Requests under way at the gateway', []),
    eventLoopLag: gauge('poolscope_event_loop_lag_seconds', 'Longest delay of the event loop in the last minute', []),
    hostInfo: gauge('poolscope_host_info', 'Always 1; the labels tell the version and how the host runs', [
      'version',
      'mode',
    ]),
    hostStart: gauge('process_start_time_seconds', 'Start of the host, in seconds since the epoch', []),
    hostMemory: gauge('process_resident_memory_bytes', 'Memory of the host itself', []),
    hostCpu: gauge('process_cpu_seconds_total', 'CPU time of the host itself', []),
    hostHeap: gauge('nodejs_heap_size_used_bytes', "The host's JavaScript heap in use", []),

    acquires: seriesCounter('poolscope_pool_acquires_total', 'Settled acquires'),
    acquireWait: seriesHistogram(
      'poolscope_pool_acquire_wait_seconds',
      'From the call of acquire to its settling',
      waitSeconds,
    ),
    opened: seriesCounter('poolscope_connections_opened_total', 'Connections opened'),
    closed: seriesCounter('poolscope_connections_closed_total', 'Connections that have ended'),
    connectFailures: counter('poolscope_connect_failures_total', 'Connections that never became ready', upstream),
    connectSeconds: histogram(
      'poolscope_connection_connect_seconds',
      'From the start of a connection to the end of its handshake',
      upstream,
      operationSeconds,
    ),
    spawnBlocking: histogram(
      'poolscope_process_spawn_blocking_seconds',
      'How long starting a process blocked the event loop',
      upstream,
      spawnBlockingSeconds,
    ),
    forcedKills: counter('poolscope_processes_forced_kill_total', 'Process trees that had to be killed', upstream),
    reconnectAttempts: counter('poolscope_reconnect_attempts_total', 'Attempts to start again', upstream),
    streamDrops: seriesCounter(
      'poolscope_stream_drops_total',
      'Streams lost, and attempts to open one again that failed',
    ),
    streamReconnects: seriesCounter('poolscope_stream_reconnects_total', 'Streams opened again after they were lost'),
    breakerOpened: counter('poolscope_breaker_opened_total', 'How often the breaker has opened', upstream),
    leakWarnings: counter('poolscope_lease_leak_warnings_total', 'Leases held longer than leakWarnMs', upstream),
    leasesRevoked: counter('poolscope_leases_revoked_total', 'Leases revoked after maxLeaseMs', upstream),
    leasesLeaked: counter('poolscope_leases_leaked_total', 'Leases dropped without a release, reclaimed', upstream),
    invalidLines: counter('poolscope_invalid_lines_total', 'Lines of stdout that were no JSON-RPC', upstream),
    maintenanceErrors: counter('poolscope_pool_maintenance_errors_total', 'Exceptions in a maintenance loop', upstream),
    requests: seriesCounter('poolscope_requests_total', 'Requests to an upstream'),
    gatewayRejected: counter('poolscope_gateway_rejected_total', 'HTTP requests refused at the door', ['status']),

    serverOperation: seriesHistogram(
      'mcp_server_operation_duration_seconds',
      'MCP requests as clients of the gateway see them',
      operationSeconds,
    ),
    clientOperation: seriesHistogram(
      'mcp_client_operation_duration_seconds',
      'MCP requests as upstreams answer them, the wait for a connection left out',
      operationSeconds,
    ),
    serverSession: histogram('mcp_server_session_duration_seconds', 'MCP sessions', upstream, sessionSeconds),
  }
}
