import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { randomHandle } from '../../kit/ids.ts'
import type { GatewayLimits, SessionCloseReason } from '../types.ts'
import { ReplayBudget } from './replay.ts'
import { LegacySession, type SessionOptions } from './session.ts'

export interface SessionListener {
  opened(session: LegacySession): void
  closed(session: LegacySession, reason: SessionCloseReason): void
}

const shuttingDown = () => new AppError('ABORTED', 'Poolscope is shutting down; the request was cut off')

/** The legacy sessions of the gateway: bounded in number, ended when idle. */
export class Sessions {
  readonly #clock: Clock
  readonly #limits: GatewayLimits
  readonly #listener: SessionListener
  readonly #budget: ReplayBudget
  readonly #byId = new Map<string, LegacySession>()
  readonly #byUpstream = new Map<string, Set<LegacySession>>()
  #opened = 0

  constructor(clock: Clock, limits: GatewayLimits, listener: SessionListener) {
    this.#clock = clock
    this.#limits = limits
    this.#listener = listener
    this.#budget = new ReplayBudget(limits.replayBytes)
  }

  get size(): number {
    return this.#byId.size
  }

  /** @returns undefined when there are too many and none of them is idle */
  open(options: Omit<SessionOptions, 'id' | 'number' | 'clock' | 'budget'>): LegacySession | undefined {
    if (this.#byId.size >= this.#limits.maxSessions && !this.#evictLongestIdle()) return undefined
    const session = new LegacySession({
      ...options,
      id: randomHandle(),
      number: ++this.#opened,
      clock: this.#clock,
      budget: this.#budget,
    })
    this.#byId.set(session.id, session)
    const peers = this.#byUpstream.get(session.upstream)
    if (peers) peers.add(session)
    else this.#byUpstream.set(session.upstream, new Set([session]))
    this.#listener.opened(session)
    return session
  }

  /** A session belongs to one upstream: under another name it is unknown. */
  get(id: string, upstream: string): LegacySession | undefined {
    const session = this.#byId.get(id)
    return session?.upstream === upstream ? session : undefined
  }

  of(upstream: string): Iterable<LegacySession> {
    return this.#byUpstream.get(upstream) ?? []
  }

  countOf(upstream: string): number {
    return this.#byUpstream.get(upstream)?.size ?? 0
  }

  close(session: LegacySession, reason: SessionCloseReason): void {
    if (!this.#byId.delete(session.id)) return
    const peers = this.#byUpstream.get(session.upstream)
    peers?.delete(session)
    if (peers?.size === 0) this.#byUpstream.delete(session.upstream)
    session.close(reason === 'shutdown' ? shuttingDown() : undefined)
    this.#listener.closed(session, reason)
  }

  /** Ends what was idle for too long and forgets events that nobody came back for. */
  sweep(): void {
    const idleSince = this.#clock.now() - this.#limits.sessionIdleMs
    for (const session of this.#byId.values()) {
      if (session.isIdle && session.lastActiveAt <= idleSince) this.close(session, 'idle')
      else session.forgetEnded(this.#limits.replayKeepMs)
    }
  }

  /** Clients are told to come back; what they have under way goes on. */
  endStandaloneStreams(): void {
    for (const session of this.#byId.values()) session.endStandalone()
  }

  closeAll(): void {
    for (const session of this.#byId.values()) this.close(session, 'shutdown')
  }

  #evictLongestIdle(): boolean {
    let longest: LegacySession | undefined
    for (const session of this.#byId.values())
      if (session.isIdle && (!longest || session.lastActiveAt < longest.lastActiveAt)) longest = session
    if (longest) this.close(longest, 'evicted')
    return longest !== undefined
  }
}
