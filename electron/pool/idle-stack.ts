import type { PooledConnection } from './connection.ts'
import type { Resource } from './types.ts'

/**
 * Idle connections, ordered by when they were last used. The most recently used is taken first: the others can cool off.
 * Slots are kept: an array that is pushed and popped around length 0 gives its memory back each time and asks for it
 * again, which was the most expensive step of a lease.
 */
export class IdleStack<R extends Resource> implements Iterable<PooledConnection<R>> {
  readonly #slots: (PooledConnection<R> | undefined)[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The one to give up first: the least recently used, and those that are kept after all others. */
  get coldest(): PooledConnection<R> | undefined {
    for (const connection of this) if (!connection.kept) return connection
    return this.#length === 0 ? undefined : this.#slots[0]
  }

  get newest(): PooledConnection<R> | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#length - 1]
  }

  /** One that comes from validation goes back to its place, not to the top. */
  push(connection: PooledConnection<R>): void {
    const slots = this.#slots
    let at = this.#length++
    while (at > 0) {
      const below = slots[at - 1]
      if (below === undefined || below.idleSince <= connection.idleSince) break
      slots[at--] = below
    }
    slots[at] = connection
  }

  remove(connection: PooledConnection<R>): boolean {
    const slots = this.#slots
    if (connection === this.newest) {
      slots[--this.#length] = undefined
      return true
    }
    for (let at = this.#length - 1; at >= 0; at--) {
      if (slots[at] !== connection) continue
      slots.copyWithin(at, at + 1, this.#length--)
      slots[this.#length] = undefined
      return true
    }
    return false
  }

  /** The most recently used of this kind. */
  newestOf(kind: string): PooledConnection<R> | undefined {
    for (let at = this.#length - 1; at >= 0; at--) if (this.#slots[at]?.kind === kind) return this.#slots[at]
    return undefined
  }

  find(id: string): PooledConnection<R> | undefined {
    for (const connection of this) if (connection.id === id) return connection
    return undefined
  }

  /** Oldest first. What is taken out meanwhile is skipped or seen once more: iterate a copy to change the stack. */
  *[Symbol.iterator](): Generator<PooledConnection<R>, undefined> {
    for (let at = 0; at < this.#length; at++) {
      const connection = this.#slots[at]
      if (connection) yield connection
    }
  }
}
