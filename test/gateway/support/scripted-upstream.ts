import { Emitter } from '../../../electron/kit/emitter.ts'
import type {
  Handshake,
  JsonText,
  Upstream,
  UpstreamEvents,
  UpstreamReply,
  UpstreamRequest,
  UpstreamView,
} from '../../../electron/upstream/types.ts'
import { UnsupportedUpstream } from '../../../electron/upstream/unsupported-upstream.ts'
import { defaultPoolLimits, defaultTimeouts, type UpstreamConfig } from '../../../shared/config.ts'
import { AppError } from '../../../shared/errors.ts'
import type { UpstreamState } from '../../../shared/state.ts'

export type Answer = JsonText | { error: JsonText }
export type Script = (request: UpstreamRequest) => Answer | Promise<Answer>

export const handshake: Handshake = {
  // Odd spacing, an unknown member and a number beyond 2^53: whoever re-serialises it is found out.
  initializeResult:
    '{ "protocolVersion":"2025-11-25", "capabilities":{"logging":{},"tools":{"listChanged":true},"resources":{"subscribe":true}},"serverInfo":{"name":"scripted","version":"1.0.0"},  "x-big":12345678901234567890 }',
  protocolVersion: '2025-11-25',
  serverInfo: { name: 'scripted', version: '1.0.0' },
  capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } },
}

/** An upstream without processes: each test says what it answers. For what depends on the gateway alone. */
export class ScriptedUpstream implements Upstream {
  readonly name: string
  config: UpstreamConfig
  readonly events = new Emitter<UpstreamEvents>()
  readonly requests: UpstreamRequest[] = []
  state: UpstreamState = 'idle'
  handshakes = 0
  inFlight = 0
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
    this.#idle = new UnsupportedUpstream(this.config, '').view()
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

  handshake(): Promise<Handshake> {
    this.handshakes++
    return this.shake()
  }

  view(): UpstreamView {
    return { ...this.#idle, state: this.state, advice: [] }
  }

  logs(): undefined {
    return undefined
  }
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
