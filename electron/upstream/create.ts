import type { UpstreamConfig } from '../../shared/config.ts'
import type { UpstreamDeps } from './deps.ts'
import { createHttpTransport } from './http/http-transport.ts'
import { PooledUpstream } from './pooled-upstream.ts'
import { StdioTransport } from './stdio/stdio-transport.ts'
import type { Upstream } from './types.ts'

/** The upstream for an entry of the config. It opens connections as its pool's limits say; nothing is opened before that. */
export function createUpstream(config: UpstreamConfig, deps: UpstreamDeps): Upstream {
  if (config.transport !== 'stdio') {
    return new PooledUpstream(config, deps, (hooks) => createHttpTransport(config, deps, hooks))
  }
  return new PooledUpstream(config, deps, () => new StdioTransport(config, deps))
}
