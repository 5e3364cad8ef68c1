import { type ConnectionState, connectionStates } from '../../shared/state.ts'

/**
 * Which state may follow which (POOL semantics, "Connection states"). A connection is valid to lease only in `idle`;
 * `returning` is the reservation of one that came back or is being validated.
 */
const successors: Record<ConnectionState, readonly ConnectionState[]> = {
  spawning: ['handshaking', 'draining'],
  handshaking: ['idle', 'draining'],
  idle: ['leased', 'returning', 'draining'],
  leased: ['returning', 'draining'],
  returning: ['idle', 'draining'],
  draining: ['dead'],
  dead: [],
}

/** Checks that cost more than a comparison run only here: tests and development. Bundlers replace the expression. */
export const development = process.env.NODE_ENV !== 'production'

/** The place of each state in {@link connectionStates}: three changes of state for each lease are counted by number. */
export const stateCodes = Object.fromEntries(connectionStates.map((state, code) => [state, code])) as Record<
  ConnectionState,
  number
>

/** One bit for each state that may follow, by code. */
const legal = connectionStates.map((state) =>
  successors[state].reduce((bits, next) => bits | (1 << stateCodes[next]), 0),
)

/** Arguments are codes. */
export const isLegal = (from: number, to: number): boolean => ((legal[from] ?? 0) & (1 << to)) !== 0

/** How many connections that hold a permit are in each state. Kept by the one function that changes states. */
export class StateCounts {
  readonly #counts = new Int32Array(connectionStates.length)

  /** Arguments are codes. */
  move(from: number, to: number): void {
    this.#add(from, -1)
    this.#add(to, 1)
  }

  /** A permit was taken. */
  enter(state: ConnectionState): void {
    this.#add(stateCodes[state], 1)
  }

  /** It holds no permit any more. */
  leave(state: ConnectionState): void {
    this.#add(stateCodes[state], -1)
  }

  get spawning(): number {
    return this.#counts[stateCodes.spawning] ?? 0
  }

  get handshaking(): number {
    return this.#counts[stateCodes.handshaking] ?? 0
  }

  get idle(): number {
    return this.#counts[stateCodes.idle] ?? 0
  }

  get leased(): number {
    return this.#counts[stateCodes.leased] ?? 0
  }

  get returning(): number {
    return this.#counts[stateCodes.returning] ?? 0
  }

  get draining(): number {
    return this.#counts[stateCodes.draining] ?? 0
  }

  #add(code: number, change: number): void {
    this.#counts[code] = (this.#counts[code] ?? 0) + change
  }
}
