import {
  authStates,
  breakerStates,
  connectionStates,
  type GatewayState,
  type HostState,
  streamStates,
} from '../../../shared/state.ts'
import type { UpstreamView } from '../../upstream/types.ts'
import type { Metrics } from './definitions.ts'

export interface UpstreamGauges {
  name: string
  view: UpstreamView
  usage: { memoryBytes: number; cpuPercent: number }
}

export interface GaugeReadings {
  upstreams: Iterable<UpstreamGauges>
  host: HostState
  gateway: GatewayState
  eventLoopLagMs: number
}

/** A connection that is dead is no connection any more. */
const liveStates = connectionStates.filter((state) => state !== 'dead')

/** Sets every gauge to what is true now. Gauges are read at a scrape and never kept up to date in between. */
export function setGauges(metrics: Metrics, { upstreams, host, gateway, eventLoopLagMs }: GaugeReadings): void {
  // Emptied first, so that an upstream that went leaves nothing.
  for (const gauge of perUpstream(metrics)) gauge.reset()
  for (const upstream of upstreams) setUpstream(metrics, upstream)

  metrics.gatewaySessions.set(gateway.sessions)
  metrics.gatewayInFlight.set(gateway.requestsInFlight)
  metrics.eventLoopLag.set(eventLoopLagMs / 1_000)
  metrics.hostInfo.reset()
  metrics.hostInfo.set({ version: host.version, mode: host.mode }, 1)
  metrics.hostStart.set(host.startedAt / 1_000)
  metrics.hostMemory.set(host.memoryBytes)
  const { user, system } = process.cpuUsage()
  metrics.hostCpu.set((user + system) / 1e6)
  metrics.hostHeap.set(process.memoryUsage().heapUsed)
}

function setUpstream(metrics: Metrics, { name: upstream, view, usage }: UpstreamGauges): void {
  const { pool, connections, auth } = view
  const labels = { upstream }
  for (const state of liveStates) {
    const count = connections.reduce((n, connection) => n + (connection.state === state ? 1 : 0), 0)
    metrics.poolConnections.set({ upstream, state }, count)
  }
  for (const state of breakerStates) {
    metrics.breakerState.set({ upstream, state }, pool.breaker.state === state ? 1 : 0)
  }
  setStreams(metrics, upstream, connections)
  if (auth) for (const state of authStates) metrics.authState.set({ upstream, state }, auth.state === state ? 1 : 0)
  metrics.poolMaxConnections.set(labels, pool.max)
  metrics.poolWaiting.set(labels, pool.waiting)
  metrics.poolOldestWait.set(labels, pool.oldestWaitMs / 1_000)
  metrics.returnQueueDepth.set(labels, pool.returnQueueDepth)
  metrics.returnQueueCapacity.set(labels, pool.returnQueueCapacity)
  metrics.quarantined.set(labels, pool.quarantined)
  metrics.upstreamMemory.set(labels, usage.memoryBytes)
  metrics.upstreamCpu.set(labels, usage.cpuPercent / 100)
}

/** Every state of a kind that there is, so that one that empties shows as 0. */
function setStreams(metrics: Metrics, upstream: string, connections: UpstreamView['connections']): void {
  const byKind = Map.groupBy(
    connections.flatMap(({ streams }) => streams),
    ({ kind }) => kind,
  )
  for (const [kind, streams] of byKind) {
    for (const state of streamStates) {
      const count = streams.filter((stream) => stream.state === state).length
      metrics.streams.set({ upstream, kind, state }, count)
    }
  }
}

const perUpstream = (metrics: Metrics) => [
  metrics.poolConnections,
  metrics.breakerState,
  metrics.streams,
  metrics.authState,
  metrics.poolMaxConnections,
  metrics.poolWaiting,
  metrics.poolOldestWait,
  metrics.returnQueueDepth,
  metrics.returnQueueCapacity,
  metrics.quarantined,
  metrics.upstreamMemory,
  metrics.upstreamCpu,
]
