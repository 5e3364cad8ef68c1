import type { UpstreamConfig } from '../../shared/config.ts'
import type { Clock } from '../kit/clock.ts'
import type { Lease } from '../pool/types.ts'
import type { UpstreamConnection } from './connection-types.ts'
import type { EraVerdict } from './era-verdicts.ts'
import { aboard, type Patience } from './flight.ts'
import type { Era } from './types.ts'

export interface EraFinderOptions {
  clock: Clock
  config(): UpstreamConfig
  verdict(): EraVerdict
  /** Opens a connection that finds out, for who would be of this era. Rejects with why it can't. */
  probe(wanted: Era): Promise<Lease<UpstreamConnection>>
  /** The lease of a probe is given back, and serves whom it turned out to be for. */
  done(lease: Lease<UpstreamConnection>): void
}

/** The era of the processes that serve a client: its own where the server speaks it. */
export class EraFinder {
  readonly #options: EraFinderOptions
  readonly #flights = new Map<Era, Promise<Era>>()

  constructor(options: EraFinderOptions) {
    this.#options = options
  }

  /** What is known without asking; undefined when it has to be found out. */
  known(client: Era): Era | undefined {
    const { protocol } = this.#options.config()
    if (protocol === 'legacy' || protocol === 'modern') return protocol
    const { modern, legacy } = this.#options.verdict()
    if (modern === false) return 'legacy'
    if (client === 'modern') return modern ? 'modern' : undefined
    if (legacy === undefined) return undefined
    if (legacy) return 'legacy'
    return modern ? 'modern' : undefined
  }

  /** @throws AppError as `patience` says, or why no connection could be opened */
  async find(client: Era, patience: Patience): Promise<Era> {
    if (patience.signal?.aborted) throw patience.aborted()
    let flight = this.#flights.get(client)
    if (!flight) {
      flight = this.#probe(client).finally(() => this.#flights.delete(client))
      this.#flights.set(client, flight)
    }
    return aboard(flight, this.#options.clock, patience)
  }

  async #probe(client: Era): Promise<Era> {
    const lease = await this.#options.probe(client)
    const { handshake } = lease.resource
    this.#options.done(lease)
    return this.known(client) ?? handshake?.era ?? 'legacy'
  }
}
