import type { UpstreamConfig } from '../../shared/config.ts'
import { emptyPool } from '../../shared/empty-pool.ts'
import { AppError } from '../../shared/errors.ts'
import { Emitter } from '../kit/emitter.ts'
import type { Upstream, UpstreamEvents, UpstreamView } from './types.ts'

/** An upstream that is configured in a way that this version can't serve. It says so, and does nothing else. */
export class UnsupportedUpstream implements Upstream {
  readonly name: string
  readonly events = new Emitter<UpstreamEvents>()
  readonly signIn = null
  #config: UpstreamConfig
  readonly #why: string
  #closed = false

  /** @param why what is not supported and what to do, in a sentence */
  constructor(config: UpstreamConfig, why: string) {
    this.name = config.name
    this.#config = config
    this.#why = why
  }

  get config(): UpstreamConfig {
    return this.#config
  }

  async request(): Promise<never> {
    throw this.#unsupported()
  }

  async eraFor(): Promise<never> {
    throw this.#unsupported()
  }

  async handshake(): Promise<never> {
    throw this.#unsupported()
  }

  async openSession(): Promise<never> {
    throw this.#unsupported()
  }

  async watch(): Promise<never> {
    throw this.#unsupported()
  }

  view(): UpstreamView {
    const state = this.#closed ? 'stopped' : 'unsupported'
    const pool = emptyPool(this.#config.pool, this.#closed ? 'closed' : 'running')
    return {
      state,
      era: null,
      serverInfo: null,
      lastFailure: null,
      auth: null,
      advice: [this.#why],
      pool,
      connections: [],
    }
  }

  logs(): undefined {
    return undefined
  }

  reconnect(): undefined {
    return undefined
  }

  pids(): Map<string, number> {
    return new Map()
  }

  spawn(): string {
    throw this.#unsupported()
  }

  drain(): void {}
  restart(): void {}
  suspend(): void {
    throw this.#unsupported()
  }
  resume(): void {}
  retry(): void {}
  resetBreaker(): void {}

  evict(): boolean {
    return false
  }

  reconfigure(config: UpstreamConfig): void {
    this.#config = config
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #unsupported(): AppError {
    return new AppError('UPSTREAM_UNSUPPORTED', `${this.name}: ${this.#why}`, { upstream: this.name })
  }
}
