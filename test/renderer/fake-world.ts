import type {
  ConnectionSnapshot,
  EventRecord,
  Frame,
  Point,
  Snapshot,
  UpstreamSnapshot,
} from '../../shared/contract.ts'
import { eventsKept } from '../../shared/events.ts'
import { pointsKept } from '../../shared/state.ts'
import { buildStreams, reconnectStreams, streamHistory, streamsSecond } from './fake-streams.ts'
import { buildUpstream, type Plan, plans } from './fake-upstreams.ts'

const mib = 1024 * 1024

/** A host that only exists on paper: lively state in the contract's shapes, moved on by `tick`. */
export class FakeWorld {
  readonly startedAt = Date.now() - 3 * 3_600_000
  seq = 0
  closing = false
  demoRunning = true
  readonly upstreams = new Map<string, UpstreamSnapshot>()
  readonly plans = new Map<string, Plan>()
  readonly points = new Map<string, Point[]>()
  events: EventRecord[] = []
  readonly #random: () => number
  readonly #url: string
  #eventId = 0
  #nextPid = 48_100
  #nextConnection = 1
  #dirty = new Set<string>()
  #removed: string[] = []
  #newEvents: EventRecord[] = []
  #lastSecond = Math.floor(Date.now() / 1_000)

  constructor(options: { empty?: boolean; seed?: number; url?: string } = {}) {
    this.#random = mulberry32(options.seed ?? 7)
    this.#url = options.url ?? 'http://127.0.0.1:7411'
    if (!options.empty) for (const plan of plans) this.add(plan)
    this.#history()
  }

  add(plan: Plan): void {
    const upstream = buildUpstream(plan, this.#url)
    for (let i = 0; i < plan.connections; i++) upstream.connections.push(this.#connection(plan, i))
    this.plans.set(plan.name, plan)
    this.upstreams.set(plan.name, upstream)
    this.points.set(plan.name, [])
    this.#count(upstream)
    this.#dirty.add(plan.name)
  }

  remove(name: string): void {
    this.upstreams.delete(name)
    this.plans.delete(name)
    this.points.delete(name)
    this.#removed.push(name)
    this.#dirty.delete(name)
  }

  /** Changes an upstream by what `change` does to a copy of it. */
  update(name: string, change: (draft: UpstreamSnapshot) => void): void {
    const upstream = this.upstreams.get(name)
    if (!upstream) return
    const draft = structuredClone(upstream)
    change(draft)
    this.#count(draft)
    this.upstreams.set(name, draft)
    this.#dirty.add(name)
  }

  spawn(name: string): ConnectionSnapshot | undefined {
    const plan = this.plans.get(name)
    const upstream = this.upstreams.get(name)
    if (!plan || !upstream || upstream.connections.length >= upstream.pool.max) return undefined
    const connection = { ...this.#connection(plan), state: 'spawning' as const, openReason: 'person' as const }
    this.update(name, (draft) => draft.connections.push(connection))
    this.event(
      'connection.opening',
      'info',
      name,
      `Opening a connection because a person asked (PID ${connection.pid})`,
    )
    return connection
  }

  event(
    kind: EventRecord['kind'],
    level: EventRecord['level'],
    upstream: string | null,
    message: string,
    at = Date.now(),
    details: Partial<Pick<EventRecord, 'connectionId' | 'data'>> = {},
  ): void {
    const event: EventRecord = {
      id: ++this.#eventId,
      at,
      kind,
      level,
      upstream,
      connectionId: null,
      pid: null,
      message,
      ...details,
    }
    this.events = [event, ...this.events].slice(0, eventsKept)
    this.#newEvents.push(event)
  }

  /** Has the waiting streams of a session tried at once. @returns how many */
  reconnect(name: string, connectionId: string): number {
    let tried = 0
    this.update(name, (draft) => {
      for (const connection of draft.connections)
        if (connection.id === connectionId) tried += reconnectStreams(connection, Date.now(), this.#tellOf(name))
    })
    return tried
  }

  #tellOf(name: string): Parameters<typeof streamHistory>[2] {
    return (kind, level, message, at, details) => this.event(kind, level, name, message, at, details)
  }

  /** Moves the world on by a quarter of a second. @returns what changed, as the host would send it */
  tick(now = Date.now()): Frame {
    for (const [name, plan] of this.plans) if (plan.traffic > 0) this.#traffic(name, plan)
    const second = Math.floor(now / 1_000)
    const points: Record<string, Point[]> = {}
    if (second > this.#lastSecond) {
      this.#lastSecond = second
      for (const name of this.upstreams.keys()) points[name] = [this.#point(name, second)]
      this.#sometimes(now)
    }
    const frame: Frame = {
      seq: ++this.seq,
      at: now,
      ...(Object.keys(points).length > 0 ? { host: this.snapshot().host, gateway: this.snapshot().gateway } : {}),
      upstreams: [...this.#dirty].flatMap((name) => this.upstreams.get(name) ?? []),
      removed: this.#removed,
      events: this.#newEvents,
      points,
    }
    this.#dirty = new Set()
    this.#removed = []
    this.#newEvents = []
    return frame
  }

  snapshot(): Snapshot {
    const upstreams = [...this.upstreams.values()]
    return {
      seq: this.seq,
      at: Date.now(),
      host: {
        version: '0.1.0',
        pid: 47_992,
        startedAt: this.startedAt,
        mode: 'serve',
        configFile: '/home/sam/.config/poolscope/poolscope.json',
        memoryBytes: 92 * mib,
        childrenMemoryBytes: upstreams.reduce((sum, upstream) => sum + upstream.stats.memoryBytes, 0),
        eventLoopLagMs: 1.2 + this.#random() * 2,
        demoTraffic: this.upstreams.has('demo') ? { running: this.demoRunning, upstream: 'demo' } : null,
        closing: this.closing,
      },
      gateway: {
        state: 'listening',
        url: this.#url,
        auth: 'bearer',
        sessions: upstreams.length === 0 ? 0 : 5,
        requestsInFlight: upstreams.reduce((sum, upstream) => sum + upstream.pool.leased, 0),
        error: null,
      },
      upstreams,
      events: this.events,
    }
  }

  #traffic(name: string, plan: Plan): void {
    this.update(name, (draft) => {
      const load =
        plan.traffic *
        (0.6 + 0.4 * Math.sin(Date.now() / 9_000 + plan.memoryMib)) *
        (name === 'demo' && !this.demoRunning ? 0 : 1)
      for (const connection of draft.connections) {
        if (connection.state === 'draining') continue
        const busy = this.#random() < load / draft.pool.max
        if (connection.state === 'leased' || busy) connection.served += busy ? 1 : 0
        connection.state = busy ? 'leased' : 'idle'
        connection.inFlight = busy ? 1 : 0
        connection.leasedSince = busy ? Date.now() : null
        connection.stateSince = Date.now()
        if (!isRemote(plan)) connection.cpuPercent = Math.round(busy ? 4 + this.#random() * 18 : this.#random())
      }
      draft.pool.waiting = load > draft.pool.max ? Math.round((load - draft.pool.max) * 2 + this.#random() * 2) : 0
      draft.pool.oldestWaitMs = draft.pool.waiting * 40
      draft.stats.requests += Math.round(load)
      draft.stats.ratePerSecond = load * plan.perSecond
      draft.stats.p50Ms = load > 0 ? plan.p50Ms * (0.9 + 0.2 * this.#random()) : null
      draft.stats.p95Ms = draft.stats.p50Ms === null ? null : draft.stats.p50Ms * 2.4
      draft.stats.p99Ms = draft.stats.p50Ms === null ? null : draft.stats.p50Ms * 4.1
    })
  }

  #sometimes(now: number): void {
    if (this.upstreams.size === 0) return
    for (const [name, upstream] of this.upstreams)
      for (const connection of upstream.connections)
        if (connection.state === 'spawning')
          this.update(name, (draft) => {
            for (const c of draft.connections) if (c.id === connection.id) c.state = 'idle'
          })
    for (const [name, { connections }] of this.upstreams)
      if (connections.some(({ streams }) => streams.some(({ state }) => state === 'waiting')))
        this.update(name, (draft) => {
          for (const connection of draft.connections) streamsSecond(connection, now, this.#tellOf(name))
        })
    const roll = this.#random()
    if (roll < 0.12)
      this.event('session.opened', 'info', 'demo', 'A client opened a session: claude-code 2.4.1, legacy era', now)
    else if (roll < 0.16)
      this.event(
        'request.failed',
        'warn',
        'github',
        'tools/call search_issues answered with an error: rate limit exceeded',
        now,
      )
    else if (roll < 0.2)
      this.event('reconnect.scheduled', 'warn', 'browser', 'Next attempt in 12 s (full jitter, attempt 4)', now)
  }

  /** Five minutes of points with a gap in them, and a feed to look at. */
  #history(): void {
    const end = this.#lastSecond
    for (let t = end - pointsKept; t <= end; t++) {
      if (t > end - 150 && t < end - 138) continue
      if (t % 3 === 0) for (const [name, plan] of this.plans) if (plan.traffic > 0) this.#traffic(name, plan)
      for (const name of this.upstreams.keys()) this.#point(name, t)
    }
    if (this.upstreams.size === 0) return
    const ago = (seconds: number) => Date.now() - seconds * 1_000
    for (const [name, plan] of this.plans) {
      const [first, ...others] = this.upstreams.get(name)?.connections ?? []
      if (first) streamHistory([first], plan.streams ?? [], this.#tellOf(name))
      streamHistory(others, plan.streamsOfOthers ?? plan.streams ?? [], this.#tellOf(name))
    }
    this.event('host.started', 'info', null, 'Host 0.1.0 started with 8 upstreams', this.startedAt)
    this.event('gateway.listening', 'info', null, `Gateway is listening on ${this.#url}`, this.startedAt + 40)
    this.event(
      'connection.ready',
      'info',
      'filesystem',
      'Connected to secure-filesystem-server 0.6.3 in 812 ms',
      ago(2_400),
    )
    this.event(
      'upstream.single-shot',
      'warn',
      'pdf-tools',
      'Exits after each answer: treated as single-shot, one spare is kept',
      ago(1_900),
    )
    this.event('upstream.suspended', 'info', 'search', 'Suspended by a person', ago(1_320))
    this.event('connection.failed', 'error', 'postgres', 'Could not start: spawn mcp-postgres ENOENT', ago(95))
    this.event(
      'breaker.opened',
      'error',
      'postgres',
      'Breaker opened after 5 failures in a row; next attempt in 60 s',
      ago(64),
    )
    this.event(
      'connection.failed',
      'warn',
      'browser',
      'No handshake within 60 s (first run of npx downloads packages)',
      ago(52),
    )
    this.event('connection.dead', 'warn', 'github', 'PID 48106 ended by signal SIGKILL; replaced (killed)', ago(31))
    this.event('request.failed', 'warn', 'demo', 'tools/call: <img src=x onerror="alert(1)"> is not a tool', ago(12))
    this.event('session.opened', 'info', 'github', 'A client opened a session: cursor 1.9, legacy era', ago(4))
    this.#newEvents = []
  }

  #point(name: string, t: number): Point {
    const upstream = this.upstreams.get(name)
    const plan = this.plans.get(name)
    if (!upstream || !plan) throw new Error(`no upstream ${name}`)
    const { pool, stats } = upstream
    const calls = Math.round(stats.ratePerSecond * (0.7 + this.#random() * 0.6))
    const errors = calls > 0 && this.#random() < 0.05 ? 1 : 0
    const point: Point = {
      t,
      idle: pool.idle,
      leased: pool.leased,
      spawning: pool.spawning,
      draining: pool.draining,
      max: pool.max,
      waiting: pool.waiting,
      oldestWaitMs: pool.oldestWaitMs,
      ok: calls,
      toolErrors: errors,
      protocolErrors: 0,
      timeouts: 0,
      p50Ms: calls > 0 ? stats.p50Ms : null,
      p95Ms: calls > 0 ? stats.p95Ms : null,
      p99Ms: calls > 0 ? stats.p99Ms : null,
      memoryBytes: stats.memoryBytes * (0.97 + this.#random() * 0.05),
      cpuPercent: stats.cpuPercent,
    }
    const series = this.points.get(name) ?? []
    this.points.set(name, [...series, point].slice(-pointsKept))
    return point
  }

  #count(upstream: UpstreamSnapshot): void {
    const { pool, connections, stats } = upstream
    const inState = (...states: ConnectionSnapshot['state'][]) =>
      connections.filter(({ state }) => states.includes(state)).length
    pool.idle = inState('idle')
    pool.leased = inState('leased')
    pool.spawning = inState('spawning', 'handshaking')
    pool.returning = inState('returning')
    pool.draining = inState('draining')
    stats.memoryBytes = connections.reduce((sum, connection) => sum + (connection.memoryBytes ?? 0), 0)
    stats.cpuPercent = connections.reduce((sum, connection) => sum + (connection.cpuPercent ?? 0), 0)
    if (upstream.state === 'ready' || upstream.state === 'busy' || upstream.state === 'idle')
      upstream.state =
        pool.leased === pool.max && pool.waiting > 0 ? 'busy' : connections.length === 0 ? 'idle' : 'ready'
  }

  #connection(plan: Plan, nth = 0): ConnectionSnapshot {
    const now = Date.now()
    const remote = isRemote(plan)
    const openedAt = now - Math.round(this.#random() * 5_000_000)
    const streams = nth === 0 ? plan.streams : (plan.streamsOfOthers ?? plan.streams)
    return {
      id: `${plan.name}#${this.#nextConnection++}`,
      upstream: plan.name,
      pid: remote ? null : this.#nextPid++,
      state: plan.connectionState ?? 'idle',
      openReason: 'demand',
      closeReason: null,
      spare: false,
      openedAt,
      stateSince: now,
      served: Math.round(this.#random() * 4_000),
      inFlight: 0,
      errors: Math.round(this.#random() * 3),
      leasedSince: null,
      leakWarned: false,
      cpuPercent: remote ? null : 0,
      memoryBytes: remote ? null : Math.round(plan.memoryMib * mib * (0.9 + 0.2 * this.#random())),
      processes: remote ? null : 1,
      stderrBytes: 1_240,
      streams: buildStreams(streams ?? [], openedAt),
      lastError: null,
    }
  }
}

const isRemote = ({ transport }: Plan) => transport === 'http' || transport === 'sse'

/** A small seeded generator, so that two runs look alike. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
