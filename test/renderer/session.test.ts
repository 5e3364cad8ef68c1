import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Bridge, BridgeStatus } from '../../renderer/bridge/types.ts'
import { Session } from '../../renderer/store/session.ts'
import { initialState, type StoreState } from '../../renderer/store/store.ts'
import type { CommandName, CommandReply, Frame } from '../../shared/contract.ts'
import { hostGoneMs } from '../../shared/frames.ts'
import { fakeCommands } from './fake-commands.ts'
import { FakeWorld } from './fake-world.ts'

/** A bridge in the hands of the test: it says when the stream opens, what comes, and how long answers take. */
class HandBridge implements Bridge {
  readonly kind = 'http'
  readonly asked: CommandName[] = []
  frameListener: ((frame: Frame) => void) | null = null
  #status: BridgeStatus = 'opening'
  #statusListener: ((status: BridgeStatus) => void) | null = null
  /** Answers wait for this. */
  gate: Promise<void> = Promise.resolve()
  failWith: CommandReply | null = null
  readonly #world: FakeWorld

  constructor(world: FakeWorld) {
    this.#world = world
  }

  async command<N extends CommandName>(name: N, arg: unknown): Promise<CommandReply<N>> {
    this.asked.push(name)
    await this.gate
    if (this.failWith) return this.failWith as CommandReply<N>
    const run = fakeCommands(this.#world, 'token')[name] as (arg: unknown) => unknown
    return { ok: true, result: structuredClone(run(arg)) } as CommandReply<N>
  }
  onFrame(listener: (frame: Frame) => void) {
    this.frameListener = listener
    return () => {
      this.frameListener = null
    }
  }
  onStatus(listener: (status: BridgeStatus) => void) {
    this.#statusListener = listener
    listener(this.#status)
    return () => {
      this.#statusListener = null
    }
  }
  reconnect() {}
  authorize() {}

  status(status: BridgeStatus): void {
    this.#status = status
    this.#statusListener?.(status)
  }
  /** Sends the world's next frame, or keeps it from the listener. */
  tick(sent = true): Frame {
    const frame = structuredClone(this.#world.tick())
    if (sent) this.frameListener?.(frame)
    return frame
  }
}

let world: FakeWorld
let bridge: HandBridge
let state: StoreState
let session: Session

const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 })
  world = new FakeWorld()
  bridge = new HandBridge(world)
  state = initialState()
  session = new Session(bridge, {
    getState: () => state,
    setState: (partial) => {
      state = { ...state, ...partial }
    },
  })
  session.start()
})

afterEach(() => {
  session.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

async function connect(): Promise<void> {
  bridge.status('open')
  await settle()
}

describe('the session', () => {
  test('shows the snapshot as soon as the stream is open', async () => {
    expect(state.link.state).toBe('connecting')
    await connect()
    expect(state.link.state).toBe('live')
    expect(state.model?.names).toEqual([...world.upstreams.keys()])
  })

  test('frames that overtake the snapshot are applied on top of it', async () => {
    let open = () => {}
    bridge.gate = new Promise((resolve) => {
      open = resolve
    })
    bridge.status('open')
    bridge.tick()
    world.remove('demo')
    bridge.tick()
    open()
    await settle()
    expect(state.model?.seq).toBe(world.seq)
    expect(state.model?.names).not.toContain('demo')
  })

  test('a lost frame is answered with a fresh snapshot', async () => {
    await connect()
    world.remove('demo')
    bridge.tick(false)
    bridge.tick()
    await settle()
    expect(bridge.asked.filter((name) => name === 'snapshot.get')).toHaveLength(2)
    expect(state.model?.names).not.toContain('demo')
    expect(state.model?.seq).toBe(world.seq)
  })

  test('says that the host is gone after the agreed silence, since when, and keeps the last data', async () => {
    await connect()
    bridge.tick()
    const heardAt = Date.now()
    const shown = state.model
    await vi.advanceTimersByTimeAsync(hostGoneMs - 1_000)
    expect(state.link.state).toBe('live')
    await vi.advanceTimersByTimeAsync(3_000)
    expect(state.link).toEqual({ state: 'lost', since: heardAt })
    expect(state.model).toBe(shown)
  })

  test('heartbeats without news keep the link live', async () => {
    await connect()
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(2_000)
      bridge.tick()
    }
    expect(state.link.state).toBe('live')
  })

  test('a frame after a silence brings the link and a fresh snapshot back', async () => {
    await connect()
    await vi.advanceTimersByTimeAsync(hostGoneMs + 2_000)
    expect(state.link.state).toBe('lost')
    world.remove('github')
    bridge.tick(false)
    bridge.tick()
    await settle()
    expect(state.link.state).toBe('live')
    expect(state.model?.names).not.toContain('github')
  })

  test('an answer without frames does not pass for a live host', async () => {
    await connect()
    await vi.advanceTimersByTimeAsync(hostGoneMs + 2_000)
    bridge.status('closed')
    bridge.status('open')
    await settle()
    expect(state.link.state).toBe('lost')
  })

  test('a restarted host that counts from one again is taken over whole', async () => {
    await connect()
    for (let i = 0; i < 30; i++) bridge.tick()
    expect(state.model?.seq).toBe(30)
    world.seq = 0
    world.remove('search')
    bridge.status('closed')
    bridge.status('open')
    await settle()
    bridge.tick()
    expect(state.model?.seq).toBe(1)
    expect(state.model?.names).not.toContain('search')
  })

  test('a snapshot that fails is asked for again', async () => {
    bridge.failWith = { ok: false, error: { code: 'HOST_UNREACHABLE', message: 'no' } }
    bridge.status('open')
    await vi.advanceTimersByTimeAsync(2_500)
    expect(state.model).toBeNull()
    bridge.failWith = null
    await vi.advanceTimersByTimeAsync(1_000)
    expect(state.link.state).toBe('live')
    expect(state.model).not.toBeNull()
  })

  test('a snapshot is not asked for while there is no stream: the next stream asks', async () => {
    bridge.failWith = { ok: false, error: { code: 'HOST_UNREACHABLE', message: 'no' } }
    bridge.status('open')
    await vi.advanceTimersByTimeAsync(2_500)
    bridge.status('closed')
    await vi.advanceTimersByTimeAsync(1_000)
    const { length } = bridge.asked
    expect(length).toBe(3)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(bridge.asked).toHaveLength(length)
    bridge.failWith = null
    await connect()
    expect(bridge.asked).toHaveLength(length + 1)
    expect(state.model).not.toBeNull()
    bridge.tick()
    await settle()
    expect(state.link.state).toBe('live')
    expect(state.model?.seq).toBe(world.seq)
  })

  test('a refused token is said, and forgotten when a new one is tried', async () => {
    bridge.status('unauthorized')
    expect(state.link.state).toBe('unauthorized')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(state.link.state).toBe('unauthorized')
    bridge.status('opening')
    expect(state.link.state).toBe('connecting')
    await connect()
    expect(state.link.state).toBe('live')
  })

  test('while paused the picture stands still; continuing shows what happened meanwhile', async () => {
    await connect()
    session.setPaused(true)
    const shown = state.model
    world.remove('demo')
    bridge.tick()
    expect(state.model).toBe(shown)
    session.setPaused(false)
    expect(state.model?.names).not.toContain('demo')
  })

  test("the host's clock is kept apart from this machine's", async () => {
    await connect()
    const frame = bridge.tick(false)
    bridge.frameListener?.({ ...frame, at: Date.now() + 90_000 })
    expect(state.clockSkewMs).toBe(90_000)
  })
})

describe('the series of an upstream', () => {
  const asks = () => bridge.asked.filter((name) => name === 'series.get').length

  test('is loaded once for any number of viewers', async () => {
    await connect()
    const stops = [session.wantSeries('demo'), session.wantSeries('demo')]
    await settle()
    expect(asks()).toBe(1)
    expect(state.model?.points.demo).toEqual(world.points.get('demo'))
    for (const stop of stops) stop()
  })

  test('that was wanted before the snapshot is loaded after it', async () => {
    session.wantSeries('demo')
    expect(asks()).toBe(0)
    await connect()
    await settle()
    expect(asks()).toBe(1)
  })

  test('is loaded again after a gap, so that the chart has no false hole', async () => {
    await connect()
    session.wantSeries('demo')
    await settle()
    bridge.tick(false)
    bridge.tick()
    await settle()
    expect(asks()).toBe(2)
  })

  test('of an upstream that was removed and added again is loaded anew', async () => {
    await connect()
    session.wantSeries('demo')
    await settle()
    const plan = world.plans.get('demo')
    if (!plan) throw new Error('no plan')
    world.remove('demo')
    bridge.tick()
    world.add(plan)
    bridge.tick()
    await settle()
    expect(asks()).toBe(2)
  })
})
