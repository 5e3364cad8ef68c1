import type { PoolLimits } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import type { CloseReason } from '../../shared/state.ts'
import type { Clock, Timer } from '../kit/clock.ts'
import type { AcquireOptions, CloseManner, Lease } from '../pool/types.ts'
import type { UpstreamConnection } from './connection-types.ts'

type Discard = { reason: CloseReason; manner?: CloseManner }

/** A lease of the pool with the requests that share it. */
interface Shared {
  readonly lease: Lease<UpstreamConnection>
  inFlight: number
  /** Nobody joins any more, and it is given back like this when the last one has left. */
  discard: Discard | undefined
}

interface Waiter {
  readonly since: number
  readonly resolve: (lease: Lease<UpstreamConnection>) => void
  readonly reject: (error: unknown) => void
  settle(): void
}

/** Everything of one kind of connections. */
interface Group {
  readonly shared: Set<Shared>
  readonly waiting: Set<Waiter>
  /** Leases asked of the pool and not granted yet. */
  asking: number
}

export interface SharedLeasesOptions {
  readonly clock: Clock
  acquire(options: AcquireOptions): Promise<Lease<UpstreamConnection>>
  limits(): PoolLimits
}

/**
 * Isolation `multiplex`: up to `maxInFlight` requests share one lease. Connections are filled one after the other, so that
 * few processes serve many requests; a lease goes back to the pool with its last request.
 */
export class SharedLeases {
  readonly #options: SharedLeasesOptions
  readonly #groups = new Map<string, Group>()

  constructor(options: SharedLeasesOptions) {
    this.#options = options
  }

  /** As the pool's own, but many at a time may have the same connection. */
  async acquire(options: AcquireOptions): Promise<Lease<UpstreamConnection>> {
    const kind = options.kind ?? ''
    if (options.only !== undefined) return this.#one(kind, options.only, options)
    const group = this.#group(kind)
    const shared = this.#withRoom(group)
    // Who waits comes first: an arrival never overtakes.
    if (shared && group.waiting.size === 0) return this.#join(group, shared, 0, false)
    return this.#wait(kind, group, options)
  }

  #group(kind: string): Group {
    let group = this.#groups.get(kind)
    if (!group) {
      group = { shared: new Set(), waiting: new Set(), asking: 0 }
      this.#groups.set(kind, group)
    }
    return group
  }

  /** One certain connection, however many share it. */
  async #one(kind: string, only: string, options: AcquireOptions): Promise<Lease<UpstreamConnection>> {
    for (const group of this.#groups.values()) {
      for (const shared of group.shared) {
        if (shared.lease.connectionId === only && isOpen(shared)) return this.#join(group, shared, 0, false)
      }
    }
    const lease = await this.#options.acquire({ ...options, hold: true })
    const group = this.#group(kind)
    return this.#join(group, this.#add(group, lease), lease.waitedMs, lease.opened)
  }

  /**
   * The first with room, whatever the caller used last: several requests that are written and answered together cost half
   * of what they do one by one (docs/benchmarks.md), and requests that are spread over processes never come together.
   */
  #withRoom(group: Group): Shared | undefined {
    const { maxInFlight } = this.#options.limits()
    for (const shared of group.shared) if (shared.inFlight < maxInFlight && isOpen(shared)) return shared
    return undefined
  }

  #wait(kind: string, group: Group, options: AcquireOptions): Promise<Lease<UpstreamConnection>> {
    const { clock, limits } = this.#options
    const { signal, deadline } = options
    const since = clock.now()
    if (group.waiting.size >= limits().maxWaiting) {
      throw new AppError('QUEUE_FULL', `${group.waiting.size} requests wait already, more are refused`)
    }
    if (signal?.aborted) throw aborted(signal)
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const abort = () => signal && giveUp(aborted(signal))
      const waiter: Waiter = {
        since,
        resolve,
        reject,
        settle: () => {
          group.waiting.delete(waiter)
          timer?.cancel()
          signal?.removeEventListener('abort', abort)
        },
      }
      const giveUp = (error: AppError) => {
        waiter.settle()
        reject(error)
        this.#tidy(kind, group)
      }
      signal?.addEventListener('abort', abort, { once: true })
      if (deadline !== undefined && deadline < Number.POSITIVE_INFINITY) {
        timer = clock.after(Math.max(0, deadline - since), () =>
          giveUp(new AppError('DEADLINE_EXCEEDED', 'the deadline passed while waiting for a connection')),
        )
      }
      group.waiting.add(waiter)
      this.#ask(kind, group, options.prefer)
    })
  }

  /** Asks the pool for as many leases as those who wait will need. */
  #ask(kind: string, group: Group, prefer?: string): void {
    const { acquire, limits, clock } = this.#options
    while (group.asking * limits().maxInFlight < group.waiting.size) {
      group.asking++
      const askedAt = clock.now()
      acquire({ kind, prefer, hold: true }).then(
        (lease) => {
          group.asking--
          const shared = this.#add(group, lease)
          this.#serve(group)
          if (shared.inFlight === 0) this.#leave(group, shared)
          this.#tidy(kind, group)
        },
        (error: unknown) => {
          group.asking--
          // Those who came later have not waited as long as the error says.
          for (const waiter of [...group.waiting]) {
            if (waiter.since > askedAt) continue
            waiter.settle()
            waiter.reject(error)
          }
          this.#ask(kind, group)
          this.#tidy(kind, group)
        },
      )
    }
  }

  #add(group: Group, lease: Lease<UpstreamConnection>): Shared {
    const shared: Shared = { lease, inFlight: 0, discard: undefined }
    group.shared.add(shared)
    return shared
  }

  #serve(group: Group): void {
    for (const waiter of group.waiting) {
      const shared = this.#withRoom(group)
      if (!shared) return
      waiter.settle()
      const waitedMs = this.#options.clock.now() - waiter.since
      waiter.resolve(this.#join(group, shared, waitedMs, shared.lease.opened && shared.inFlight === 0))
    }
  }

  #join(group: Group, shared: Shared, waitedMs: number, opened: boolean): Lease<UpstreamConnection> {
    shared.inFlight++
    return new SharedLease(shared.lease, waitedMs, opened, (discard) => {
      shared.discard ??= discard
      shared.inFlight--
      if (shared.inFlight === 0 && (group.waiting.size === 0 || !isOpen(shared))) this.#leave(group, shared)
      this.#serve(group)
    })
  }

  #leave(group: Group, shared: Shared): void {
    group.shared.delete(shared)
    shared.lease.release(shared.discard)
    for (const [kind, each] of this.#groups) if (each === group) this.#tidy(kind, group)
  }

  #tidy(kind: string, group: Group): void {
    if (group.shared.size + group.waiting.size + group.asking === 0) this.#groups.delete(kind)
    else if (group.waiting.size > 0) this.#ask(kind, group)
  }
}

/** One request's part in a lease. */
class SharedLease implements Lease<UpstreamConnection> {
  readonly waitedMs: number
  readonly opened: boolean
  readonly #lease: Lease<UpstreamConnection>
  #left: ((discard: Discard | undefined) => void) | undefined

  constructor(
    lease: Lease<UpstreamConnection>,
    waitedMs: number,
    opened: boolean,
    left: (discard: Discard | undefined) => void,
  ) {
    this.#lease = lease
    this.waitedMs = waitedMs
    this.opened = opened
    this.#left = left
  }

  get connectionId(): string {
    return this.#lease.connectionId
  }

  get generation(): number {
    return this.#lease.generation
  }

  get resource(): UpstreamConnection {
    if (!this.#left)
      throw new AppError('LEASE_EXPIRED', `the part in connection ${this.connectionId} was released before`)
    return this.#lease.resource
  }

  get revoked(): AbortSignal {
    return this.#lease.revoked
  }

  release(discard?: Discard): boolean {
    const left = this.#left
    if (!left) return false
    this.#left = undefined
    left(discard)
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

/** Whether more requests may use it. */
function isOpen({ lease, discard }: Shared): boolean {
  if (discard) return false
  try {
    return lease.resource.alive
  } catch {
    // It was taken away.
    return false
  }
}

const aborted = (signal: AbortSignal): AppError =>
  new AppError('ABORTED', 'the acquire was aborted', undefined, { cause: signal.reason })
