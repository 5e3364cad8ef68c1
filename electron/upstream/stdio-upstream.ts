import type { Timeouts, UpstreamConfig } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import { Emitter } from '../kit/emitter.ts'
import { Pool } from '../pool/pool.ts'
import type { AcquireOptions, Lease, OpenContext } from '../pool/types.ts'
import { spawnTree } from '../process/spawn.ts'
import type { ChildTree, ProcessSpec } from '../process/types.ts'
import type { ConnectionLogSnapshot } from './connection-log.ts'
import { Connections } from './connections.ts'
import type { UpstreamDeps } from './deps.ts'
import { EraFinder } from './era-finder.ts'
import { EraVerdicts } from './era-verdicts.ts'
import { HandshakeCache } from './handshake-cache.ts'
import { defaultKind, isSessionKind, kindAfter, kindOf, probeKind } from './kinds.ts'
import { Openings } from './openings.ts'
import { forwardPoolEvents } from './pool-events.ts'
import { processSpec, runsDifferently, type StdioConfig } from './process-spec.ts'
import { RequestPath } from './request-path.ts'
import { RetryBudget } from './retry-budget.ts'
import { Sessions } from './sessions.ts'
import { SharedLeases } from './shared-leases.ts'
import { SingleShotDetector, singleShotAdvice } from './single-shot.ts'
import { StdioConnection } from './stdio-connection.ts'
import type {
  Era,
  Handshake,
  JsonText,
  ProcessProfile,
  ServerNotification,
  Upstream,
  UpstreamEvents,
  UpstreamReply,
  UpstreamRequest,
  UpstreamSession,
  UpstreamView,
} from './types.ts'
import { connectionView, upstreamState } from './view.ts'
import { type Watched, Watcher } from './watcher.ts'

/** POOL semantics, "Defaults": shutdown in all. */
const shutdownTimeoutMs = 10_000

/** An MCP server (or plain JSON-RPC program) over stdio: a bounded pool of its processes. */
export class StdioUpstream implements Upstream {
  readonly name: string
  readonly signIn = null
  readonly events = new Emitter<UpstreamEvents>((error) => this.#reportListener(error))
  #config: StdioConfig
  readonly #deps: UpstreamDeps
  readonly #pool: Pool<StdioConnection>
  readonly #requests: RequestPath
  readonly #handshakes: HandshakeCache
  readonly #openings: Openings
  readonly #eras: EraFinder
  readonly #sessions: Sessions
  readonly #watcher: Watcher
  #defaultKind: string
  readonly #connections: Connections
  #singleShot: SingleShotDetector

  constructor(config: StdioConfig, deps: UpstreamDeps) {
    this.name = config.name
    this.#config = config
    this.#deps = deps
    this.#defaultKind = defaultKind(config)
    const { clock, random, budget } = deps
    this.#singleShot = new SingleShotDetector(clock, config.protocol === 'jsonrpc')
    this.#pool = new Pool<StdioConnection>({
      name: config.name,
      limits: config.pool,
      open: (context) => this.#open(context),
      clock,
      random,
      budget,
    })
    const shared = new SharedLeases({
      clock,
      acquire: (options) => this.#acquire(options),
      limits: () => this.#config.pool,
    })
    this.#handshakes = new HandshakeCache(clock, (kind) => this.#openOne(kind))
    this.#requests = new RequestPath({
      upstream: config.name,
      clock,
      acquire: (options) => (this.#config.isolation === 'multiplex' ? shared.acquire(options) : this.#acquire(options)),
      defaultKind: () => this.#defaultKind,
      pool: () => this.#pool.snapshot(),
      timeouts: () => this.#config.timeouts,
      singleShot: () => this.#singleShot,
      retries: new RetryBudget(clock),
      done: (record) => {
        if (record.error?.code === 'RESPONSE_TIMEOUT') this.#connections.hung(record.error)
        this.events.emit('request.done', record)
      },
    })
    this.#openings = new Openings({ deps, config: () => this.#config, eras: deps.eras ?? new EraVerdicts(clock) })
    this.#eras = new EraFinder({
      config: () => this.#config,
      verdict: () => this.#openings.verdict(this.#connections.size > 0),
      probe: (wanted) => this.#acquire({ kind: probeKind(wanted) }),
      done: (lease) => this.#giveProbeBack(lease),
    })
    this.#sessions = new Sessions({
      pool: this.#pool,
      deadline: () => clock.now() + this.#config.timeouts.requestTimeoutMs,
      send: (request, connection) => this.#requests.sendOn(request, connection),
    })
    this.#watcher = new Watcher({
      clock,
      clientInfo: deps.clientInfo,
      find: () => this.#sharedConnection(),
      modern: () => this.#connections.filter((each) => each.alive && each.isShared && each.handshake?.era === 'modern'),
      open: () => this.#openForWatch(),
      keep: (connectionId, on) => this.#pool.keep(connectionId, on),
      onListenerError: (error) => this.#reportListener(error),
    })
    this.#connections = this.#listen()
  }

  get config(): StdioConfig {
    return this.#config
  }

  request(request: UpstreamRequest): Promise<UpstreamReply> {
    return this.#requests.send(request)
  }

  /** What can't be started as configured is told at once: no attempt, and no wait for the last of several, mends it. */
  #acquire(options: AcquireOptions): Promise<Lease<StdioConnection>> {
    if (this.#connections.size > 0) return this.#pool.acquire(options)
    try {
      processSpec(this.#config, this.#deps.variables, this.#deps.environment())
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#pool.acquire(options)
  }

  async handshake(options?: {
    signal?: AbortSignal | undefined
    timeouts?: Partial<Timeouts> | undefined
    profile?: ProcessProfile | undefined
  }): Promise<Handshake> {
    this.#needMcp()
    const own = this.#config.timeouts.requestTimeoutMs
    const limitMs = Math.min(own, options?.timeouts?.requestTimeoutMs ?? own)
    const kind = options?.profile ? kindOf(options.profile) : this.#defaultKind
    return this.#handshakes.get(kind, { signal: options?.signal, deadline: this.#deps.clock.now() + limitMs })
  }

  async eraFor(client: Era, options?: { signal?: AbortSignal | undefined }): Promise<Era> {
    this.#needMcp()
    return this.#eras.known(client) ?? this.#eras.find(client, options?.signal)
  }

  async openSession({
    initialize,
    signal,
  }: {
    initialize?: JsonText | undefined
    signal?: AbortSignal | undefined
  }): Promise<UpstreamSession> {
    this.#needMcp()
    return this.#sessions.open(initialize, signal)
  }

  watch(
    what: Watched,
    listener: (notification: ServerNotification) => void,
  ): Promise<{ stop: () => void } | { refused: JsonText }> {
    this.#needMcp()
    return this.#watcher.watch(what, listener)
  }

  view(): UpstreamView {
    const pool = this.#pool.snapshot()
    const handshake = this.#handshakes.latest?.handshake
    const jsonrpc = this.#config.protocol === 'jsonrpc'
    return {
      state: upstreamState(pool, this.#connections.lastAttemptFailed),
      era: jsonrpc ? 'jsonrpc' : (handshake?.era ?? null),
      serverInfo: handshake ? { ...handshake.serverInfo, protocolVersion: handshake.protocolVersion } : null,
      lastFailure: this.#connections.lastFailure,
      auth: null,
      advice: this.#singleShot.marked ? [singleShotAdvice] : [],
      pool,
      connections: this.#pool.connections().map((pooled) => connectionView(this.name, pooled)),
    }
  }

  logs(connectionId: string): ConnectionLogSnapshot | undefined {
    return this.#connections.log(connectionId)
  }

  reconnect(connectionId: string): number | undefined {
    return this.#connections.get(connectionId) && 0
  }

  pids(): Map<string, number> {
    return this.#connections.pids()
  }

  spawn(): string {
    return this.#pool.spawn()
  }

  drain(): void {
    this.#pool.drain()
  }

  restart(): void {
    this.#pool.restart()
  }

  suspend(): void {
    this.#pool.suspend()
  }

  resume(): void {
    this.#pool.resume()
  }

  retry(): void {
    this.#pool.retry()
  }

  resetBreaker(): void {
    this.#pool.resetBreaker()
  }

  evict(connectionId: string, how: 'kill' | 'drain' | 'restart'): boolean {
    return this.#pool.evict(connectionId, how)
  }

  reconfigure(config: UpstreamConfig): void {
    if (config.transport !== 'stdio') {
      throw new AppError('INVALID_ARGUMENT', `${this.name}: another transport needs another upstream`)
    }
    const replaced = runsDifferently(this.#config, config)
    this.#config = config
    this.#defaultKind = defaultKind(config)
    this.#pool.setLimits(config.pool)
    if (!replaced) return
    // Another program: nothing that was learnt about the old one holds.
    this.#handshakes.clear()
    this.#openings.forget()
    this.#singleShot = new SingleShotDetector(this.#deps.clock, config.protocol === 'jsonrpc')
    this.#pool.setSingleShot(false)
    this.#connections.forgetFailures()
    this.#pool.resetBreaker()
    this.#pool.restart()
  }

  close(reason: 'shutdown' | 'upstream-removed', timeoutMs = shutdownTimeoutMs): Promise<void> {
    this.#sessions.retire()
    return this.#pool.close(reason, timeoutMs)
  }

  #needMcp(): void {
    if (this.#config.protocol !== 'jsonrpc') return
    throw new AppError(
      'UPSTREAM_UNSUPPORTED',
      `${this.name} speaks plain JSON-RPC (protocol "jsonrpc"): there is no MCP handshake`,
      { upstream: this.name },
    )
  }

  async #openOne(kind: string): Promise<Handshake> {
    using lease = await this.#acquire({ kind })
    const { handshake } = lease.resource
    if (!handshake) throw new AppError('INTERNAL', 'a connection was granted before its handshake')
    return handshake
  }

  /** From now on it serves whom it turned out to be for. */
  #giveProbeBack(lease: Lease<StdioConnection>): void {
    const { handshake, connectionId } = lease.resource
    if (handshake) this.#pool.assign(connectionId, kindAfter(handshake))
    lease.release()
  }

  /** One that clients share, the newest that speaks as the latest one does. */
  #sharedConnection(): StdioConnection | undefined {
    const era = this.#handshakes.latest?.handshake.era
    return this.#connections.findLast((each) => each.alive && each.isShared && each.handshake?.era === era)
  }

  async #openForWatch(): Promise<StdioConnection> {
    const { latest } = this.#handshakes
    const kind = latest?.kind ?? kindOf({ era: await this.eraFor('legacy'), capabilities: '{}' })
    using lease = await this.#acquire({ kind })
    return lease.resource
  }

  #open(context: OpenContext): StdioConnection {
    const config = this.#config
    const { clock, guard } = this.#deps
    const spec = this.#openings.spec()
    const tree = spawnTree(spec, { clock, guard })
    try {
      const connection = this.#connect(context, config, spec, tree)
      this.#connections.add(connection)
      return connection
    } catch (error) {
      // Nobody else knows of it.
      void tree.terminate('kill')
      throw error
    }
  }

  #connect({ connectionId, kind, handshaking }: OpenContext, config: StdioConfig, spec: ProcessSpec, tree: ChildTree) {
    return new StdioConnection({
      connectionId,
      tree,
      spec,
      ...this.#openings.of(kind, this.#sessions.find(kind)),
      exclusive: config.isolation !== 'multiplex',
      clientInfo: this.#deps.clientInfo,
      connectTimeoutMs: config.timeouts.connectTimeoutMs,
      clock: this.#deps.clock,
      handshaking,
      onHandshake: (handshake, settled) => {
        // A process of the configuration before a change may still finish its handshake; a session's is its own.
        if (!runsDifferently(this.#config, config) && !isSessionKind(kind)) {
          this.#handshakes.set(settled ?? kind, handshake)
        }
      },
      onChange: (notification) => this.#watcher.changed(connectionId, notification),
      onNotification: (notification) => this.events.emit('notification', { ...notification, connectionId }),
      onInvalidLine: (head) => this.events.emit('line.invalid', { connectionId, head }),
      onListenerError: (error) => this.#reportListener(error),
    })
  }

  #listen(): Connections {
    const { events } = this.#pool
    // First: what is told of an ended connection is looked up before it is forgotten.
    forwardPoolEvents(events, this.events, (connectionId) => this.#connections.get(connectionId))
    const connections = new Connections(this.#deps.clock, events, (connection) => {
      if (!this.#singleShot.ended(connection)) return
      this.#pool.setSingleShot(true)
      this.events.emit('single-shot', undefined)
    })
    events.on('connection.ready', ({ connectionId }) => {
      const connection = connections.get(connectionId)
      if (connection?.isShared) this.#watcher.ready(connection)
    })
    events.on('connection.closing', ({ connectionId, reason }) => this.#watcher.ended(connectionId, reason))
    return connections
  }

  #reportListener(error: unknown): void {
    this.#deps.logger.log('error', 'a listener failed', { upstream: this.name, error: String(error) })
  }
}
