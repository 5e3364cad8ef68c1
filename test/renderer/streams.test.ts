import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { joinedGaps, newGap, streamStories, untoldDrops } from '../../renderer/features/upstream/streams/gaps.ts'
import { endedLanes, streamLanes } from '../../renderer/features/upstream/streams/lanes.ts'
import { isLasting, streamTrouble, troubleText } from '../../renderer/features/upstream/streams/trouble.ts'
import type { EventRecord } from '../../shared/events.ts'
import type { ConnectionSnapshot, StreamSnapshot } from '../../shared/state.ts'

const now = 1_700_000_000_000
const stream = (changes: Partial<StreamSnapshot> = {}): StreamSnapshot => ({
  id: 's1',
  kind: 'notifications',
  state: 'open',
  openedAt: now - 400_000,
  attempts: 0,
  nextAttemptAt: null,
  reconnects: 0,
  lastDrop: null,
  lastMessageAt: null,
  resumable: false,
  ...changes,
})
const waiting = (changes: Partial<StreamSnapshot> = {}) =>
  stream({ state: 'waiting', openedAt: null, attempts: 2, lastDrop: { at: now - 5_000, reason: 'reset' }, ...changes })
const session = (
  id: string,
  ...streams: StreamSnapshot[]
): Pick<ConnectionSnapshot, 'id' | 'openedAt' | 'streams'> => ({
  id,
  openedAt: now - 400_000,
  streams,
})

let eventId = 0
const event = (
  kind: EventRecord['kind'],
  secondsAgo: number,
  data: Record<string, unknown> = {},
  connectionId: string | null = 'c1',
): EventRecord => ({
  id: ++eventId,
  at: now - secondsAgo * 1_000,
  kind,
  level: 'warn',
  upstream: 'x',
  connectionId,
  pid: null,
  message: `sentence of ${kind}`,
  data: { stream: 's1', kind: 'notifications', ...data },
})
/** As the feed holds them. */
const feed = (...events: EventRecord[]) => events.toReversed()

describe('what is said of streams that are lost', () => {
  test('nothing, while all that should be open are open, or are opened for the first time', () => {
    const fine = [
      stream(),
      stream({ state: 'unsupported' }),
      stream({ state: 'connecting' }),
      stream({ state: 'idle' }),
    ]
    expect(streamTrouble([session('c1', ...fine)])).toBeNull()
    expect(streamTrouble([])).toBeNull()
  })

  test('how many of how many, and when the next attempt is made; what the server has none of does not count', () => {
    const trouble = streamTrouble([
      session('c1', stream(), waiting({ nextAttemptAt: now + 8_000 })),
      session('c2', stream(), waiting({ nextAttemptAt: now + 2_500 }), stream({ state: 'unsupported' })),
    ])
    expect(trouble).toMatchObject({ total: 4, reconnecting: 2, nextAt: now + 2_500, waitingIds: ['c1', 'c2'] })
    expect(trouble && troubleText(trouble, now)).toBe('2 of 4 streams reconnecting, next in 3 s')
    expect(trouble && troubleText(trouble, now + 2_500)).toBe('2 of 4 streams reconnecting, next attempt is due')
  })

  test('while it is being tried there is nothing to retry now', () => {
    const trouble = streamTrouble([session('c1', waiting({ state: 'connecting' }))])
    expect(trouble).toMatchObject({ reconnecting: 1, nextAt: null, waitingIds: [] })
    expect(trouble && troubleText(trouble, now)).toBe('1 of 1 stream reconnecting, trying now')
  })

  test('the reason is that of the stream that has tried most often; only a lasting loss is pinned to the top', () => {
    const brief = streamTrouble([session('c1', waiting({ attempts: 1 }))])
    const lasting = streamTrouble([
      session('c1', waiting({ attempts: 1 })),
      session('c2', waiting({ attempts: 6, lastDrop: { at: now, reason: 'refused' } })),
    ])
    expect([brief && isLasting(brief), lasting && isLasting(lasting), lasting?.reason]).toEqual([
      false,
      true,
      'refused',
    ])
  })
})

describe('gaps from the feed', () => {
  const gaps = (...events: EventRecord[]) => [...streamStories(feed(...events)).values()].flatMap((story) => story.gaps)

  test('a drop and its recovery are a gap; attempts that failed in between are its dots, the last reason counts', () => {
    expect(
      gaps(
        event('stream.dropped', 60, { reason: 'reset' }),
        event('stream.dropped', 58, { reason: 'refused' }),
        event('stream.recovered', 50, { downMs: 10_000 }),
      ),
    ).toEqual([
      {
        from: now - 60_000,
        to: now - 50_000,
        drops: 1,
        failedAttempts: [now - 58_000],
        failed: 1,
        reason: 'refused',
        outcome: 'recovered',
      },
    ])
  })

  test('attempts that the feed was too busy to tell of are counted all the same', () => {
    const lost = event('stream.dropped', 60, { code: 'CONNECTION_LOST', attempt: 0 })
    const second = event('stream.dropped', 58, { code: 'CONNECT_FAILED', attempt: 2 })
    expect(gaps(lost, second, event('stream.recovered', 47, { downMs: 13_000, attempts: 9 }))).toMatchObject([
      { failedAttempts: [now - 58_000], failed: 8, outcome: 'recovered' },
    ])
    expect(gaps(lost, event('stream.recovered', 59, { downMs: 200, attempts: 1 }))).toMatchObject([{ failed: 0 }])
    const failedBy = (changes: Partial<StreamSnapshot>) =>
      streamLanes([session('c1', waiting(changes))], feed(lost, second), now)[0]?.gaps[0]?.failed
    expect([failedBy({ attempts: 7 }), failedBy({ attempts: 7, state: 'connecting' })]).toEqual([7, 6])
    expect(failedBy({ attempts: 9, state: 'open', openedAt: now - 47_000 })).toBe(8)
  })

  test('a recovery whose drop was held back by the feed still shows how long the stream was away', () => {
    expect(gaps(event('stream.recovered', 50, { downMs: 4_000 }))).toMatchObject([
      { from: now - 54_000, to: now - 50_000, outcome: 'recovered' },
    ])
  })

  test('one that had been open in between is lost again, and not still: what its code says', () => {
    const lost = { code: 'CONNECTION_LOST', retryInMs: 500 }
    expect(
      gaps(
        event('stream.dropped', 60, lost),
        event('stream.dropped', 40, lost),
        event('stream.dropped', 39, { code: 'CONNECT_FAILED', retryInMs: 2_000 }),
        event('stream.dropped', 20, { code: null, retryInMs: 100 }),
      ),
    ).toMatchObject([
      { from: now - 60_000, to: now - 59_500, outcome: 'recovered' },
      { from: now - 40_000, to: now - 37_000, failedAttempts: [now - 39_000], outcome: 'recovered' },
      { from: now - 20_000, to: null },
    ])
  })

  test('with a quiet server the recovery is told much later than it came: the gap ends with the attempt that was the last', () => {
    expect(
      gaps(
        event('stream.dropped', 60, { code: 'CONNECTION_LOST', retryInMs: 500 }),
        event('stream.recovered', 29, { downMs: 31_000 }),
      ),
    ).toMatchObject([{ from: now - 60_000, to: now - 59_500 }])
  })

  test('one that is given up ends as stopped, one whose session ends as not known', () => {
    expect(gaps(event('stream.dropped', 60), event('stream.stopped', 55, { reason: '404' }))).toMatchObject([
      { to: now - 55_000, outcome: 'stopped', reason: '404' },
    ])
    expect(gaps(event('stream.dropped', 60), event('connection.dead', 40))).toMatchObject([
      { to: now - 40_000, outcome: 'unknown' },
    ])
  })

  test('streams of one name in two sessions are two; what is no stream’s event, or of a kind unheard of, is none', () => {
    const stories = streamStories(
      feed(
        event('stream.dropped', 9, {}, 'c1'),
        event('stream.dropped', 8, {}, 'c2'),
        event('stream.dropped', 8, { kind: 'telepathy' }),
        event('stream.dropped', 8, { suppressed: 5 }, null),
        event('breaker.opened', 7),
      ),
    )
    expect(stories.size).toBe(2)
  })

  test('drops that the feed only counted are told as a number', () => {
    expect(untoldDrops([event('stream.dropped', 8, { suppressed: 40 }, null), event('stream.dropped', 7)])).toBe(40)
  })

  test('gaps too close to be told apart are one, and no drop is lost in it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 5_000 })), { maxLength: 60 }),
        (steps) => {
          let at = 0
          const all = steps.map(([pause, length]) => {
            const from = at + pause
            at = from + length
            return { ...newGap(from, 'r'), to: at, outcome: 'recovered' as const }
          })
          const joined = joinedGaps(all, 1_500)
          expect(joined.reduce((sum, gap) => sum + gap.drops, 0)).toBe(all.length)
          joined.forEach((gap, i) => {
            const before = joined[i - 1]
            if (before) expect(gap.from - (before.to ?? 0)).toBeGreaterThanOrEqual(1_500)
          })
        },
      ),
    )
  })
})

describe('lanes of the last five minutes', () => {
  test('each stream has one, from its session’s beginning or the window’s, also without any event', () => {
    const [lane] = streamLanes([{ ...session('c1', stream()), openedAt: now - 60_000 }], [], now)
    expect(lane).toMatchObject({ connectionId: 'c1', state: 'open', gaps: [], drops: 0 })
    expect(lane?.life).toEqual({ from: now - 60_000, to: null })
    expect(streamLanes([session('c1', stream())], [], now)[0]?.life?.from).toBe(now - 300_000)
  })

  test('a stream that the server has none of is quiet: no bar and no gap', () => {
    expect(streamLanes([session('c1', stream({ state: 'unsupported' }))], [], now)).toMatchObject([
      { state: 'unsupported', life: null, gaps: [] },
    ])
  })

  test('a stream that waits shows its gap though the feed has forgotten the drop, with the server’s own words', () => {
    expect(streamLanes([session('c1', waiting())], [], now)[0]?.gaps).toMatchObject([
      { from: now - 5_000, to: null, reason: 'reset', outcome: 'lasting' },
    ])
    const told = streamLanes([session('c1', waiting())], feed(event('stream.dropped', 9)), now)
    expect(told[0]?.gaps).toMatchObject([{ from: now - 9_000, to: null, reason: 'reset' }])
  })

  test('a stream that is open has no gap that lasts, whatever the feed left out', () => {
    const back = stream({ openedAt: now - 3_000, lastDrop: { at: now - 9_000, reason: 'reset' } })
    expect(streamLanes([session('c1', back)], feed(event('stream.dropped', 9)), now)[0]?.gaps).toMatchObject([
      { from: now - 9_000, to: now - 3_000, outcome: 'recovered' },
    ])
  })

  test('gaps older than five minutes are gone; one that reaches into them stays', () => {
    const events = feed(
      event('stream.dropped', 500),
      event('stream.recovered', 490, { downMs: 10_000 }),
      event('stream.dropped', 320),
      event('stream.recovered', 290, { downMs: 30_000 }),
    )
    expect(streamLanes([session('c1', stream())], events, now)[0]?.gaps).toMatchObject([{ from: now - 320_000 }])
  })

  test('a session that ended keeps its lane while its trouble is in sight, and no longer', () => {
    const events = feed(event('stream.dropped', 60), event('connection.dead', 40))
    expect(streamLanes([], events, now)).toMatchObject([
      { connectionId: 'c1', state: null, life: { to: now - 40_000 }, drops: 1 },
    ])
    expect(streamLanes([], events, now + 300_000)).toEqual([])
  })

  test('with the old transport a lost stream is a lost session: its life and its end stay in sight', () => {
    const lost = event('connection.dead', 40, { lifeMs: 20_000 })
    const drained = { ...event('connection.dead', 30, { lifeMs: 5_000 }, 'c2'), level: 'info' as const }
    expect(endedLanes(feed(lost, drained), now)).toMatchObject([
      {
        connectionId: 'c1',
        life: { from: now - 60_000, to: now - 40_000 },
        gaps: [{ from: now - 40_000, to: now - 40_000, outcome: 'ended' }],
      },
    ])
    expect(endedLanes(feed(lost), now + 300_000)).toEqual([])
  })

  test('rests of answers share one line for each session: there may be very many', () => {
    const rest = (id: string, secondsAgo: number) => [
      event('stream.dropped', secondsAgo, { stream: id, kind: 'response' }),
      event('stream.recovered', secondsAgo - 5, { stream: id, kind: 'response', downMs: 5_000 }),
    ]
    const lanes = streamLanes([session('c1')], feed(...rest('a', 100), ...rest('b', 80), ...rest('c', 60)), now)
    expect(lanes).toMatchObject([{ kind: 'response', drops: 3 }])
  })

  test('a stream that churns gives few gaps to draw, and every drop in their counts', () => {
    const events = Array.from({ length: 400 }, (_, i) =>
      i % 2 === 0 ? event('stream.dropped', 290 - i * 0.5) : event('stream.recovered', 290 - i * 0.5, { downMs: 500 }),
    )
    const [lane] = streamLanes([session('c1', stream())], feed(...events), now)
    expect(lane?.gaps.length).toBeLessThan(10)
    expect(lane?.drops).toBe(200)
  })
})
