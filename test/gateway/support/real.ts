import { onTestFinished } from 'vitest'
import { systemClock } from '../../../electron/kit/clock.ts'
import { silentLogger } from '../../../electron/kit/logger.ts'
import { PermitBudget } from '../../../electron/pool/budget.ts'
import { createUpstream } from '../../../electron/upstream/create.ts'
import type { Upstream, UpstreamEvents } from '../../../electron/upstream/types.ts'
import type { UpstreamConfig } from '../../../shared/config.ts'
import { childEnv } from '../../fixtures/children/index.ts'
import { type Started, type StartOptions, startGateway } from './harness.ts'

export interface RealStarted extends Started {
  upstream: Upstream
  endpoint: string
  /** PIDs of every process that was ever opened. */
  pids: Set<number>
}

/** A gateway before one upstream with real processes; both closed, and no process left, when the test is over. */
export async function startReal(config: UpstreamConfig, options: StartOptions = {}): Promise<RealStarted> {
  const upstream = createUpstream(config, {
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    budget: new PermitBudget(32),
    variables: (name) => process.env[name],
    environment: () => ({ ...childEnv }),
    clientInfo: { name: 'poolscope-test', version: '0' },
  })
  const pids = new Set<number>()
  const opened = ({ pid }: UpstreamEvents['connection.ready']) => void (pid !== null && pids.add(pid))
  upstream.events.on('connection.ready', opened)
  // Registered first, so that it runs after the gateway was closed.
  onTestFinished(async () => {
    await upstream.close('shutdown', 3_000)
    const alive = [...pids].filter(isAlive)
    if (alive.length > 0) throw new Error(`processes left: ${alive.join()}`)
  })
  const started = await startGateway({ ...options, upstreams: [upstream] })
  return { ...started, upstream, pids, endpoint: `${started.url}/mcp/${encodeURIComponent(config.name)}` }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Nothing of this upstream is in use any more. */
export const isFree = (upstream: Upstream): boolean => {
  const { leased, waiting, returning } = upstream.view().pool
  return leased + waiting + returning === 0
}
