import { describeTarget } from '../config/mask.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Peer } from '../telemetry/tracing/spans.ts'
import type { HostSource, TelemetrySources, UpstreamSource } from '../telemetry/types.ts'
import type { Registry } from './registry.ts'

/**
 * Who is at the other end of a connection, for traces: never the URL itself, which may hold secrets.
 * @param fill fills `${VAR}` in; undefined when it can't be
 */
export function peerOf(
  registry: Registry,
  connectionId: string,
  fill: (text: string) => string | undefined,
): Peer | undefined {
  // `name#7`: through the endpoint of all upstreams, only this tells which one it was.
  const config = registry.get(connectionId.slice(0, connectionId.lastIndexOf('#')))?.config
  if (!config) return undefined
  if (config.transport === 'stdio') return { transport: 'pipe' }
  const url = URL.parse(fill(config.url) ?? '')
  if (!url) return undefined
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return { transport: 'tcp', address: url.hostname.replace(/^\[|\]$/g, ''), port }
}

/** Where telemetry reads the present state from. */
export function telemetrySources(host: {
  registry: Registry
  gateway: Gateway
  mcpUrl(upstream: string): string
  host(): HostSource
}): TelemetrySources {
  return {
    *upstreams(): Iterable<UpstreamSource> {
      for (const { config, upstream, previous } of host.registry.entries()) {
        const common = { enabled: config.enabled, target: describeTarget(config), url: host.mcpUrl(config.name) }
        yield upstream
          ? { ...common, upstream }
          : { ...common, upstream: null, config, ...(previous && { view: previous.view() }) }
      }
    },
    host: host.host,
    gateway: () => host.gateway.state(),
  }
}
