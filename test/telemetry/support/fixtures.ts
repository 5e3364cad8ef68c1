import type { GatewayEvents } from '../../../electron/gateway/types.ts'
import { Emitter } from '../../../electron/kit/emitter.ts'
import type { Logger } from '../../../electron/kit/logger.ts'
import type { DelayMonitor } from '../../../electron/telemetry/event-loop-lag.ts'
import { Telemetry } from '../../../electron/telemetry/telemetry.ts'
import type { SampleTrees, UpstreamSource } from '../../../electron/telemetry/types.ts'
import type { Upstream, UpstreamEvents, UpstreamView } from '../../../electron/upstream/types.ts'
import { defaultPoolLimits, defaultTimeouts, type UpstreamConfig } from '../../../shared/config.ts'
import { emptyPool } from '../../../shared/empty-pool.ts'
import type { Frame } from '../../../shared/frames.ts'
import type { GatewayState, PoolSnapshot } from '../../../shared/state.ts'
import { FakeClock } from '../../support/fake-clock.ts'

export const configOf = (name: string, env: Record<string, string> = {}): UpstreamConfig => ({
  name,
  enabled: true,
  protocol: 'auto',
  isolation: 'shared',
  pool: defaultPoolLimits,
  timeouts: defaultTimeouts,
  transport: 'stdio',
  command: 'server',
  args: [],
  env,
})

/** An upstream over HTTP. */
export const remoteConfigOf = (
  name: string,
  change: Partial<Extract<UpstreamConfig, { transport: 'http' | 'sse' }>> = {},
): UpstreamConfig => {
  const { enabled, protocol, isolation, pool, timeouts } = configOf(name)
  const common = { name, enabled, protocol, isolation, pool, timeouts }
  return { ...common, transport: 'http', url: 'https://mcp.example/mcp', headers: {}, ...change }
}

export const poolOf = (change: Partial<PoolSnapshot> = {}): PoolSnapshot => ({
  ...emptyPool(defaultPoolLimits, 'running'),
  ...change,
})

export const connectionOf = (
  upstream: string,
  change: Partial<UpstreamView['connections'][number]> = {},
): UpstreamView['connections'][number] => ({
  id: `${upstream}-1`,
  upstream,
  pid: 4711,
  state: 'idle',
  openReason: 'demand',
  closeReason: null,
  spare: false,
  openedAt: 1,
  stateSince: 1,
  served: 0,
  inFlight: 0,
  errors: 0,
  leasedSince: null,
  leakWarned: false,
  stderrBytes: 0,
  streams: [],
  lastError: null,
  ...change,
})

const unused = () => {
  throw new Error('telemetry only listens and looks')
}

const isConfig = (config: UpstreamConfig | Record<string, string>): config is UpstreamConfig =>
  typeof config.pool === 'object'

/** What telemetry sees of an upstream: events and a view. Everything that would act throws. */
export class FakeUpstream implements Upstream {
  readonly name: string
  readonly signIn = null
  reconnect = unused
  config: UpstreamConfig
  readonly events = new Emitter<UpstreamEvents>()
  pool: PoolSnapshot = poolOf()
  connections: UpstreamView['connections'] = []
  serverInfo: UpstreamView['serverInfo'] = null
  auth: UpstreamView['auth'] = null

  constructor(name: string, config: UpstreamConfig | Record<string, string> = {}) {
    this.name = name
    this.config = isConfig(config) ? config : configOf(name, config)
  }

  view(): UpstreamView {
    return {
      state: 'ready',
      era: 'legacy',
      serverInfo: this.serverInfo,
      lastFailure: null,
      auth: this.auth,
      advice: [],
      pool: this.pool,
      connections: this.connections,
    }
  }

  pids(): Map<string, number> {
    return new Map(this.connections.flatMap(({ id, pid }) => (pid === null ? [] : [[id, pid] as const])))
  }

  done(change: Partial<UpstreamEvents['request.done']> = {}): void {
    this.events.emit('request.done', {
      method: 'tools/call',
      tool: 'echo',
      outcome: 'ok',
      error: null,
      totalMs: 5,
      queueMs: 1,
      callMs: 4,
      connectionId: `${this.name}-1`,
      ...change,
    })
  }

  fail(message: string, data?: Record<string, unknown>): void {
    this.done({ outcome: 'lost', error: { code: 'CONNECTION_LOST', message, data } })
  }

  request = unused
  eraFor = unused
  openSession = unused
  watch = unused
  handshake = unused
  logs = unused
  spawn = unused
  drain = unused
  restart = unused
  suspend = unused
  resume = unused
  retry = unused
  resetBreaker = unused
  evict = unused
  reconfigure = unused
  close = unused
}

export class FakeMonitor implements DelayMonitor {
  enabled = false
  max = 0
  enable(): void {
    this.enabled = true
  }
  disable(): void {
    this.enabled = false
  }
  reset(): void {
    this.max = 0
  }
}

/** A telemetry with its own time, upstreams and gateway. It starts on a whole second of the wall clock. */
export class Bench {
  readonly clock: FakeClock
  readonly gateway = { events: new Emitter<GatewayEvents>() }
  readonly sources: UpstreamSource[] = []
  readonly logged: string[] = []
  readonly monitor = new FakeMonitor()
  readonly telemetry: Telemetry
  gatewayState: GatewayState = {
    state: 'listening',
    url: 'http://127.0.0.1:1',
    auth: 'bearer',
    sessions: 0,
    requestsInFlight: 0,
    error: null,
  }
  demoRunning = false

  constructor(
    options: { sampleTrees?: SampleTrees; wall?: number; expand?: (text: string) => string | undefined } = {},
  ) {
    this.clock = new FakeClock(1_000, options.wall)
    const logger: Logger = { log: (_level, message) => void this.logged.push(message) }
    this.telemetry = new Telemetry({
      clock: this.clock,
      logger,
      sampleTrees: options.sampleTrees,
      expand: options.expand,
      delayMonitor: this.monitor,
      sources: {
        upstreams: () => this.sources,
        host: () => ({
          version: '1.2.3',
          pid: 1,
          startedAt: 1_000_000,
          mode: 'serve',
          configFile: '/config',
          demoTraffic: { running: this.demoRunning, upstream: 'demo' },
          closing: false,
          memoryBytes: 100,
        }),
        gateway: () => this.gatewayState,
      },
    })
    this.telemetry.attachGateway(this.gateway)
  }

  /** An upstream that is configured and runs. */
  add(name: string, config?: UpstreamConfig | Record<string, string>): FakeUpstream & { detach: () => void } {
    const upstream = new FakeUpstream(name, config)
    this.sources.push({ upstream, enabled: true, target: 'server', url: `/mcp/${name}` })
    return Object.assign(upstream, { detach: this.telemetry.attach(upstream) })
  }

  remove(upstream: FakeUpstream & { detach: () => void }): void {
    const at = this.sources.findIndex((source) => source.upstream === upstream)
    this.sources.splice(at, 1)
    upstream.detach()
  }

  /** Listens; what it returns grows with every frame. */
  listen(): { frames: Frame[]; at: number[]; stop: () => void } {
    const frames: Frame[] = []
    const at: number[] = []
    const stop = this.telemetry.frames.subscribe((frame) => {
      frames.push(frame)
      at.push(this.clock.now())
    })
    return { frames, at, stop }
  }

  messages(): string[] {
    return this.telemetry.journal.toArray().map(({ message }) => message)
  }
}
