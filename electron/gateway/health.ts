import type { UpstreamState } from '../../shared/state.ts'
import type { Upstream } from '../upstream/types.ts'
import type { UpstreamDirectory } from './types.ts'

/** An upstream that can not serve, and why. Nothing of its output: these answers need no token. */
export interface NotReady {
  upstream: string
  state: UpstreamState
  reason: string
}

const reasons: Partial<Record<UpstreamState, string>> = {
  failing: 'the last attempt to connect failed',
  unauthorized: 'its server wants a person to sign in, or refuses the credentials',
  suspended: 'suspended by a person',
  draining: 'draining',
  stopped: 'stopped',
}

/**
 * Every enabled upstream that can not serve a request now. One without a process can: the first request opens it
 * (`idle`). One that is opening its first can, unless it is configured to keep processes ready (`minIdle`).
 */
export function notReady(upstreams: UpstreamDirectory): NotReady[] {
  const found: NotReady[] = []
  for (const upstream of upstreams.all()) {
    if (!upstream.config.enabled) continue
    const reason = problemOf(upstream)
    if (reason) found.push({ upstream: upstream.name, ...reason })
  }
  return found
}

function problemOf(upstream: Upstream): { state: UpstreamState; reason: string } | undefined {
  const { state, pool } = upstream.view()
  if (pool.breaker.state === 'open') return { state, reason: 'too many failures in a row: the breaker is open' }
  if (state === 'starting' && upstream.config.pool.minIdle > 0) return { state, reason: 'still starting' }
  const reason = reasons[state]
  return reason ? { state, reason } : undefined
}
