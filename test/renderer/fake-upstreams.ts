import { defaultPoolLimits } from '../../shared/config.ts'
import type {
  AuthView,
  ConnectionState,
  Failure,
  PoolSnapshot,
  UpstreamSnapshot,
  UpstreamState,
} from '../../shared/contract.ts'
import { emptyPool } from '../../shared/empty-pool.ts'
import { remotePlans, type StreamPlan } from './fake-remotes.ts'

/** What a made-up upstream is like. */
export interface Plan {
  name: string
  target: string
  state: UpstreamState
  connections: number
  connectionState?: ConnectionState
  /** Connections that are busy on average. */
  traffic: number
  perSecond: number
  p50Ms: number
  memoryMib: number
  max: number
  transport?: UpstreamSnapshot['transport']
  era?: UpstreamSnapshot['era']
  isolation?: UpstreamSnapshot['isolation']
  pool?: Partial<PoolSnapshot>
  stats?: Partial<UpstreamSnapshot['stats']>
  advice?: string[]
  failure?: Omit<Failure, 'at'> & { secondsAgo: number }
  /** Of the sessions of a server elsewhere. */
  streams?: readonly StreamPlan[]
  /** Of every session but the first; default: as the first. */
  streamsOfOthers?: readonly StreamPlan[]
  auth?: () => AuthView
}

const quiet = { traffic: 0, perSecond: 0, p50Ms: 0 }

/** One upstream for each thing that the window has to show. */
export const plans: readonly Plan[] = [
  {
    name: 'demo',
    target: 'node /opt/poolscope/demo-server.js',
    state: 'ready',
    connections: 3,
    traffic: 1.6,
    perSecond: 9,
    p50Ms: 3.4,
    memoryMib: 54,
    max: 4,
    era: 'modern',
  },
  {
    name: 'github',
    target: 'npx -y @modelcontextprotocol/server-github (GITHUB_TOKEN=••••)',
    state: 'busy',
    connections: 2,
    traffic: 2.9,
    perSecond: 4,
    p50Ms: 218,
    memoryMib: 96,
    max: 2,
    stats: { errorsLastHour: 7, restartsLastHour: 1 },
  },
  {
    name: 'filesystem',
    target: 'npx -y @modelcontextprotocol/server-filesystem /home/sam/projects',
    state: 'ready',
    connections: 2,
    traffic: 0.2,
    perSecond: 2,
    p50Ms: 1.1,
    memoryMib: 61,
    max: 4,
  },
  {
    name: 'postgres',
    target: 'mcp-postgres --dsn ${PG_DSN}',
    state: 'failing',
    connections: 0,
    ...quiet,
    memoryMib: 0,
    max: 4,
    pool: {
      breaker: { state: 'open', failures: 5, retryAt: 42_000 },
      reconnect: { attempts: 5, nextAt: null, total: 11 },
    },
    stats: { errorsLastHour: 14, reconnectsLastHour: 11 },
    failure: {
      code: 'SPAWN_FAILED',
      message: 'Could not start: spawn mcp-postgres ENOENT. Searched in /usr/local/bin:/usr/bin:/bin',
      secondsAgo: 64,
    },
  },
  {
    name: 'browser',
    target: 'npx -y @playwright/mcp@latest --headless',
    state: 'failing',
    connections: 1,
    connectionState: 'handshaking',
    ...quiet,
    memoryMib: 38,
    max: 2,
    pool: { reconnect: { attempts: 4, nextAt: 12_000, total: 4 } },
    stats: { errorsLastHour: 4, reconnectsLastHour: 4, restartsLastHour: 3 },
    failure: {
      code: 'CONNECT_TIMEOUT',
      message: 'No handshake within 60 s. The first run of npx downloads the package; try again or install it.',
      secondsAgo: 52,
      exitCode: null,
      signal: 'SIGTERM',
      stderrTail: [
        'npm warn deprecated inflight@1.0.6: This module is not supported',
        "Error: Executable doesn't exist at /home/sam/.cache/ms-playwright/<chromium>/chrome-linux/chrome",
      ],
    },
  },
  {
    name: 'pdf-tools',
    target: 'python3 /home/sam/bin/pdf_tools.py',
    state: 'idle',
    connections: 1,
    traffic: 0,
    perSecond: 0,
    p50Ms: 0,
    memoryMib: 31,
    max: 4,
    era: 'jsonrpc',
    pool: { singleShot: true, spares: 1 },
    stats: { p50Ms: 342, p95Ms: 611, p99Ms: 640 },
    advice: ["This program exits after each answer, so it can't be reused. Use a persistent server, prespawn or http."],
  },
  {
    name: 'search',
    target: 'uvx mcp-server-brave-search',
    state: 'suspended',
    connections: 1,
    ...quiet,
    memoryMib: 44,
    max: 3,
    pool: { state: 'suspended' },
  },
  {
    name: 'legacy-crm',
    target: 'java -jar /srv/crm-mcp.jar',
    state: 'stopped',
    connections: 0,
    ...quiet,
    memoryMib: 0,
    max: 2,
    isolation: 'session',
  },
  ...remotePlans,
]

/** A plan as the host would show it; times in the plan are distances from now. */
export function buildUpstream(plan: Plan, gatewayUrl: string): UpstreamSnapshot {
  const now = Date.now()
  const { breaker, reconnect } = plan.pool ?? {}
  const working = !['stopped', 'failing', 'unauthorized'].includes(plan.state)
  return {
    name: plan.name,
    state: plan.state,
    enabled: plan.state !== 'stopped',
    transport: plan.transport ?? 'stdio',
    target: plan.target,
    protocol: 'auto',
    era: working ? (plan.era ?? 'legacy') : null,
    isolation: plan.isolation ?? 'shared',
    serverInfo: working ? { name: `${plan.name}-server`, version: '1.4.2', protocolVersion: '2025-11-25' } : null,
    url: `${gatewayUrl}/mcp/${encodeURIComponent(plan.name)}`,
    pool: {
      ...emptyPool({ ...defaultPoolLimits, maxConnections: plan.max }, 'running'),
      ...plan.pool,
      breaker: breaker
        ? { ...breaker, retryAt: breaker.retryAt === null ? null : now + breaker.retryAt }
        : { state: 'closed', failures: 0, retryAt: null },
      reconnect: reconnect
        ? { ...reconnect, nextAt: reconnect.nextAt === null ? null : now + reconnect.nextAt }
        : { attempts: 0, nextAt: null, total: 0 },
    },
    stats: {
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
      ratePerSecond: 0,
      requests: plan.traffic > 0 ? 12_480 : 3,
      errors: plan.stats?.errorsLastHour ?? 0,
      restartsLastHour: 0,
      reconnectsLastHour: 0,
      errorsLastHour: 0,
      memoryBytes: 0,
      cpuPercent: 0,
      ...plan.stats,
    },
    auth: plan.auth?.() ?? null,
    lastFailure: plan.failure ? failureOf(plan.failure, now) : null,
    advice: plan.advice ?? [],
    connections: [],
  }
}

function failureOf({ secondsAgo, ...failure }: NonNullable<Plan['failure']>, now: number): Failure {
  return { ...failure, at: now - secondsAgo * 1_000 }
}
