import type { EventRecord } from '../../../shared/events.ts'

/** A connection that is gone, as its last event tells. */
export interface EndedConnection {
  id: string
  pid: number | null
  /** Epoch milliseconds of its end. */
  at: number
  message: string
  level: EventRecord['level']
}

/** The connections that ended last, newest first, each once. @param live ids that are not gone, whatever an event says */
export function endedConnections(
  events: readonly EventRecord[],
  live: readonly string[],
  limit: number,
): EndedConnection[] {
  const seen = new Set(live)
  const ended: EndedConnection[] = []
  for (const { kind, connectionId, pid, at, message, level } of events) {
    if (ended.length === limit) break
    if (kind !== 'connection.dead' || connectionId === null || seen.has(connectionId)) continue
    seen.add(connectionId)
    ended.push({ id: connectionId, pid, at, message, level })
  }
  return ended
}
