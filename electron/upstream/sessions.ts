import { AppError } from '../../shared/errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { SessionListener, UpstreamConnection } from './connection-types.ts'
import { isSessionKind, sessionKind } from './kinds.ts'
import { OwnSession } from './own-session.ts'
import type { JsonText, UpstreamReply, UpstreamRequest, UpstreamSession } from './types.ts'

/** What its process is opened with. */
export interface Session {
  /** The client's own params; absent for a modern client. */
  readonly initialize: JsonText | undefined
  readonly listener: SessionListener
}

export interface SessionsOptions {
  readonly pool: Pool<UpstreamConnection>
  /** Monotonic milliseconds, for one that is opened now. */
  deadline(): number
  send(request: UpstreamRequest, connection: UpstreamConnection): Promise<UpstreamReply>
}

/** Client sessions that have a process of their own, each under a kind of its own in the pool. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #opening = new Map<string, Session>()
  readonly #open = new Set<OwnSession>()
  #last = 0

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** The session that a connection of this kind is opened for. @throws AppError ABORTED when it is not wanted any more */
  find(kind: string): Session | undefined {
    if (!isSessionKind(kind)) return undefined
    const session = this.#opening.get(kind)
    if (!session) throw new AppError('ABORTED', 'the session that the process was to be started for has ended')
    return session
  }

  /** The upstream closes: nobody waits for clients that would keep theirs for hours. */
  retire(): void {
    for (const session of this.#open) session.retire()
  }

  /** @throws AppError why no connection could be opened */
  async open(initialize: JsonText | undefined, signal: AbortSignal | undefined): Promise<UpstreamSession> {
    const { pool, deadline, send } = this.#options
    const kind = sessionKind(++this.#last)
    const session = new OwnSession(send)
    this.#opening.set(kind, { initialize, listener: session })
    try {
      session.begin(await pool.acquire({ kind, hold: true, signal, deadline: deadline() }))
      this.#open.add(session)
      session.ended.addEventListener('abort', () => this.#open.delete(session), { once: true })
      return session
    } catch (error) {
      // It may be coming up for nobody.
      for (const { id, kind: each } of pool.connections()) if (each === kind) pool.evict(id, 'drain')
      throw error
    } finally {
      this.#opening.delete(kind)
    }
  }
}
