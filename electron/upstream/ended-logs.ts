import type { ConnectionLogSnapshot, UpstreamConnection } from './connection-types.ts'

/** Ended connections whose stderr can still be read: what a process said last is the reason that it ended. */
const kept = 20

/** The stderr of the connections that ended last, oldest first. */
export class EndedLogs {
  readonly #logs = new Map<string, ConnectionLogSnapshot>()

  add(connection: UpstreamConnection): void {
    this.#logs.set(connection.connectionId, connection.log())
    if (this.#logs.size <= kept) return
    const [oldest] = this.#logs.keys()
    if (oldest !== undefined) this.#logs.delete(oldest)
  }

  get(connectionId: string): ConnectionLogSnapshot | undefined {
    return this.#logs.get(connectionId)
  }
}
