import { type EventRecord, eventsKept } from '../../shared/events.ts'
import { Ring } from '../kit/ring.ts'
import { plain } from './text.ts'

/** An event before it has an id. What is left out is null; `level` is `info`. */
export type NewEvent = Pick<EventRecord, 'kind' | 'message'> & Partial<Omit<EventRecord, 'id' | 'kind' | 'message'>>

/** The newest events of the host's life, in the order in which they happened. Bounded: the oldest fall out. */
export class Journal {
  readonly #ring: Ring<EventRecord>
  readonly #wall: () => number
  readonly #onAdded: (event: EventRecord) => void
  #lastId = 0

  /**
   * @param wall epoch milliseconds
   * @param onAdded called after each event
   */
  constructor(wall: () => number, onAdded: (event: EventRecord) => void = () => {}, capacity = eventsKept) {
    this.#wall = wall
    this.#onAdded = onAdded
    this.#ring = new Ring(capacity)
  }

  /** Appends an event. The message becomes one line of bounded text; `data` is kept as it is: no secrets in it. */
  add(entry: NewEvent): EventRecord {
    this.#lastId += 1
    const event: EventRecord = {
      id: this.#lastId,
      at: entry.at ?? this.#wall(),
      kind: entry.kind,
      level: entry.level ?? 'info',
      upstream: entry.upstream ?? null,
      connectionId: entry.connectionId ?? null,
      pid: entry.pid ?? null,
      message: plain(entry.message),
      ...(entry.data && { data: entry.data }),
    }
    this.#ring.push(event)
    this.#onAdded(event)
    return event
  }

  /** The id of the newest event; 0 when there was none. */
  get lastId(): number {
    return this.#lastId
  }

  /** All that is kept, the oldest first. */
  toArray(): EventRecord[] {
    return this.#ring.toArray()
  }

  /** What came after the event with this id, as far as it is kept, the oldest first. */
  since(id: number): EventRecord[] {
    const missing = this.#lastId - id
    return missing <= 0 ? [] : this.#ring.toArray().slice(-missing)
  }
}
