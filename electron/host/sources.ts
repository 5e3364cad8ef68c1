import { describeTarget } from '../config/mask.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { HostSource, TelemetrySources, UpstreamSource } from '../telemetry/types.ts'
import type { Registry } from './registry.ts'

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
