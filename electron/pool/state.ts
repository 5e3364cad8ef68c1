import type { ConnectionState } from '../../shared/state.ts'

/**
 * Which state may follow which (POOL semantics, "Connection states"). A connection is valid to lease only in `idle`;
 * `returning` is the reservation of one that came back or is being validated.
 */
const legal: Record<ConnectionState, Partial<Record<ConnectionState, true>>> = {
  spawning: { handshaking: true, draining: true },
  handshaking: { idle: true, draining: true },
  idle: { leased: true, returning: true, draining: true },
  leased: { returning: true, draining: true },
  returning: { idle: true, draining: true },
  draining: { dead: true },
  dead: {},
}

/** Checks that cost more than a comparison run only here: tests and development. Bundlers replace the expression. */
export const development = process.env.NODE_ENV !== 'production'

export const isLegal = (from: ConnectionState, to: ConnectionState): boolean => legal[from][to] === true

/** How many connections that hold a permit are in each state. Kept by the one function that changes states. */
export type StateCounts = Record<ConnectionState, number>

export const noConnections = (): StateCounts => ({
  spawning: 0,
  handshaking: 0,
  idle: 0,
  leased: 0,
  returning: 0,
  draining: 0,
  dead: 0,
})
