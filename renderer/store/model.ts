import type {
  ConnectionSnapshot,
  EventRecord,
  Frame,
  GatewayState,
  HostState,
  Point,
  Snapshot,
  UpstreamSnapshot,
} from '../../shared/contract.ts'
import { eventsKept } from '../../shared/events.ts'
import { pointsKept } from '../../shared/state.ts'
import { share, shareById } from './share.ts'

/** What the host last said. Immutable; parts that did not change keep their identity from one model to the next. */
export interface Model {
  /** Number of the last frame that is in here. */
  seq: number
  /** The host's clock at that frame, epoch milliseconds. */
  at: number
  host: HostState
  gateway: GatewayState
  /** In the order of the host's snapshot (the config file's order); new ones at the end. */
  names: readonly string[]
  upstreams: Readonly<Record<string, UpstreamSnapshot>>
  connectionIds: Readonly<Record<string, readonly string[]>>
  connections: Readonly<Record<string, Readonly<Record<string, ConnectionSnapshot>>>>
  /** Newest first, at most {@link eventsKept}. */
  events: readonly EventRecord[]
  /** Oldest first, at most {@link pointsKept}; only seconds that happened. */
  points: Readonly<Record<string, readonly Point[]>>
}

/** By the names of upstreams, which may be those of Object's own members: `constructor` must not be found unasked. */
const byName = <T>(entries: Readonly<Record<string, T>> = {}): Record<string, T> =>
  Object.assign(Object.create(null) as Record<string, T>, entries)

export function fromSnapshot(snapshot: Snapshot, previous: Model | null): Model {
  const upstreams = byName<UpstreamSnapshot>()
  for (const next of snapshot.upstreams) upstreams[next.name] = shareUpstream(previous?.upstreams[next.name], next)
  // Points survive a fresh snapshot of the same host; another host's history is not this one's.
  const sameHost = previous?.host.startedAt === snapshot.host.startedAt
  return {
    seq: snapshot.seq,
    at: snapshot.at,
    host: share(previous?.host, snapshot.host),
    gateway: share(previous?.gateway, snapshot.gateway),
    names: share(
      previous?.names,
      snapshot.upstreams.map((upstream) => upstream.name),
    ),
    upstreams,
    ...indexConnections(upstreams, previous),
    events: mergeEvents([], snapshot.events),
    points: (sameHost ? previous?.points : undefined) ?? byName(),
  }
}

/**
 * The model after a frame. A frame that is already in the model changes nothing; a gap (frames were lost) gives null:
 * ask for a snapshot.
 */
export function applyFrame(model: Model, frame: Frame): Model | null {
  if (frame.seq <= model.seq) return model
  if (frame.seq > model.seq + 1) return null
  const changedUpstreams = frame.upstreams.length > 0 || frame.removed.length > 0
  const upstreams = changedUpstreams ? replaceUpstreams(model, frame) : model.upstreams
  return {
    seq: frame.seq,
    at: frame.at,
    host: frame.host ? share(model.host, frame.host) : model.host,
    gateway: frame.gateway ? share(model.gateway, frame.gateway) : model.gateway,
    names: changedUpstreams ? nameOrder(model.names, upstreams) : model.names,
    upstreams,
    ...(changedUpstreams
      ? indexConnections(upstreams, model)
      : { connectionIds: model.connectionIds, connections: model.connections }),
    events: mergeEvents(model.events, frame.events),
    points: appendFramePoints(model.points, frame),
  }
}

/** Puts a loaded series under the points that frames brought meanwhile. */
export function withSeries(model: Model, name: string, loaded: readonly Point[]): Model {
  const points = byName(model.points)
  points[name] = appendPoints(loaded, points[name] ?? [])
  return { ...model, points }
}

function replaceUpstreams(model: Model, frame: Frame): Record<string, UpstreamSnapshot> {
  const upstreams = byName(model.upstreams)
  for (const name of frame.removed) delete upstreams[name]
  for (const next of frame.upstreams) upstreams[next.name] = shareUpstream(model.upstreams[next.name], next)
  return upstreams
}

/** Connections are matched by id, everything else by key. */
function shareUpstream(previous: UpstreamSnapshot | undefined, next: UpstreamSnapshot): UpstreamSnapshot {
  if (!previous) return next
  const connections = shareById(previous.connections, next.connections)
  const rest = share(previous, { ...next, connections: previous.connections })
  return connections === previous.connections ? rest : { ...rest, connections }
}

function nameOrder(names: readonly string[], upstreams: Record<string, UpstreamSnapshot>): readonly string[] {
  const kept = names.filter((name) => Object.hasOwn(upstreams, name))
  const known = new Set(kept)
  return share(names, [...kept, ...Object.keys(upstreams).filter((name) => !known.has(name))])
}

/** Rows look themselves up by id; without an index each of n rows would search n connections. */
function indexConnections(
  upstreams: Record<string, UpstreamSnapshot>,
  previous: Model | null,
): Pick<Model, 'connectionIds' | 'connections'> {
  const connectionIds = byName<readonly string[]>()
  const connections = byName<Readonly<Record<string, ConnectionSnapshot>>>()
  for (const [name, upstream] of Object.entries(upstreams)) {
    const ids = upstream.connections.map((connection) => connection.id)
    connectionIds[name] = share(previous?.connectionIds[name], ids)
    connections[name] =
      previous?.upstreams[name] === upstream && previous.connections[name]
        ? previous.connections[name]
        : Object.fromEntries(upstream.connections.map((connection) => [connection.id, connection]))
  }
  return { connectionIds, connections }
}

/** Newest first, each id once. */
function mergeEvents(previous: readonly EventRecord[], incoming: readonly EventRecord[]): readonly EventRecord[] {
  if (incoming.length === 0) return previous
  const newest = previous[0]?.id ?? Number.NEGATIVE_INFINITY
  const fresh = incoming.filter((event) => event.id > newest).sort((a, b) => b.id - a.id)
  const once = fresh.filter((event, i) => event.id !== fresh[i - 1]?.id)
  return once.length === 0 ? previous : [...once, ...previous].slice(0, eventsKept)
}

function appendFramePoints(points: Model['points'], frame: Frame): Model['points'] {
  const names = Object.keys(frame.points)
  if (names.length === 0 && frame.removed.length === 0) return points
  const next = byName(points)
  for (const name of frame.removed) delete next[name]
  for (const name of names) next[name] = appendPoints(next[name] ?? [], frame.points[name] ?? [])
  return next
}

function appendPoints(previous: readonly Point[], incoming: readonly Point[]): readonly Point[] {
  const last = previous.at(-1)?.t ?? Number.NEGATIVE_INFINITY
  const fresh = incoming.filter((point) => point.t > last)
  return fresh.length === 0 ? previous : [...previous, ...fresh].slice(-pointsKept)
}
