import type { UpstreamConfig } from '../../shared/config.ts'
import { AppError, toErrorShape } from '../../shared/errors.ts'
import type { PoolSnapshot, UpstreamState } from '../../shared/state.ts'
import { Emitter } from '../kit/emitter.ts'
import { Pool } from '../pool/pool.ts'
import type { AcquireOptions, Lease, OpenContext } from '../pool/types.ts'
import type { ConnectionLogSnapshot, ConnectionOptions, UpstreamConnection } from './connection-types.ts'
import { Connections } from './connections.ts'
import type { UpstreamDeps } from './deps.ts'
import { EraFinder } from './era-finder.ts'
import { EraVerdicts } from './era-verdicts.ts'
import type { Patience } from './flight.ts'
import { HandshakeCache } from './handshake-cache.ts'
import { defaultKind, isSessionKind, kindAfter, kindOf, probeKind } from './kinds.ts'
import { changeOf } from './listening.ts'
import { Openings } from './openings.ts'
import { forwardPoolEvents } from './pool-events.ts'
import { RequestPath } from './request-path.ts'
import { RetryBudget } from './retry-budget.ts'
import { isRecord } from './revisions.ts'
import { Sessions } from './sessions.ts'
import { SharedLeases } from './shared-leases.ts'
import { SingleShotDetector, singleShotAdvice } from './single-shot.ts'
import type { CreateTransport, Transport } from './transport.ts'
import type {
  Era,
  Handshake,
  JsonText,
  ProcessProfile,
  ServerNotification,
  SignIn,
  Upstream,
  UpstreamEvents,
  UpstreamReply,
  UpstreamRequest,
  UpstreamSession,
  UpstreamView,
  Wait,
} from './types.ts'
import { connectionView, upstreamState } from './view.ts'
import { type Watched, Watcher } from './watcher.ts'

/** POOL semantics, "Defaults": shutdown in all. */
const shutdownTimeoutMs = 10_000

/** An MCP server (or plain JSON-RPC program), however it is reached: a bounded pool of connections to it. */
export class PooledUpstream implements Upstream {
  readonly name: string
  readonly events = new Emitter<UpstreamEvents>((error) => this.#reportListener(error))
  #config: UpstreamConfig
  readonly #deps: UpstreamDeps
  readonly #transport: Transport
  readonly #pool: Pool<UpstreamConnection>
  readonly #requests: RequestPath
  readonly #handshakes: HandshakeCache
  readonly #openings: Openings
  readonly #eras: EraFinder
  readonly #sessions: Sessions
  readonly #watcher: Watcher
  #defaultKind: string
  readonly #connections: Connections
  #singleShot: SingleShotDetector
  /** Counts what makes connections opened before unfit; one of them may still finish its handshake. */
  #generation = 0
  /** A session with a remote server was lost, and none has been opened since. */
  #listsMissed = false

  constructor(config: UpstreamConfig, deps: UpstreamDeps, createTransport: CreateTransport) {
    this.name = config.name
    this.#config = config
    this.#deps = deps
    this.#defaultKind = defaultKind(config)
    const { clock, random, budget } = deps
    this.#singleShot = new SingleShotDetector(clock, config.protocol === 'jsonrpc')
    this.#pool = new Pool<UpstreamConnection>({
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
      random,
      acquire: (options) => (this.#config.isolation === 'multiplex' ? shared.acquire(options) : this.#acquire(options)),
      defaultKind: () => this.#defaultKind,
      pool: () => this.#pool.snapshot(),
      timeouts: () => this.#config.timeouts,
      singleShot: () => this.#singleShot,
      retries: new RetryBudget(clock),
      done: (record) => {
        const { error } = record
        if (error?.code === 'RESPONSE_TIMEOUT' || error?.code === 'CONNECT_FAILED') this.#connections.unanswered(error)
        this.events.emit('request.done', record)
      },
    })
    this.#transport = createTransport({
      tell: (name, payload) => this.events.emit(name, payload),
      changed: () => this.events.emit('changed', undefined),
      answers: () => {
        // What the breaker waits for.
        if (this.#pool.snapshot().breaker.state === 'open') this.#pool.retry()
        this.events.emit('changed', undefined)
      },
      blocked: (error) => {
        this.#connections.refused(toErrorShape(error))
        this.#pool.standDown(() => error)
      },
      unblocked: () => {
        this.#connections.forgetFailures()
        this.#pool.resetBreaker()
        this.#pool.retry()
      },
    })
    this.#openings = new Openings({
      clientInfo: deps.clientInfo,
      eras: deps.eras ?? new EraVerdicts(clock),
      config: () => this.#config,
      identity: () => this.#transport.identity(),
    })
    this.#eras = new EraFinder({
      clock,
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
      random,
      clientInfo: deps.clientInfo,
      find: (except) => this.#sharedConnection(except),
      // Sessions with a server elsewhere are sessions with the same one: each change would be told by every one of them.
      modern: () =>
        this.#connections.filter(
          ({ alive, isShared, handshake, pid }) => alive && isShared && handshake?.era === 'modern' && pid !== null,
        ),
      open: () => this.#openForWatch(),
      keep: (connectionId, on) => this.#pool.keep(connectionId, on),
      onListenerError: (error) => this.#reportListener(error),
    })
    this.#connections = this.#listen()
    this.#showConfigFailure()
  }

  get config(): UpstreamConfig {
    return this.#config
  }

  get signIn(): SignIn | null {
    return this.#transport.signIn
  }

  request(request: UpstreamRequest): Promise<UpstreamReply> {
    return this.#requests.send(request)
  }

  /** What can't be opened as configured is told at once: no attempt, and no wait for the last of several, mends it. */
  #acquire(options: AcquireOptions): Promise<Lease<UpstreamConnection>> {
    const { blocked } = this.#transport
    if (blocked) return Promise.reject(blocked)
    if (this.#connections.size > 0) return this.#pool.acquire(options)
    try {
      this.#checkConfig()
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#pool.acquire(options)
  }

  /** A variable that is missing is seen at once, and not with the first request. */
  #showConfigFailure(): void {
    try {
      this.#checkConfig()
    } catch {
      // Whoever asks is told.
    }
  }

  /** @throws AppError CONFIG_INVALID when it can't be opened as configured: it is shown as failing */
  #checkConfig(): void {
    try {
      this.#transport.identity()
    } catch (error) {
      this.#connections.refused(toErrorShape(error))
      this.events.emit('changed', undefined)
      throw error
    }
  }

  async handshake(options?: Wait & { profile?: ProcessProfile | undefined }): Promise<Handshake> {
    this.#needMcp()
    const kind = options?.profile ? kindOf(options.profile) : this.#defaultKind
    return this.#handshakes.get(kind, this.#patience(options))
  }

  async eraFor(client: Era, options?: Wait): Promise<Era> {
    this.#needMcp()
    return this.#eras.known(client) ?? this.#eras.find(client, this.#patience(options))
  }

  #patience({ signal, timeouts = {} }: Wait = {}): Patience {
    const { clock } = this.#deps
    const own = this.#config.timeouts.requestTimeoutMs
    const { requestTimeoutMs = own, connectTimeoutMs = own } = timeouts
    const wholeMs = Math.min(own, requestTimeoutMs)
    const { idle, leased, returning } = this.#pool.snapshot()
    const connects = connectTimeoutMs < wholeMs && idle + leased + returning === 0
    const limitMs = connects ? connectTimeoutMs : wholeMs
    return {
      signal,
      deadline: clock.now() + limitMs,
      aborted: () => new AppError('ABORTED', `waiting for ${this.name} to be connected was cancelled by the caller`),
      late: () => {
        const cause = this.#connections.lastFailure
        return new AppError(
          connects ? 'CONNECT_TIMEOUT' : 'DEADLINE_EXCEEDED',
          `${this.name} was not connected within the ${limitMs} ms that the request was given${cause ? `; last failure: ${cause.message}` : ''}`,
          { upstream: this.name },
        )
      },
    }
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
      state: this.#state(pool),
      era: jsonrpc ? 'jsonrpc' : (handshake?.era ?? null),
      serverInfo: handshake ? { ...handshake.serverInfo, protocolVersion: handshake.protocolVersion } : null,
      lastFailure: this.#connections.lastFailure,
      auth: this.#transport.auth,
      advice: this.#singleShot.marked ? [singleShotAdvice] : [],
      pool,
      connections: this.#pool.connections().map((pooled) => connectionView(this.name, pooled)),
    }
  }

  logs(connectionId: string): ConnectionLogSnapshot | undefined {
    return this.#connections.log(connectionId)
  }

  reconnect(connectionId: string): number | undefined {
    return this.#connections.get(connectionId)?.reconnect()
  }

  pids(): Map<string, number> {
    return this.#connections.pids()
  }

  spawn(): string {
    this.#transport.unblock()
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
    this.#transport.unblock()
    this.#pool.retry()
  }

  resetBreaker(): void {
    this.#pool.resetBreaker()
  }

  evict(connectionId: string, how: 'kill' | 'drain' | 'restart'): boolean {
    return this.#pool.evict(connectionId, how)
  }

  reconfigure(config: UpstreamConfig): void {
    // Whether requests have a connection to themselves is settled when it is opened.
    const shares = (it: UpstreamConfig) => it.isolation === 'multiplex'
    const other = shares(config) !== shares(this.#config) || config.protocol !== this.#config.protocol
    const replaced = this.#transport.reconfigure(config) || other
    this.#config = config
    this.#defaultKind = defaultKind(config)
    this.#pool.setLimits(config.pool)
    if (!replaced) return
    this.#generation++
    // Another server: nothing that was learnt about the old one holds.
    this.#handshakes.clear()
    this.#openings.forget()
    this.#singleShot = new SingleShotDetector(this.#deps.clock, config.protocol === 'jsonrpc')
    this.#pool.setSingleShot(false)
    this.#connections.forgetFailures()
    this.#showConfigFailure()
    this.#pool.resetBreaker()
    this.#pool.restart()
  }

  close(reason: 'shutdown' | 'upstream-removed', timeoutMs = shutdownTimeoutMs): Promise<void> {
    this.#sessions.retire()
    this.#watcher.close()
    return this.#pool.close(reason, timeoutMs).finally(() => this.#transport.close())
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
  #giveProbeBack(lease: Lease<UpstreamConnection>): void {
    const { handshake, connectionId } = lease.resource
    if (handshake) this.#pool.assign(connectionId, kindAfter(handshake))
    lease.release()
  }

  /** One that clients share, the newest that speaks as the latest one does. */
  #sharedConnection(except?: string): UpstreamConnection | undefined {
    const era = this.#handshakes.latest?.handshake.era
    return this.#connections.findLast(
      ({ connectionId, alive, isShared, handshake }) =>
        alive && isShared && handshake?.era === era && connectionId !== except,
    )
  }

  async #openForWatch(): Promise<UpstreamConnection> {
    const { latest } = this.#handshakes
    const kind = latest?.kind ?? kindOf({ era: await this.eraFor('legacy'), capabilities: '{}' })
    using lease = await this.#acquire({ kind })
    return lease.resource
  }

  #state(pool: PoolSnapshot): UpstreamState {
    const { away, lastAttemptFailed } = this.#connections
    const state = upstreamState(pool, { away, lastAttemptFailed })
    return this.#transport.blocked && state !== 'stopped' ? 'unauthorized' : state
  }

  #open(context: OpenContext): UpstreamConnection {
    const connection = this.#transport.open(this.#connectionOptions(context))
    this.#connections.add(connection)
    return connection
  }

  #connectionOptions({ connectionId, kind, handshaking }: OpenContext): ConnectionOptions {
    const generation = this.#generation
    return {
      connectionId,
      ...this.#openings.of(kind, this.#sessions.find(kind)),
      exclusive: this.#config.isolation !== 'multiplex',
      connectTimeoutMs: this.#config.timeouts.connectTimeoutMs,
      handshaking,
      onHandshake: (handshake, settled) => {
        // A connection of the configuration before a change may still finish its handshake; a session's is its own.
        if (generation === this.#generation && !isSessionKind(kind)) this.#handshakes.set(settled ?? kind, handshake)
      },
      onChange: (notification) => this.#watcher.changed(connectionId, notification),
      onNotification: (notification) => this.events.emit('notification', { ...notification, connectionId }),
      onInvalidLine: (head) => this.events.emit('line.invalid', { connectionId, head }),
      onListenerError: (error) => this.#reportListener(error),
    }
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
      if (!connection?.isShared) return
      this.#watcher.ready(connection)
      this.#tellListsMissed(connection)
    })
    // Nobody may ask for long, and meanwhile it would be shown as failing: a connection costs a remote server little.
    events.on('breaker.half-open', () => {
      if (this.#config.transport !== 'stdio' && !this.#transport.blocked) this.#pool.retry()
    })
    events.on('connection.closing', ({ connectionId, reason }) => {
      this.#watcher.ended(connectionId, reason)
      const connection = connections.get(connectionId)
      if (connection?.isShared && connection.pid === null && (reason === 'exited' || reason === 'unhealthy'))
        this.#listsMissed = true
    })
    return connections
  }

  /** A server that was lost may be another one when it is back; legacy sessions hear of lists without asking. */
  #tellListsMissed({ connectionId, handshake }: UpstreamConnection): void {
    if (!this.#listsMissed || handshake?.era !== 'legacy') return
    this.#listsMissed = false
    for (const list of ['tools', 'prompts', 'resources'] as const) {
      const capability = handshake.capabilities[list]
      if (isRecord(capability) && capability.listChanged === true)
        this.events.emit('notification', { ...changeOf({ list }), connectionId })
    }
  }

  #reportListener(error: unknown): void {
    this.#deps.logger.log('error', 'a listener failed', { upstream: this.name, error: String(error) })
  }
}
