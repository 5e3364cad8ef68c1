import { setTimeout as delay } from 'node:timers/promises'
import type { Snapshot } from '../../shared/contract.ts'
import type { Dice } from './dice.ts'
import { isMarked } from './processes.ts'
import type { SoakHost } from './soak-host.ts'
import { upstreamNames, upstreams } from './upstreams.ts'

/** What people, scripts and the machine do to a running host, and how often beside each other. */
const weights = {
  'connection.kill': 10,
  SIGKILL: 10,
  'connection.drain': 4,
  'connection.restart': 4,
  'upstream.restart': 3,
  'upstream.drain': 3,
  'suspend, resume': 3,
  'upstream.retry': 4,
  'upstream.resetBreaker': 14,
  'upstream.spawn': 4,
  'limits changed': 6,
  'program changed': 1,
  'logs.get': 2,
} as const
type Deed = keyof typeof weights

/** Refusals that are right: what the snapshot named may be gone, full, broken or suspended by now. */
const fine = new Set(['CONNECTION_NOT_FOUND', 'QUEUE_FULL', 'CIRCUIT_OPEN', 'POOL_SUSPENDED'])

export class Chaos {
  readonly done = new Map<Deed, number>()
  readonly refused = new Map<string, number>()
  readonly failures: string[] = []
  readonly #host: SoakHost
  readonly #dice: Dice
  readonly #mark: string
  #programs = 0

  constructor(host: SoakHost, dice: Dice, mark: string) {
    this.#host = host
    this.#dice = dice
    this.#mark = mark
  }

  /** A deed about twice a second; afterwards every upstream is as it was configured, and serves. */
  async run(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const deed = this.#dice.weighted(weights)
      try {
        if (await this.#do(deed)) this.done.set(deed, (this.done.get(deed) ?? 0) + 1)
      } catch (error) {
        const { code, message } = error as { code?: string; message: string }
        if (code !== undefined && fine.has(code)) this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
        else this.failures.push(`${deed}: ${code ?? ''} ${message}`)
      }
      await delay(this.#dice.between(50, 900), undefined, { signal: until }).catch(() => undefined)
    }
    for (const name of upstreamNames) {
      await this.#setPool(name, {})
      await this.#host.command('upstream.resume', { upstream: name })
      await this.#host.command('upstream.resetBreaker', { upstream: name })
    }
  }

  /** @returns false when there was nothing to do it to */
  async #do(deed: Deed): Promise<boolean> {
    const host = this.#host
    const dice = this.#dice
    const snapshot = await host.command('snapshot.get', {})
    const upstream = dice.pick(upstreamNames) ?? ''
    switch (deed) {
      case 'connection.kill':
      case 'connection.drain':
      case 'connection.restart':
      case 'logs.get': {
        const connection = dice.pick(connections(snapshot))
        if (!connection) return false
        await host.command(deed, { connectionId: connection.id })
        return true
      }
      case 'SIGKILL': {
        const pid = dice.pick(connections(snapshot).flatMap((connection) => connection.pid ?? []))
        // Meanwhile the number may be somebody else's.
        if (pid === undefined || !isMarked(pid, this.#mark)) return false
        process.kill(pid, 'SIGKILL')
        return true
      }
      case 'suspend, resume':
        await host.command('upstream.suspend', { upstream })
        await delay(dice.between(10, 500))
        await host.command('upstream.resume', { upstream })
        return true
      case 'upstream.resetBreaker': {
        const open = snapshot.upstreams.filter(({ pool }) => pool.breaker.state !== 'closed')
        const { name } = dice.pick(open) ?? {}
        if (name === undefined) return false
        await host.command(deed, { upstream: name })
        return true
      }
      case 'limits changed':
        await this.#setPool(upstream, {
          // As many as the spares of the single-shot one at least: fewer are refused as a wrong entry.
          maxConnections: dice.between(upstream === 'once' ? 2 : 1, 5),
          minIdle: dice.between(0, 1),
          returnQueueMultiplier: dice.between(2, 4),
          maxUses: dice.pick([0, 3, 50]) ?? 0,
          maxWaiting: dice.between(2, 20),
        })
        return true
      case 'program changed':
        await this.#setPool(upstream, {}, { SOAK_PROGRAM: String(++this.#programs) })
        return true
      default:
        await host.command(deed, { upstream })
        return true
    }
  }

  async #setPool(name: string, pool: Record<string, unknown>, env?: Record<string, string>): Promise<void> {
    const { entry } = await this.#host.command('upstream.entry', { upstream: name })
    const configured = upstreams[name]?.pool
    await this.#host.command('upstream.update', {
      name,
      entry: { ...entry, pool: { ...configured, ...pool }, ...(env && { env }) },
    })
  }
}

const connections = (snapshot: Snapshot) => snapshot.upstreams.flatMap((upstream) => upstream.connections)
