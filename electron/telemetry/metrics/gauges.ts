import { breakerStates, connectionStates, type GatewayState, type HostState } from '../../../shared/state.ts'
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

function setUpstream(metrics: Metrics, { name: upstream, view: { pool, connections }, usage }: UpstreamGauges): void {
  const labels = { upstream }
  for (const state of liveStates) {
    const count = connections.reduce((n, connection) => n + (connection.state === state ? 1 : 0), 0)
    metrics.poolConnections.set({ upstream, state }, count)
  }
  for (const state of breakerStates) {
    metrics.breakerState.set({ upstream, state }, pool.breaker.state === state ? 1 : 0)
  }
  metrics.poolMaxConnections.set(labels, pool.max)
  metrics.poolWaiting.set(labels, pool.waiting)
  metrics.poolOldestWait.set(labels, pool.oldestWaitMs / 1_000)
  metrics.returnQueueDepth.set(labels, pool.returnQueueDepth)
  metrics.returnQueueCapacity.set(labels, pool.returnQueueCapacity)
  metrics.quarantined.set(labels, pool.quarantined)
  metrics.upstreamMemory.set(labels, usage.memoryBytes)
  metrics.upstreamCpu.set(labels, usage.cpuPercent / 100)
}

const perUpstream = (metrics: Metrics) => [
  metrics.poolConnections,
  metrics.breakerState,
  metrics.poolMaxConnections,
  metrics.poolWaiting,
  metrics.poolOldestWait,
  metrics.returnQueueDepth,
  metrics.returnQueueCapacity,
  metrics.quarantined,
  metrics.upstreamMemory,
  metrics.upstreamCpu,
]
