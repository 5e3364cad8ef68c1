import { Emitter } from '../../../electron/kit/emitter.ts'
import type {
  Era,
  Handshake,
  JsonText,
  ServerNotification,
  ServerRequest,
  Upstream,
  UpstreamEvents,
  UpstreamReply,
  UpstreamRequest,
  UpstreamSession,
  UpstreamView,
  Wait,
} from '../../../electron/upstream/types.ts'
import { defaultPoolLimits, defaultTimeouts, type UpstreamConfig } from '../../../shared/config.ts'
import { emptyPool } from '../../../shared/empty-pool.ts'
import { AppError } from '../../../shared/errors.ts'
import type { UpstreamState } from '../../../shared/state.ts'

export type Answer = JsonText | { error: JsonText }
export type Script = (request: UpstreamRequest) => Answer | Promise<Answer>

export const handshake: Handshake = {
  era: 'legacy',
  // Odd spacing, an unknown member and a number beyond 2^53: whoever re-serialises it is found out.
  initializeResult:
    '{ "protocolVersion":"2025-11-25", "capabilities":{"logging":{},"tools":{"listChanged":true},"resources":{"subscribe":true}},"serverInfo":{"name":"scripted","version":"1.0.0"},  "x-big":12345678901234567890 }',
  protocolVersion: '2025-11-25',
  serverInfo: { name: 'scripted', version: '1.0.0' },
  capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } },
}

/** What an upstream can be asked to watch. */
export type Watched = Parameters<Upstream['watch']>[0]

/** A session without a process: the test says what it answers, and speaks as its server. */
export class ScriptedSession implements UpstreamSession {
  readonly connectionId: string
  readonly pid = 1
  readonly handshake: Handshake
  readonly requests: UpstreamRequest[] = []
  readonly notified: { method: string; params: JsonText | undefined }[] = []
  /** The client's own params of `initialize`. */
  readonly initialize: JsonText | undefined
  closed = false
  onNotification: (notification: ServerNotification) => void = () => {}
  onServerRequest: (request: ServerRequest) => void = () => {}
  readonly #ended = new AbortController()
  readonly #send: (request: UpstreamRequest) => Promise<UpstreamReply>

  constructor(
    connectionId: string,
    shaken: Handshake,
    initialize: JsonText | undefined,
    send: (request: UpstreamRequest) => Promise<UpstreamReply>,
  ) {
    this.connectionId = connectionId
    this.handshake = shaken
    this.initialize = initialize
    this.#send = send
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  async request(request: UpstreamRequest): Promise<UpstreamReply> {
    this.requests.push(request)
    return { ...(await this.#send(request)), connectionId: this.connectionId }
  }

  notify(method: string, params?: JsonText): void {
    this.notified.push({ method, params })
  }

  close(): void {
    this.closed = true
    this.end('it was closed')
  }

  /** Its process ends. */
  end(why = 'the process exited'): void {
    this.#ended.abort(new AppError('CONNECTION_LOST', why))
  }
}

/** A request of the server's own, and what was answered to it. */
export function serverRequest(
  method: string,
  params?: JsonText,
): { request: ServerRequest; answer: Promise<{ kind: 'result' | 'error'; text: JsonText }>; cancel(): void } {
  const { promise: answer, resolve } = Promise.withResolvers<{ kind: 'result' | 'error'; text: JsonText }>()
  const gone = new AbortController()
  const request: ServerRequest = {
    method,
    params,
    gone: gone.signal,
    answer(kind, text) {
      if (gone.signal.aborted) return false
      resolve({ kind, text })
      return true
    },
  }
  return { request, answer, cancel: () => gone.abort() }
}

/** An upstream without processes: each test says what it answers. For what depends on the gateway alone. */
export class ScriptedUpstream implements Upstream {
  readonly name: string
  readonly signIn = null
  config: UpstreamConfig
  readonly events = new Emitter<UpstreamEvents>()
  readonly requests: UpstreamRequest[] = []
  state: UpstreamState = 'idle'
  handshakes = 0
  /** What was given to those that ask for the era and the handshake. */
  readonly waits: Wait['timeouts'][] = []
  inFlight = 0
  /** Requests that wait for a connection, as the view tells. */
  waiting = 0
  /** The eras that the server speaks; the first serves who speaks none of them. */
  eras: [Era, ...Era[]] = ['legacy']
  readonly sessions: ScriptedSession[] = []
  readonly watches = new Set<{ what: Watched; listener: (notification: ServerNotification) => void }>()
  /** Text of the error with which the server refuses a watch; undefined when it does not. */
  refuseWatch: (what: Watched) => JsonText | undefined = () => undefined
  shake: () => Promise<Handshake> = async () => handshake
  readonly #script: Script
  readonly #idle: UpstreamView

  constructor(name: string, script: Script = () => '{}', config: Partial<UpstreamConfig> = {}) {
    this.name = name
    this.#script = script
    this.config = {
      name,
      enabled: true,
      protocol: 'auto',
      isolation: 'shared',
      pool: defaultPoolLimits,
      timeouts: defaultTimeouts,
      transport: 'stdio',
      command: 'scripted',
      args: [],
      env: {},
      ...config,
    } as UpstreamConfig
    this.#idle = {
      state: 'idle',
      era: null,
      serverInfo: null,
      lastFailure: null,
      auth: null,
      advice: [],
      pool: emptyPool(this.config.pool, 'running'),
      connections: [],
    }
  }

  async request(request: UpstreamRequest): Promise<UpstreamReply> {
    this.requests.push(request)
    this.inFlight++
    try {
      const answer = await Promise.race([this.#script(request), aborted(request)])
      const [kind, text] =
        typeof answer === 'string' ? (['result', answer] as const) : (['error', answer.error] as const)
      const timing = { queueMs: 0, coldStart: false, callMs: 0, attempts: 1 }
      return { kind, text, connectionId: `${this.name}#1`, pid: 1, timing }
    } finally {
      this.inFlight--
    }
  }

  async eraFor(client: Era, wait?: Wait): Promise<Era> {
    this.waits.push(wait?.timeouts)
    return this.eras.includes(client) ? client : this.eras[0]
  }

  async openSession({ initialize }: { initialize?: JsonText | undefined } = {}): Promise<UpstreamSession> {
    const session = new ScriptedSession(
      `${this.name}#session-${this.sessions.length + 1}`,
      await this.shake(),
      initialize,
      (request) => this.request(request),
    )
    this.sessions.push(session)
    return session
  }

  async watch(
    what: Watched,
    listener: (notification: ServerNotification) => void,
  ): Promise<{ stop: () => void } | { refused: JsonText }> {
    const refused = this.refuseWatch(what)
    if (refused !== undefined) return { refused }
    const watch = { what, listener }
    this.watches.add(watch)
    return { stop: () => void this.watches.delete(watch) }
  }

  handshake(wait?: Wait): Promise<Handshake> {
    this.waits.push(wait?.timeouts)
    this.handshakes++
    return this.shake()
  }

  view(): UpstreamView {
    return { ...this.#idle, state: this.state, pool: { ...this.#idle.pool, waiting: this.waiting } }
  }

  logs(): undefined {
    return undefined
  }
  reconnect(): undefined {}

  pids(): Map<string, number> {
    return new Map()
  }
  spawn(): string {
    return 'scripted#1'
  }
  drain(): void {}
  restart(): void {}
  suspend(): void {}
  resume(): void {}
  retry(): void {}
  resetBreaker(): void {}
  evict(): boolean {
    return false
  }
  reconfigure(config: UpstreamConfig): void {
    this.config = config
  }
  async close(): Promise<void> {}
}

/** As a real upstream: an aborted request rejects at once. */
function aborted({ signal, method }: UpstreamRequest): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new AppError('ABORTED', `${method} was cancelled by the caller`))
    if (signal?.aborted) fail()
    else signal?.addEventListener('abort', fail, { once: true })
  })
}
