import type { EventRecord } from '../../../../shared/events.ts'
import { type StreamSnapshot, streamKinds } from '../../../../shared/state.ts'

export type StreamKind = StreamSnapshot['kind']

/** A stretch of time without the stream. Times are epoch milliseconds. */
export interface Gap {
  from: number
  /** Null while it lasts. */
  to: number | null
  /** How often the stream was lost: over one where several gaps were too close to be told apart. */
  drops: number
  /** When attempts failed meanwhile, as far as the feed tells. */
  failedAttempts: readonly number[]
  /** How many failed: the feed tells not of each when many streams are lost at once. */
  failed: number
  /** Of the last loss. */
  reason: string
  /** unknown: its connection ended first. ended: its connection ended with it. */
  outcome: 'lasting' | 'recovered' | 'stopped' | 'unknown' | 'ended'
}

/** What the feed tells of one stream. */
export interface StreamStory {
  connectionId: string
  kind: StreamKind
  gaps: Gap[]
  /** When its connection ended; null while it lives, as far as the feed tells. */
  endedAt: number | null
  /** When the attempt after the last drop was to be made. */
  dueAt: number | null
  /** What the stream's count of attempts stood at when it was lost last. */
  attemptsBefore: number
}

type StreamEvent = EventRecord & { kind: 'stream.dropped' | 'stream.recovered' | 'stream.stopped' }

const isStreamEvent = (event: EventRecord): event is StreamEvent => event.kind.startsWith('stream.')

/** A stream's name in the feed. The rests of answers are many and short: those of a connection are one line. */
export const storyKey = (connectionId: string, kind: StreamKind, streamId: string): string =>
  `${connectionId} ${kind} ${kind === 'response' ? '' : streamId}`

/**
 * What happened to each stream of an upstream, by {@link storyKey}. The feed is throttled, so that a recovery may be told
 * without its drop, or the other way round: what is known from either is taken.
 * @param events newest first, as the feed is
 */
export function streamStories(events: readonly EventRecord[]): Map<string, StreamStory> {
  const stories = new Map<string, StreamStory>()
  for (const event of events.toReversed()) {
    if (event.connectionId === null) continue
    if (event.kind === 'connection.dead') end(stories, event.connectionId, event.at)
    if (!isStreamEvent(event)) continue
    const kind = streamKinds.find((candidate) => candidate === event.data?.kind)
    if (!kind) continue
    const { connectionId } = event
    const key = storyKey(connectionId, kind, String(event.data?.stream ?? ''))
    const story = stories.get(key) ?? newStory(connectionId, kind)
    stories.set(key, story)
    tell(story, event)
  }
  return stories
}

export const newStory = (connectionId: string, kind: StreamKind): StreamStory => ({
  connectionId,
  kind,
  gaps: [],
  endedAt: null,
  dueAt: null,
  attemptsBefore: 0,
})

/** @param attempts in a row, by the stream's own count, that have failed by now */
export function countFailed(gap: Gap, { attemptsBefore }: StreamStory, attempts: number): void {
  gap.failed = Math.max(gap.failed, attempts - attemptsBefore)
}

/**
 * Whether what was lost had been open: a clean end (no code) or a loss in the middle. Any other code is an attempt that
 * failed. That it is open is told only when something was received, which with a quiet server is much later.
 */
const wasOpen = (code: unknown): boolean => code === null || code === 'CONNECTION_LOST'

function close(gap: Gap, story: StreamStory, at: number): void {
  gap.to = Math.min(at, Math.max(gap.from, story.dueAt ?? at))
  gap.outcome = 'recovered'
}

function tell(story: StreamStory, { kind, at, message, data }: StreamEvent): void {
  const open = lastingGap(story)
  const reason = typeof data?.reason === 'string' ? data.reason : null
  const attempt = typeof data?.attempt === 'number' ? data.attempt : 0
  switch (kind) {
    case 'stream.dropped':
      if (open && !wasOpen(data?.code)) {
        open.failedAttempts = [...open.failedAttempts, at]
        open.reason = reason ?? message
        open.failed++
        countFailed(open, story, attempt)
      } else {
        if (open) close(open, story, at)
        const gap = newGap(at, reason ?? message)
        story.gaps.push(gap)
        story.attemptsBefore = wasOpen(data?.code) ? attempt : 0
        countFailed(gap, story, attempt)
      }
      story.dueAt = typeof data?.retryInMs === 'number' ? at + data.retryInMs : null
      return
    case 'stream.recovered': {
      if (open) {
        close(open, story, at)
        if (typeof data?.attempts === 'number') countFailed(open, story, data.attempts - 1)
        return
      }
      const downMs = typeof data?.downMs === 'number' && data.downMs >= 0 ? data.downMs : 0
      story.gaps.push({ ...newGap(at - downMs, 'The feed was too busy to tell why'), to: at, outcome: 'recovered' })
      return
    }
    case 'stream.stopped': {
      const gap = open ?? newGap(at, reason ?? message)
      if (!open) story.gaps.push(gap)
      gap.to = at
      gap.reason = reason ?? gap.reason
      gap.outcome = 'stopped'
    }
  }
}

export const newGap = (from: number, reason: string): Gap => ({
  from,
  to: null,
  drops: 1,
  failedAttempts: [],
  failed: 0,
  reason,
  outcome: 'lasting',
})

export const lastingGap = (story: StreamStory): Gap | undefined => {
  const last = story.gaps.at(-1)
  return last?.outcome === 'lasting' ? last : undefined
}

function end(stories: ReadonlyMap<string, StreamStory>, connectionId: string, at: number): void {
  for (const story of stories.values()) {
    if (story.connectionId !== connectionId) continue
    story.endedAt = at
    const open = lastingGap(story)
    if (!open) continue
    open.to = at
    open.outcome = 'unknown'
  }
}

/** Drops that the feed was too busy to tell one by one; they stand on no lane. */
export const untoldDrops = (events: readonly EventRecord[]): number =>
  events.reduce((sum, { kind, data }) => {
    const count = kind === 'stream.dropped' && data?.suppressed
    return sum + (typeof count === 'number' ? count : 0)
  }, 0)

/**
 * Gaps that would be drawn over each other as one, with their drops counted: a churning stream has hundreds.
 * @param closestMs gaps nearer than this are one
 */
export function joinedGaps(gaps: readonly Gap[], closestMs: number): Gap[] {
  const joined: Gap[] = []
  for (const gap of gaps) {
    const before = joined.at(-1)
    if (before && before.to !== null && gap.from - before.to < closestMs)
      joined[joined.length - 1] = {
        ...gap,
        from: before.from,
        drops: before.drops + gap.drops,
        failedAttempts: [...before.failedAttempts, ...gap.failedAttempts],
        failed: before.failed + gap.failed,
      }
    else joined.push(gap)
  }
  return joined
}
