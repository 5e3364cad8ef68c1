import { type ConnectionSnapshot, type ConnectionState, connectionStates } from '../../../../shared/state.ts'

const stateRank = new Map<ConnectionState, number>(connectionStates.map((state, rank) => [state, rank]))

/** What a column is sorted by; null sorts last in both directions. */
export const sortValues: Record<string, (connection: ConnectionSnapshot) => number | null> = {
  pid: (connection) => connection.pid,
  state: (connection) => stateRank.get(connection.state) ?? null,
  // The oldest has the smallest start: ascending age is descending start.
  age: (connection) => -connection.openedAt,
  served: (connection) => connection.served,
  'in-flight': (connection) => connection.inFlight,
  cpu: (connection) => connection.cpuPercent,
  memory: (connection) => connection.memoryBytes,
  errors: (connection) => connection.errors,
}

export interface Sorting {
  id: string
  desc: boolean
}

/** Ids in the order of a column; without one, or for equal values, in the order in which they were opened. */
export function sortedIds(connections: readonly ConnectionSnapshot[], sorting: Sorting | undefined): string[] {
  const read = sorting && sortValues[sorting.id]
  if (!read) return connections.map((connection) => connection.id)
  return connections
    .map((connection) => ({ id: connection.id, value: read(connection) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
      return sorting.desc ? b.value - a.value : a.value - b.value
    })
    .map(({ id }) => id)
}
