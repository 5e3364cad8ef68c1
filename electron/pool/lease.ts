import { AppError } from '../../shared/errors.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { PooledConnection } from './connection.ts'
import type { CloseManner, Lease, Resource } from './types.ts'

/** Takes released connections. */
export interface LeaseHost<R extends Resource> {
  released(connection: PooledConnection<R>, discard: { reason: CloseReason; manner?: CloseManner } | undefined): void
}

/** Valid as long as the connection is of the lease's generation: a release and a revocation both end the generation. */
export class PoolLease<R extends Resource> implements Lease<R> {
  readonly generation: number
  readonly waitedMs: number
  readonly opened: boolean
  readonly #connection: PooledConnection<R>
  readonly #host: LeaseHost<R>

  constructor(connection: PooledConnection<R>, host: LeaseHost<R>, waitedMs: number, opened: boolean) {
    this.#connection = connection
    this.#host = host
    this.generation = connection.generation
    this.waitedMs = waitedMs
    this.opened = opened
  }

  get connectionId(): string {
    return this.#connection.id
  }

  get resource(): R {
    const { resource, generation, id } = this.#connection
    if (generation === this.generation && resource !== undefined) return resource
    throw expired(id, this.#connection.revokedGeneration === this.generation)
  }

  get revoked(): AbortSignal {
    const connection = this.#connection
    if (connection.generation === this.generation) {
      connection.revocation ??= new AbortController()
      return connection.revocation.signal
    }
    return connection.revokedGeneration === this.generation
      ? AbortSignal.abort(expired(connection.id, true))
      : new AbortController().signal
  }

  release(discard?: { reason: CloseReason; manner?: CloseManner }): boolean {
    const connection = this.#connection
    if (connection.generation !== this.generation) return false
    connection.generation++
    this.#host.released(connection, discard)
    return true
  }

  [Symbol.dispose](): void {
    this.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.release()
    return Promise.resolve()
  }
}

export const expired = (connectionId: string, revoked: boolean): AppError =>
  new AppError(
    'LEASE_EXPIRED',
    revoked
      ? `the lease of connection ${connectionId} was revoked: acquire another`
      : `the lease of connection ${connectionId} was released before: acquire another`,
    { connectionId, revoked },
  )
