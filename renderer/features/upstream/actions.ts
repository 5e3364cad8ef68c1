import type { CommandName } from '../../../shared/commands.ts'
import type { UpstreamSnapshot } from '../../../shared/state.ts'

/** What a person can do to an upstream as a whole. */
export type UpstreamAction = 'spawn' | 'drain' | 'restart' | 'suspend' | 'resume' | 'stop' | 'start'

export const actionCommands = {
  spawn: 'upstream.spawn',
  drain: 'upstream.drain',
  restart: 'upstream.restart',
  suspend: 'upstream.suspend',
  resume: 'upstream.resume',
  stop: 'upstream.stop',
  start: 'upstream.start',
} as const satisfies Record<UpstreamAction, CommandName>

type Facts = Pick<UpstreamSnapshot, 'state' | 'enabled' | 'transport'> & {
  pool: Pick<
    UpstreamSnapshot['pool'],
    'state' | 'max' | 'idle' | 'leased' | 'spawning' | 'returning' | 'draining' | 'breaker'
  >
}

/** Permits in use: every connection that is not dead yet. */
export const permitsInUse = ({ idle, leased, spawning, returning, draining }: Facts['pool']): number =>
  idle + leased + spawning + returning + draining

/** Why the action makes no sense at the moment, in words for a tooltip; null when it does. */
export function whyNot(action: UpstreamAction, upstream: Facts): string | null {
  const stopped = upstream.state === 'stopped' || !upstream.enabled
  if (action === 'start') return stopped ? null : 'It is started already'
  if (stopped) return 'The upstream is stopped: start it first'
  if (action === 'stop') return null
  if (upstream.state === 'unauthorized' && action === 'spawn')
    return 'The server does not let us in: see above what to do'
  const { pool } = upstream
  switch (action) {
    case 'spawn':
      if (pool.state === 'suspended') return 'The pool is suspended: resume it first'
      if (pool.breaker.state === 'open') return 'The breaker is open: reset it, or wait for its probe'
      return permitsInUse(pool) < pool.max ? null : `All ${pool.max} permits are in use: raise maxConnections first`
    case 'drain':
    case 'restart':
      if (pool.idle + pool.leased + pool.spawning + pool.returning > 0) return null
      return `There is no live connection to ${action}`
    case 'suspend':
      return pool.state === 'suspended' ? 'It is suspended already' : null
    case 'resume':
      return pool.state === 'suspended' ? null : 'It is not suspended'
  }
}
