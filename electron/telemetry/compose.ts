import type { UpstreamConfig } from '../../shared/config.ts'
import { emptyPool } from '../../shared/empty-pool.ts'
import type { UpstreamSnapshot, UpstreamStats } from '../../shared/state.ts'
import type { UpstreamView } from '../upstream/types.ts'
import type { TreeUsage, UpstreamSource } from './types.ts'

export const configOf = (source: UpstreamSource): UpstreamConfig =>
  source.upstream ? source.upstream.config : source.config

export const nameOf = (source: UpstreamSource): string => (source.upstream ? source.upstream.name : source.config.name)

/** What stands in the window for an upstream that does not run: its limits, and nothing else. */
export function viewOf(source: UpstreamSource): UpstreamView {
  if (source.upstream) return source.upstream.view()
  return source.view ?? stoppedView(source.config)
}

/** An upstream whole, as frames and snapshots carry it. */
export function composeUpstream(
  source: UpstreamSource,
  stats: UpstreamStats,
  usageOf: (pid: number | null) => TreeUsage | undefined,
): UpstreamSnapshot {
  const config = configOf(source)
  const { connections, ...view } = viewOf(source)
  return {
    name: config.name,
    ...view,
    enabled: source.enabled,
    transport: config.transport,
    target: source.target,
    protocol: config.protocol,
    isolation: config.isolation,
    url: source.url,
    stats,
    connections: connections.map((connection) => {
      const usage = usageOf(connection.pid)
      return {
        ...connection,
        cpuPercent: usage?.cpuPercent ?? null,
        memoryBytes: usage?.memoryBytes ?? null,
        processes: usage?.processes ?? null,
      }
    }),
  }
}

function stoppedView({ pool }: UpstreamConfig): UpstreamView {
  return {
    state: 'stopped',
    era: null,
    serverInfo: null,
    lastFailure: null,
    auth: null,
    advice: [],
    pool: emptyPool(pool, 'closed'),
    connections: [],
  }
}
