import type { UpstreamConfig } from '../../shared/config.ts'
import type { UpstreamDeps } from './deps.ts'
import { PooledUpstream } from './pooled-upstream.ts'
import { StdioTransport } from './stdio/stdio-transport.ts'
import type { Upstream } from './types.ts'
import { UnsupportedUpstream } from './unsupported-upstream.ts'

/** The upstream for an entry of the config. It opens connections as its pool's limits say; nothing is opened before that. */
export function createUpstream(config: UpstreamConfig, deps: UpstreamDeps): Upstream {
  if (config.transport !== 'stdio') {
    return new UnsupportedUpstream(
      config,
      `${config.transport} servers are not supported by this version; use a stdio command`,
    )
  }
  return new PooledUpstream(config, deps, () => new StdioTransport(config, deps))
}
