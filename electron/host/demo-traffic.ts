import type { Clock, Random, Timer } from '../kit/clock.ts'
import type { Upstream } from '../upstream/types.ts'

const clients = 3
const thinkMs = { least: 40, most: 900 }
/** More at once than the pool has processes, so that its growth and its queue are seen. */
const wave = { calls: 10, everyMs: 12_000, callMs: { least: 250, most: 900 } }

interface DemoCall {
  name: string
  arguments: Record<string, unknown>
}

/** Calls of the demo server with their weights: mostly quick, some slow, a failing one now and then. */
const calls: { weight: number; make(random: Random): DemoCall }[] = [
  { weight: 50, make: (random) => ({ name: 'echo', arguments: { text: `hello ${Math.floor(random() * 1000)}` } }) },
  { weight: 30, make: (random) => ({ name: 'sleep', arguments: { ms: Math.floor(20 + random() ** 2 * 600) } }) },
  { weight: 12, make: () => ({ name: 'pid', arguments: {} }) },
  { weight: 6, make: () => ({ name: 'work', arguments: { steps: 5, stepMs: 60 } }) },
  { weight: 2, make: () => ({ name: 'fail', arguments: {} }) },
]
const totalWeight = calls.reduce((sum, call) => sum + call.weight, 0)

function drawCall(random: Random): DemoCall {
  let at = random() * totalWeight
  for (const { weight, make } of calls) {
    at -= weight
    if (at < 0) return make(random)
  }
  throw new Error('the weights do not add up')
}

/**
 * Gentle traffic for the demo upstream: a few virtual clients that call, think, and call again, and a small wave every
 * few seconds so that the queue and growth of the pool can be seen. Real requests through the real pool.
 */
export class DemoTraffic {
  readonly #clock: Clock
  readonly #random: Random
  readonly #upstream: () => Upstream | undefined
  #timers = new Set<Timer>()
  /** One for each time that it is switched on: a client of an earlier one ends after its call. */
  #run: object | undefined

  constructor(options: { clock: Clock; random: Random; upstream: () => Upstream | undefined }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#upstream = options.upstream
  }

  get running(): boolean {
    return this.#run !== undefined
  }

  start(): void {
    if (this.#run) return
    this.#run = {}
    for (let i = 0; i < clients; i++) this.#think(this.#run, i * 100)
    this.#wave()
  }

  /** Calls under way are answered: cancelling them would cost their processes. */
  stop(): void {
    this.#run = undefined
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #later(ms: number, step: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer)
      step()
    })
    this.#timers.add(timer)
  }

  #think(run: object, ms: number): void {
    this.#later(ms, async () => {
      await this.#call()
      if (this.#run === run) this.#think(run, thinkMs.least + this.#random() * (thinkMs.most - thinkMs.least))
    })
  }

  #wave(): void {
    this.#later(wave.everyMs, () => {
      const { least, most } = wave.callMs
      for (let i = 0; i < wave.calls; i++) {
        void this.#call({ name: 'sleep', arguments: { ms: Math.floor(least + this.#random() * (most - least)) } })
      }
      this.#wave()
    })
  }

  async #call(call: DemoCall = drawCall(this.#random)): Promise<void> {
    const upstream = this.#upstream()
    if (!upstream) return
    // A failed call is what the window is there to show; telemetry has counted it.
    await upstream.request({ method: 'tools/call', params: JSON.stringify(call) }).catch(() => {})
  }
}
