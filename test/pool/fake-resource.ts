import { type Deferred, deferred } from '../../electron/kit/deferred.ts'
import type { PermitBudget } from '../../electron/pool/budget.ts'
import { Pool } from '../../electron/pool/pool.ts'
import type { CloseManner, DownCause, OpenContext, Resource } from '../../electron/pool/types.ts'
import type { PoolLimits } from '../../shared/config.ts'
import { defaultPoolLimits } from '../../shared/config.ts'
import type { CloseReason } from '../../shared/state.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'

/** What a resource does when it is asked to do something. `slow` and `never` wait for the test. */
export type Gate = 'ok' | 'error' | 'slow' | 'never'

export interface Behaviour {
  open: Gate | 'throws'
  ping: Gate | 'throws'
  close: Gate
}

/** A resource whose every step the test decides. */
export class FakeResource implements Resource {
  readonly id: string
  readonly reason: string
  /** What it was opened as. */
  readonly openedAs: string
  /** What it turns out to be. */
  kind: string | undefined
  readonly opening: Deferred<void> = deferred()
  readonly closing: Deferred<'gone' | 'survived'> = deferred()
  readonly manners: CloseManner[] = []
  pings = 0
  pinging: Deferred<void> | undefined
  alive = true
  /** It ended by itself, under its holder if it had one. */
  wentDown = false
  behaviour: Behaviour
  ping: ((signal: AbortSignal) => Promise<void>) | undefined = () => this.#ping()
  #down: ((cause: DownCause) => void) | undefined
  readonly #clock: FakeClock

  constructor(context: OpenContext, behaviour: Behaviour, clock: FakeClock) {
    this.id = context.connectionId
    this.reason = context.reason
    this.openedAs = context.kind
    this.behaviour = behaviour
    this.#clock = clock
    this.opening.promise.catch(() => {})
    context.handshaking()
    pass(behaviour.open, this.opening, clock)
  }

  get ready(): Promise<void> {
    return this.opening.promise
  }

  get closed(): boolean {
    return this.closing.settled
  }

  onDown(listener: (cause: DownCause) => void): void {
    this.#down = listener
  }

  /** It ends by itself. */
  down(reason: DownCause['reason'] = 'exited', expected = false, final = false): void {
    if (!this.alive) return
    this.alive = false
    this.wentDown = true
    const error = new Error(`${this.id} ${reason}`)
    this.opening.reject(error)
    this.#down?.({ reason, expected, final, error })
  }

  close(manner: CloseManner): Promise<'gone' | 'survived'> {
    this.alive = false
    this.manners.push(manner)
    const { close } = this.behaviour
    if (close === 'ok') this.closing.resolve('gone')
    else if (close === 'error') return Promise.reject(new Error('close failed'))
    else if (close === 'slow') this.#clock.after(200, () => this.closing.resolve('gone'))
    return this.closing.promise
  }

  #ping(): Promise<void> {
    this.pings++
    if (this.behaviour.ping === 'throws') throw new Error('ping threw')
    this.pinging = deferred<void>()
    pass(this.behaviour.ping, this.pinging, this.#clock)
    return this.pinging.promise
  }
}

function pass(gate: Gate | 'throws', step: Deferred<void>, clock: FakeClock): void {
  if (gate === 'ok') step.resolve(undefined)
  else if (gate === 'error') step.reject(new Error('failed'))
  else if (gate === 'slow') clock.after(100, () => step.resolve(undefined))
}

export const wellBehaved: Behaviour = { open: 'ok', ping: 'ok', close: 'ok' }

/** A pool of fake resources, with everything that happened in it. */
export class PoolFixture {
  readonly clock: FakeClock
  readonly pool: Pool<FakeResource>
  /** As the pool was made with. */
  readonly limits: PoolLimits
  /** Every resource that was ever opened, oldest first. */
  readonly resources: FakeResource[] = []
  /** Changed by a test: holds for what is opened from then on. */
  behaviour: Behaviour
  readonly errors: unknown[] = []
  readonly closed: { connectionId: string; reason: CloseReason }[] = []
  peakLive = 0
  randomValue = 0.5
  /** The kind that what is opened from then on turns out to be. */
  becomes: string | undefined
  #live = 0

  constructor(
    limits: Partial<PoolLimits> = {},
    options: {
      behaviour?: Partial<Behaviour>
      budget?: PermitBudget
      clock?: FakeClock
      name?: string
      random?: () => number
    } = {},
  ) {
    this.clock = options.clock ?? new FakeClock()
    this.limits = { ...defaultPoolLimits, ...limits }
    this.behaviour = { ...wellBehaved, ...options.behaviour }
    this.pool = new Pool<FakeResource>({
      name: options.name ?? 'fake',
      limits: this.limits,
      clock: this.clock,
      random: options.random ?? (() => this.randomValue),
      budget: options.budget,
      open: (context) => this.#open(context),
    })
    this.pool.events.on('maintenance.error', ({ error }) => this.errors.push(error))
    this.pool.events.on('connection.closing', (event) => this.closed.push(event))
  }

  /** Resources that are not gone. */
  get live(): FakeResource[] {
    return this.resources.filter((resource) => !resource.closed)
  }

  get snapshot() {
    return this.pool.snapshot()
  }

  /** One sweep of the maintenance loop. */
  sweep(periods = 1): Promise<void> {
    return this.clock.advance(250 * periods)
  }

  settle(): Promise<void> {
    return settle()
  }

  #open(context: OpenContext): FakeResource {
    if (this.behaviour.open === 'throws') throw new Error('the factory threw')
    const resource = new FakeResource(context, { ...this.behaviour }, this.clock)
    resource.kind = this.becomes
    this.resources.push(resource)
    this.#live++
    this.peakLive = Math.max(this.peakLive, this.#live)
    void resource.closing.promise.then(() => this.#live--)
    return resource
  }
}

/** The error that a promise rejects with. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; data?: Record<string, unknown> }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not reject')
}
