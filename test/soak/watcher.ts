import { setTimeout as delay } from 'node:timers/promises'
import type { Frame, PoolSnapshot, UpstreamSnapshot } from '../../shared/contract.ts'
import { childrenOf, look, type Seen } from './processes.ts'
import type { SoakHost } from './soak-host.ts'

/** What must hold in any snapshot, however busy the host is. Empty when it does. */
export function brokenCounters({ name, pool, connections }: UpstreamSnapshot): string[] {
  const settled = pool.granted + pool.timedOut + pool.aborted + pool.rejected
  const live = pool.idle + pool.leased + pool.spawning + pool.returning + pool.draining
  const count = (...states: string[]) => connections.filter(({ state }) => states.includes(state)).length
  const claims: [string, number, number][] = [
    ['acquires = granted + timedOut + aborted + rejected + waiting', pool.acquires, settled + pool.waiting],
    ['opened - dead = live', pool.opened - pool.dead, live],
    ['idle', pool.idle, count('idle')],
    ['leased', pool.leased, count('leased')],
    ['spawning', pool.spawning, count('spawning', 'handshaking')],
    ['returning', pool.returning, count('returning')],
    ['draining', pool.draining, count('draining')],
  ]
  return claims
    .filter(([, left, right]) => left !== right)
    .map(([claim, left, right]) => `${name}: ${claim}: ${left} is not ${right}`)
}

/** Looks at the host while it works: snapshots twice a second, and every frame. */
export class Watcher {
  readonly broken: string[] = []
  /** Everything that the host has ever started, as far as it was seen while it ran. */
  readonly processes = new Map<number, Seen>()
  frames = 0
  gaps = 0
  snapshots = 0
  peaks = new Map<string, { live: number; waiting: number; max: number }>()
  readonly #host: SoakHost
  #seq: number | undefined

  constructor(host: SoakHost) {
    this.#host = host
  }

  /** Resolves after the signal; the stream of frames is open until then. */
  async run(until: AbortSignal): Promise<void> {
    await Promise.all([this.#poll(until), this.#listen(until)])
  }

  async #poll(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const { upstreams } = await this.#host.command('snapshot.get', {})
      this.snapshots++
      for (const upstream of upstreams) {
        this.broken.push(...brokenCounters(upstream))
        this.#peak(upstream.name, upstream.pool)
        for (const { pid } of upstream.connections) if (pid !== null) this.#saw(look(pid))
      }
      for (const child of childrenOf(this.#host.pid)) this.#saw(child)
      await delay(500, undefined, { signal: until }).catch(() => undefined)
    }
  }

  #saw(process: Seen | undefined): void {
    if (process) this.processes.set(process.pid, process)
  }

  #peak(name: string, pool: PoolSnapshot): void {
    const peak = this.peaks.get(name) ?? { live: 0, waiting: 0, max: 0 }
    const live = pool.idle + pool.leased + pool.spawning + pool.returning + pool.draining
    this.peaks.set(name, {
      live: Math.max(peak.live, live),
      waiting: Math.max(peak.waiting, pool.waiting),
      max: Math.max(peak.max, pool.max),
    })
  }

  async #listen(until: AbortSignal): Promise<void> {
    this.#seq = undefined
    try {
      const response = await fetch(`${this.#host.url}/api/frames`, {
        headers: { Authorization: `Bearer ${this.#host.token}` },
        signal: until,
      })
      let rest = ''
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const events = (rest + chunk).split('\n\n')
        rest = events.pop() ?? ''
        for (const event of events) if (event.startsWith('data: ')) this.#frame(JSON.parse(event.slice(6)) as Frame)
      }
    } catch (error) {
      if (!until.aborted) this.broken.push(`the stream of frames ended: ${(error as Error).message}`)
    }
  }

  #frame(frame: Frame): void {
    this.frames++
    if (this.#seq !== undefined && frame.seq !== this.#seq + 1) this.gaps++
    this.#seq = frame.seq
  }
}
