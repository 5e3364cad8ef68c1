import type { EventKind } from '../../shared/events.ts'
import type { NewEvent } from './journal.ts'
import { type Suppressed, type ThrottlePolicy, worse } from './throttle.ts'

/** A failing server fails in bursts: show the first of each second. */
const failures: ThrottlePolicy = { limit: 5, windowMs: 1_000 }
/**
 * With prespawn every request starts and ends a process. Ten of a kind show what is going on; more would push the
 * interesting events out of the journal within seconds.
 */
const lifecycle: ThrottlePolicy = { limit: 10, windowMs: 10_000 }

/** When a proxy or a network goes, the streams of all upstreams are lost at once, and again and again. */
const streams: ThrottlePolicy = { limit: 6, windowMs: 10_000, overall: 12 }

const policies: Partial<Record<EventKind, ThrottlePolicy>> = {
  'request.failed': failures,
  'stream.dropped': streams,
  'stream.recovered': streams,
  'stream.stopped': streams,
}

export const throttlePolicy = (kind: EventKind): ThrottlePolicy => policies[kind] ?? lifecycle

const pluralOf: Partial<Record<EventKind, string>> = {
  'request.failed': 'requests failed',
  'connection.opening': 'connections were started',
  'connection.ready': 'connections became ready',
  'connection.failed': 'connections could not be used',
  'connection.closing': 'connections were closed',
  'connection.dead': 'connections ended',
  'stream.dropped': 'streams were lost',
  'stream.recovered': 'streams were opened again',
  'stream.stopped': 'streams are not opened again',
  'session.opened': 'sessions were opened',
  'session.closed': 'sessions were closed',
}

/** Upstreams that get a line of their own for what was held back of one kind; more share one. */
const maxLines = 5

/** The records that stand for events which were held back. */
export function suppressedRecords(all: readonly Suppressed[]): NewEvent[] {
  return [...Map.groupBy(all, ({ kind }) => kind)].flatMap(([kind, held]) =>
    held.length > maxLines ? [sharedRecord(kind, held)] : held.map(ownRecord),
  )
}

const what = (kind: EventKind) => pluralOf[kind] ?? `events of the kind ${kind}`

const ownRecord = ({ upstream, kind, count, level }: Suppressed): NewEvent => ({
  kind,
  level,
  upstream,
  message: `${count} more ${what(kind)}`,
  data: { suppressed: count },
})

function sharedRecord(kind: EventKind, held: readonly Suppressed[]): NewEvent {
  const suppressed = held.reduce((sum, { count }) => sum + count, 0)
  return {
    kind,
    level: held.map(({ level }) => level).reduce(worse),
    message: `${suppressed} more ${what(kind)}, at ${held.length} upstreams`,
    data: { suppressed, upstreams: held.length },
  }
}
