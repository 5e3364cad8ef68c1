import type { UpstreamConfig } from '../../shared/config.ts'
import type { UpstreamDeps } from './deps.ts'
import { StdioUpstream } from './stdio-upstream.ts'
import type { Upstream } from './types.ts'
import { UnsupportedUpstream } from './unsupported-upstream.ts'

/** The upstream for an entry of the config. It starts processes as its pool's limits say; nothing is opened before that. */
export function createUpstream(config: UpstreamConfig, deps: UpstreamDeps): Upstream {
  if (config.transport !== 'stdio') {
    return new UnsupportedUpstream(
      config,
      `${config.transport} servers are not supported by this version; use a stdio command`,
    )
  }
  if (config.protocol === 'modern') {
    return new UnsupportedUpstream(
      config,
      'protocol "modern" is not supported by this version; use "auto" if the server speaks an MCP revision up to 2025-11-25',
    )
  }
  return new StdioUpstream(config, deps)
}
