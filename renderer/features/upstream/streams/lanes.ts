import type { EventRecord } from '../../../../shared/events.ts'
import type { ConnectionSnapshot, StreamSnapshot } from '../../../../shared/state.ts'
import { windowSeconds } from '../charts/series.ts'
import {
  countFailed,
  type Gap,
  joinedGaps,
  lastingGap,
  newGap,
  newStory,
  type StreamKind,
  type StreamStory,
  storyKey,
  streamStories,
} from './gaps.ts'

/** One stream on the timeline. Times are epoch milliseconds, `to` null means until now. */
export interface Lane {
  id: string
  connectionId: string
  kind: StreamKind
  /** Null when its connection is gone. */
  state: StreamSnapshot['state'] | null
  /** When it lived, gaps included; null for a stream that the server has none of. */
  life: { from: number; to: number | null } | null
  gaps: readonly Gap[]
  /** Of the last five minutes. */
  drops: number
}

/** Two gaps closer than this would be drawn as one anyhow: a pixel or two of a wide window. */
const closestMs = 1_500

/**
 * The streams of an upstream over the last five minutes: those that are there, and those of connections that ended and had
 * trouble. What the feed does not tell (it is throttled, and holds so many events) is taken from the streams themselves.
 * @param events newest first @param now epoch milliseconds
 */
export function streamLanes(
  connections: readonly Pick<ConnectionSnapshot, 'id' | 'openedAt' | 'streams'>[],
  events: readonly EventRecord[],
  now: number,
): Lane[] {
  const stories = streamStories(events)
  const start = now - windowSeconds * 1_000
  const lanes: Lane[] = []
  for (const { id, openedAt, streams } of connections) {
    const seen = new Set<string>()
    for (const stream of streams) {
      const key = storyKey(id, stream.kind, stream.id)
      if (seen.has(key)) continue
      seen.add(key)
      const story = stories.get(key) ?? newStory(id, stream.kind)
      stories.delete(key)
      reconcile(story, stream)
      lanes.push(lane(key, story, stream.state, openedAt, start))
    }
  }
  for (const [key, story] of stories) {
    const gap = lastingGap(story)
    if (gap) {
      gap.to = gap.failedAttempts.at(-1) ?? gap.from
      gap.outcome = 'unknown'
    }
    const drawn = lane(key, story, null, start, start)
    if (drawn.gaps.length > 0) lanes.push(drawn)
  }
  return lanes
}

/** Lanes of sessions that ended: more would only be scrolled over. */
const endedAtMost = 12

/**
 * Sessions of the old HTTP+SSE that were lost: there a session is its stream, so that its loss is the end of both, and the
 * next session's stream is another.
 * @param events newest first
 */
export function endedLanes(events: readonly EventRecord[], now: number): Lane[] {
  const start = now - windowSeconds * 1_000
  return events
    .filter(({ kind, level, at }) => kind === 'connection.dead' && level !== 'info' && at > start)
    .slice(0, endedAtMost)
    .flatMap(({ connectionId, at, message, data }): Lane[] => {
      if (connectionId === null) return []
      const lifeMs = typeof data?.lifeMs === 'number' ? data.lifeMs : 0
      return [
        {
          id: `${connectionId} ended`,
          connectionId,
          kind: 'messages',
          state: null,
          life: { from: Math.max(at - lifeMs, start), to: at },
          gaps: [{ ...newGap(at, message), to: at, outcome: 'ended' }],
          drops: 1,
        },
      ]
    })
}

function lane(id: string, story: StreamStory, state: Lane['state'], from: number, start: number): Lane {
  const gaps = joinedGaps(
    story.gaps.filter(({ to }) => to === null || to > start),
    closestMs,
  )
  const last = story.gaps.at(-1)
  const to = story.endedAt ?? (last?.outcome === 'stopped' ? last.to : null)
  return {
    id,
    connectionId: story.connectionId,
    kind: story.kind,
    state,
    life: state === 'unsupported' || state === 'idle' ? null : { from: Math.max(from, start), to },
    gaps: state === 'unsupported' ? [] : gaps,
    drops: gaps.reduce((sum, gap) => sum + gap.drops, 0),
  }
}

/** A drop is in the feed a moment after it happened. */
const toldWithinMs = 1_000

/** The stream itself knows best how it stands now. */
function reconcile(story: StreamStory, { state, openedAt, lastDrop, attempts }: StreamSnapshot): void {
  const gap = lastingGap(story)
  // The last of them is under way, or it is the one that came through.
  if (gap) countFailed(gap, story, state === 'waiting' ? attempts : attempts - 1)
  if (state === 'open' && gap) {
    gap.to = Math.max(gap.from, openedAt ?? gap.from)
    gap.outcome = 'recovered'
  } else if ((state === 'waiting' || state === 'connecting') && !gap && lastDrop)
    story.gaps.push(newGap(lastDrop.at, lastDrop.reason))
  // The feed says it in a sentence, the stream in the server's words.
  const last = story.gaps.at(-1)
  const told = last && (last.failedAttempts.at(-1) ?? last.from)
  const isSame = last && lastDrop && lastDrop.at > (told ?? 0) - toldWithinMs && lastDrop.at <= (last.to ?? lastDrop.at)
  if (isSame) last.reason = lastDrop.reason
}
