import type { PooledConnection } from './connection.ts'
import type { Resource } from './types.ts'

/** Idle connections, ordered by when they were last used. The most recently used is taken first: the others can cool off. */
export class IdleStack<R extends Resource> implements Iterable<PooledConnection<R>> {
  readonly #items: PooledConnection<R>[] = []

  get length(): number {
    return this.#items.length
  }

  get oldest(): PooledConnection<R> | undefined {
    return this.#items[0]
  }

  get newest(): PooledConnection<R> | undefined {
    return this.#items[this.#items.length - 1]
  }

  /** One that comes from validation goes back to its place, not to the top. */
  push(connection: PooledConnection<R>): void {
    const items = this.#items
    items.push(connection)
    let i = items.length - 1
    for (let below = items[i - 1]; below && below.idleSince > connection.idleSince; below = items[i - 1]) {
      items[i] = below
      i--
    }
    items[i] = connection
  }

  pop(): PooledConnection<R> | undefined {
    return this.#items.pop()
  }

  remove(connection: PooledConnection<R>): boolean {
    const at = this.#items.lastIndexOf(connection)
    if (at === -1) return false
    this.#items.splice(at, 1)
    return true
  }

  find(id: string): PooledConnection<R> | undefined {
    return this.#items.find((connection) => connection.id === id)
  }

  /** Oldest first. */
  [Symbol.iterator](): Iterator<PooledConnection<R>> {
    return this.#items[Symbol.iterator]()
  }
}
