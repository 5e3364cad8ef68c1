import * as fc from 'fast-check'
import { PermitBudget } from '../../electron/pool/budget.ts'
import type { Lease } from '../../electron/pool/types.ts'
import type { PoolLimits } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import { settle } from '../support/fake-clock.ts'
import { mulberry32 } from '../support/random.ts'
import { type Behaviour, type FakeResource, PoolFixture } from './fake-resource.ts'

/** What can happen to a pool. Numbers pick among what is there, modulo its count. */
export type Step =
  | {
      do: 'acquire'
      deadlineMs: number | undefined
      abortable: boolean
      prefer: number | undefined
      only: number | undefined
      kind: string | undefined
      hold: boolean
    }
  | {
      do:
        | 'abort'
        | 'release'
        | 'release-again'
        | 'discard'
        | 'finish-open'
        | 'fail-open'
        | 'finish-ping'
        | 'finish-close'
      pick: number
    }
  | { do: 'down'; pick: number; expected: boolean }
  | { do: 'advance' | 'stall' | 'jump-wall'; ms: number }
  | { do: 'behave'; behaviour: Behaviour }
  | { do: 'evict'; pick: number; how: 'kill' | 'drain' | 'restart' }
  | { do: 'spawn' | 'drain' | 'restart' | 'suspend' | 'resume' | 'retry' | 'reset-breaker' | 'stand-down' }
  | { do: 'limits'; limits: Partial<PoolLimits> }
  | { do: 'single-shot'; on: boolean }
  /** What is opened from then on turns out to be of this kind. */
  | { do: 'become'; kind: string | undefined }
  | { do: 'assign'; pick: number; kind: string }
  | { do: 'keep'; pick: number; on: boolean }
  /** Everybody releases, and nothing is asked for long enough that what is idle gets checked. */
  | { do: 'rest' }
  | { do: 'rival-acquire' | 'rival-release'; pick: number }

/** How many kinds there are: with one, no other is ever mentioned. */
type Kinds = 1 | 3

export interface Schedule {
  kinds: Kinds
  limits: Partial<PoolLimits>
  /** Permits that the pool shares with a rival. */
  budget: number
  behaviour: Behaviour
  seed: number
  /** After some steps nothing has a chance to happen before the next one: both fall into the same tick. */
  steps: { step: Step; sameTick: boolean }[]
  ending: 'close' | 'destroy' | 'close-slowly'
}

const pick = fc.nat({ max: 40 })
const gate = fc.constantFrom('ok', 'ok', 'ok', 'slow', 'never', 'error') as fc.Arbitrary<Behaviour['close']>
const openGate = fc.constantFrom('ok', 'ok', 'ok', 'ok', 'slow', 'never', 'error', 'throws') as fc.Arbitrary<
  Behaviour['open']
>
const behaviour = fc.record({ open: openGate, ping: openGate, close: gate })
const limits = fc.record(
  {
    maxConnections: fc.integer({ min: 1, max: 5 }),
    minIdle: fc.constantFrom(0, 0, 1, 2),
    idleTimeoutMs: fc.constantFrom(0, 8_000),
    maxUses: fc.constantFrom(0, 0, 1, 3),
    maxLifetimeMs: fc.constantFrom(0, 0, 15_000),
    mode: fc.constantFrom('on-demand', 'on-demand', 'prespawn'),
    maxWaiting: fc.constantFrom(2, 128),
  },
  { requiredKeys: ['maxConnections'] },
)

const kindsOf = (kinds: Kinds) => (kinds === 1 ? fc.constant(undefined) : fc.constantFrom(undefined, 'b', 'b', 'c'))

const always = <T>(value: T): fc.Arbitrary<T> => fc.constant(value)

const stepOf = (kinds: Kinds): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: always('acquire' as const),
        deadlineMs: fc.constantFrom(undefined, undefined, 0, 1, 700),
        abortable: fc.boolean(),
        prefer: fc.option(pick, { nil: undefined, freq: 4 }),
        only: kinds === 1 ? always(undefined) : fc.option(pick, { nil: undefined, freq: 6 }),
        kind: kindsOf(kinds),
        hold: fc.boolean(),
      }),
    },
    { weight: 10, arbitrary: fc.record({ do: always('release' as const), pick }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'abort' as const,
          'release-again' as const,
          'discard' as const,
          'finish-open' as const,
          'fail-open' as const,
          'finish-ping' as const,
          'finish-close' as const,
        ),
        pick,
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: always('down' as const), pick, expected: fc.boolean() }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: always('advance' as const),
        ms: fc.constantFrom(1, 100, 999, 1_000, 3_000, 9_000, 31_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: always('stall' as const), ms: fc.constantFrom(5_000, 40_000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: always('jump-wall' as const), ms: fc.constantFrom(-3_600_000, 3_600_000) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: always('behave' as const),
        behaviour,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: always('evict' as const),
        pick,
        how: fc.constantFrom('kill' as const, 'drain' as const, 'restart' as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'spawn' as const,
          'drain' as const,
          'restart' as const,
          'suspend' as const,
          'resume' as const,
          'resume' as const,
          'retry' as const,
          'reset-breaker' as const,
          'stand-down' as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: always('limits' as const), limits }) },
    { weight: 1, arbitrary: fc.record({ do: always('single-shot' as const), on: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: always('rest' as const) }) },
    {
      weight: kinds === 1 ? 0 : 2,
      arbitrary: fc.oneof(
        fc.record({ do: always('become' as const), kind: kindsOf(kinds) }),
        fc.record({ do: always('assign' as const), pick, kind: fc.constantFrom('', 'b') }),
        fc.record({ do: always('keep' as const), pick, on: fc.boolean() }),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('rival-acquire' as const, 'rival-release' as const), pick }),
    },
  )

const scheduleOf = (kinds: Kinds): fc.Arbitrary<Schedule> =>
  fc.record({
    kinds: always(kinds),
    limits,
    budget: fc.integer({ min: 1, max: 8 }),
    behaviour,
    seed: fc.nat(),
    steps: fc.array(fc.record({ step: stepOf(kinds), sameTick: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
      size: 'max',
    }),
    ending: fc.constantFrom('close', 'destroy', 'close-slowly'),
  })

export const schedules: fc.Arbitrary<Schedule> = fc.oneof(scheduleOf(1), scheduleOf(3))

interface Call {
  settled: boolean
  kind: string
  /** The one connection that may serve. */
  only: string | undefined
  lease: Lease<FakeResource> | undefined
  abort: AbortController
}

/** Short, so that a schedule of a minute passes every limit. The sweep is slow: each one costs a turn of the loop. */
const modelLimits: Partial<PoolLimits> = {
  healthCheckIntervalMs: 1_000,
  acquireTimeoutMs: 3_000,
  leakWarnMs: 4_000,
  maxLeaseMs: 20_000,
}

const pingMs = 200_000

/** Runs one schedule; throws on the first invariant that does not hold. */
export class ModelRun {
  readonly #fixture: PoolFixture
  readonly #budget: PermitBudget
  /** Another pool, which behaves well and wants its share. */
  readonly #rival: PoolFixture
  readonly #rivalHeld: Lease<FakeResource>[] = []
  readonly #calls: Call[] = []
  readonly #held: Call[] = []
  readonly #given: Call[] = []
  readonly #replacements: number[] = []
  #limits: Partial<PoolLimits>
  #failure: Error | undefined

  constructor(schedule: Schedule) {
    this.#limits = { ...modelLimits, ...schedule.limits }
    this.#budget = new PermitBudget(schedule.budget)
    this.#fixture = new PoolFixture(this.#limits, {
      random: mulberry32(schedule.seed),
      budget: this.#budget,
      behaviour: schedule.behaviour,
    })
    const { clock } = this.#fixture
    this.#rival = new PoolFixture({ ...modelLimits, maxConnections: 3 }, { name: 'rival', clock, budget: this.#budget })
    this.#fixture.pool.events.on('connection.opening', ({ reason }) => {
      if (reason === 'replace') this.#replaced()
    })
  }

  async run(schedule: Schedule): Promise<void> {
    for (const { step, sameTick } of schedule.steps) {
      await this.#take(step)
      this.#check()
      if (sameTick) continue
      await settle()
      this.#checkSettled()
    }
    await this.#end(schedule.ending)
  }

  async #take(step: Step): Promise<void> {
    const { pool, clock, resources } = this.#fixture
    switch (step.do) {
      case 'acquire':
        this.#acquire(step)
        return
      case 'abort':
        at(
          this.#calls.filter((call) => !call.settled),
          step.pick,
        )?.abort.abort(new Error('given up'))
        return
      case 'release':
      case 'discard': {
        const call = at(this.#held, step.pick)
        if (!call) return
        this.#held.splice(this.#held.indexOf(call), 1)
        const valid = isValid(call.lease)
        const released = call.lease?.release(step.do === 'discard' ? { reason: 'protocol-error' } : undefined)
        if (released !== valid)
          throw new Error(`release() of a lease that is ${valid ? 'valid' : 'void'} said ${released}`)
        return
      }
      case 'release-again': {
        const stale = at(
          this.#given.filter((call) => !this.#held.includes(call)),
          step.pick,
        )
        if (stale?.lease?.release()) throw new Error('3: a second release returned true')
        if (isValid(stale?.lease)) throw new Error('3: a released lease still gives its resource')
        return
      }
      case 'finish-open':
        at(
          resources.filter(({ opening }) => !opening.settled),
          step.pick,
        )?.opening.resolve()
        return
      case 'fail-open':
        at(
          resources.filter(({ opening }) => !opening.settled),
          step.pick,
        )?.opening.reject(new Error('no handshake'))
        return
      case 'finish-ping':
        at(
          resources.filter(({ pinging }) => pinging && !pinging.settled),
          step.pick,
        )?.pinging?.resolve()
        return
      case 'finish-close':
        at(
          resources.filter(({ manners, closed }) => manners.length > 0 && !closed),
          step.pick,
        )?.closing.resolve('gone')
        return
      case 'down':
        at(
          resources.filter(({ alive }) => alive),
          step.pick,
        )?.down(step.expected ? 'single-use' : 'exited', step.expected)
        return
      case 'advance':
        return clock.advance(step.ms)
      case 'stall':
        return clock.stall(step.ms)
      case 'jump-wall':
        clock.jumpWall(step.ms)
        return
      case 'behave':
        this.#fixture.behaviour = step.behaviour
        return
      case 'evict': {
        const connection = at(pool.connections(), step.pick)
        if (connection) pool.evict(connection.id, step.how)
        return
      }
      case 'spawn':
        try {
          pool.spawn()
        } catch (error) {
          if (!(error instanceof AppError)) throw error
        }
        return
      case 'limits':
        this.#limits = { ...this.#limits, ...step.limits }
        pool.setLimits({ ...this.#fixture.limits, ...this.#limits })
        return
      case 'rival-acquire':
        this.#rival.pool.acquire().then(
          (lease) => void this.#rivalHeld.push(lease),
          () => {},
        )
        return
      case 'rival-release':
        at(this.#rivalHeld, step.pick)?.release()
        return
      case 'rest':
        for (const { lease } of this.#held.splice(0)) lease?.release()
        return clock.advance(31_000)
      case 'single-shot':
        pool.setSingleShot(step.on)
        return
      case 'become':
        this.#fixture.becomes = step.kind
        return
      case 'assign': {
        const lease = at(this.#held, step.pick)?.lease
        if (lease && isValid(lease)) pool.assign(lease.connectionId, step.kind)
        return
      }
      case 'keep': {
        const connection = at(pool.connections(), step.pick)
        if (connection) pool.keep(connection.id, step.on)
        return
      }
      case 'reset-breaker':
        this.#replacements.length = 0
        pool.resetBreaker()
        return
      case 'stand-down':
        pool.standDown(() => new AppError('UPSTREAM_UNAUTHORIZED', 'no attempt is worth it'))
        return
      case 'retry':
        this.#replacements.length = 0
        pool.retry()
        return
      default:
        pool[step.do]()
    }
  }

  #acquire({ deadlineMs, abortable, prefer, only: bound, kind, hold }: Step & { do: 'acquire' }): void {
    const { pool, clock } = this.#fixture
    const only = bound === undefined ? undefined : (at(pool.connections(), bound)?.id ?? 'gone')
    const abort = new AbortController()
    const call: Call = { settled: false, kind: kind ?? '', only, lease: undefined, abort }
    this.#calls.push(call)
    pool
      .acquire({
        signal: abortable ? call.abort.signal : undefined,
        deadline: deadlineMs === undefined ? undefined : clock.now() + deadlineMs,
        prefer: prefer === undefined ? undefined : at(pool.connections(), prefer)?.id,
        ...(only !== undefined && { only }),
        ...(kind !== undefined && { kind }),
        ...(hold && { hold }),
      })
      .then(
        (lease) => this.#granted(call, lease),
        (error: unknown) => {
          if (call.settled) this.#fail('4: an acquire settled twice')
          call.settled = true
          if (!(error instanceof AppError)) this.#fail(`an acquire failed with ${String(error)}`)
        },
      )
  }

  #granted(call: Call, lease: Lease<FakeResource>): void {
    if (call.settled) this.#fail('4: an acquire settled twice')
    const waits = (earlier: Call) => !earlier.settled && earlier.only === call.only && earlier.kind === call.kind
    const overtaken = this.#calls.slice(0, this.#calls.indexOf(call)).find(waits)
    if (overtaken) this.#fail('8: an arrival overtook a waiter')
    if (call.only !== undefined && lease.connectionId !== call.only)
      this.#fail(`${lease.connectionId} is not ${call.only}`)
    const kindNow = this.#fixture.pool.connections().find(({ id }) => id === lease.connectionId)?.kind
    if (call.only === undefined && kindNow !== undefined && kindNow !== call.kind && isValid(lease))
      this.#fail(`asked for kind '${call.kind}', got '${kindNow}'`)
    call.settled = true
    call.lease = lease
    const other = this.#held.find(({ lease: held }) => held?.connectionId === lease.connectionId && isValid(held))
    if (other && isValid(lease)) this.#fail(`3: ${lease.connectionId} has two holders`)
    this.#held.push(call)
    this.#given.push(call)
  }

  #replaced(): void {
    const now = this.#fixture.clock.now()
    this.#replacements.push(now)
    const inWindow = this.#replacements.filter((time) => time > now - 10_000)
    if (inWindow.length > 5) this.#fail(`${inWindow.length} replacements within 10 s`)
  }

  /** Holds at any moment. */
  #check(): void {
    const { pool, live } = this.#fixture
    const errors = [...this.#fixture.errors, ...this.#rival.errors]
    if (this.#failure) throw this.#failure
    if (errors.some((error) => !String(error).includes('close failed')))
      throw new Error(`reported: ${errors.map(String).join('; ')}`)
    pool.assertInvariants()
    this.#rival.pool.assertInvariants()
    const used = pool.connections().length + this.#rival.pool.connections().length
    if (used !== this.#budget.used || used > this.#budget.max)
      throw new Error(`1: ${used} permits in use, the budget counts ${this.#budget.used} of ${this.#budget.max}`)
    const { quarantined, spawning, idle, leased, returning, draining } = pool.snapshot()
    const permits = spawning + idle + leased + returning + draining
    if (live.length > permits + quarantined) throw new Error(`1: ${live.length} live, ${permits} permits in use`)
  }

  /** Holds when everything that could happen by itself has happened. */
  #checkSettled(): void {
    this.#check()
    const { pool } = this.#fixture
    const now = pool.snapshot()
    const asleep = now.spawning === 0 && now.returning === 0 && now.reconnect.nextAt === null
    const rival = this.#rival.pool.snapshot()
    const permit = this.#budget.used < this.#budget.max || (rival.idle > 0 && rival.draining + now.draining === 0)
    const room = now.idle + now.leased + now.draining < now.max && permit
    const open = new Set(pool.connections().map(({ id, open }) => open && id))
    const lost = this.#calls.find(({ settled, only }) => !settled && only !== undefined && !open.has(only))
    if (lost) throw new Error(`somebody waits for ${lost.only} alone, which has ended`)
    const waiting = this.#calls.filter(({ settled, only }) => !settled && only === undefined).length
    if (now.state === 'running' && now.breaker.state === 'closed' && waiting > 0 && asleep) {
      if (room) throw new Error(`${waiting} wait, a permit is free, and nothing is being opened`)
      if (now.idle > 0 && now.draining === 0 && rival.draining === 0)
        throw new Error(`${waiting} wait, and ${now.idle} idle connections of other kinds don't make room`)
    }
    if (now.spawning > 2) throw new Error(`${now.spawning} are being opened at a time`)
    if (now.returnQueueDepth > 0) throw new Error(`6: ${now.returnQueueDepth} left in the return queue`)
  }

  async #end(ending: Schedule['ending']): Promise<void> {
    const { pool, clock, live } = this.#fixture
    if (ending === 'close-slowly') for (const resource of live) resource.behaviour.close = 'never'
    if (ending === 'destroy') pool.destroy(new AppError('POOL_CLOSED', 'destroyed'))
    const rivalClosed = this.#rival.pool.close('shutdown')
    const closed = Array.from({ length: 10 }, () => pool.close('shutdown'))
    await clock.advance(12_000)
    await Promise.all([...closed, rivalClosed])
    if (this.#budget.used > 0 || this.#budget.waiting > 0) throw new Error('7: permits of the budget are left')
    await clock.advance(pingMs)
    this.#check()
    const { state, waiting } = pool.snapshot()
    if (state !== 'closed' || waiting > 0) throw new Error(`7: ${state} with ${waiting} waiting`)
    if (this.#calls.some((call) => !call.settled)) throw new Error('7: a pending promise is left')
    if (clock.pending > 0) throw new Error(`7: ${clock.pending} timers are left`)
    if (pool.events.listenerCount > 0) throw new Error('7: listeners are left')
    if (this.#fixture.resources.some(({ manners }) => manners.length === 0))
      throw new Error('7: a resource was never closed')
    const outliving = this.#held.some(({ lease }) => isValid(lease) && lease?.resource.wentDown === false)
    if (outliving) throw new Error('7: a lease outlives the pool')
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message)
  }
}

const at = <T>(items: readonly T[], pick: number): T | undefined => items[pick % items.length]

function isValid(lease: Lease<FakeResource> | undefined): boolean {
  try {
    return lease?.resource !== undefined
  } catch {
    return false
  }
}
