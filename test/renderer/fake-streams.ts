import type { ConnectionSnapshot, EventRecord, StreamSnapshot } from '../../shared/contract.ts'
import type { StreamPlan } from './fake-remotes.ts'

type Tell = (
  kind: EventRecord['kind'],
  level: EventRecord['level'],
  message: string,
  at: number,
  details: Pick<EventRecord, 'connectionId' | 'data'>,
) => void

const reasons = [
  'the server closed the stream',
  'mcp.example.com:443 reset the connection (ECONNRESET) in the middle of its answer',
  'HTTP 503 <b>upstream connect error</b>',
  'nothing was received for 90 s',
]

/** The streams of a made-up session as they stand now. */
export function buildStreams(plans: readonly StreamPlan[], openedAt: number): StreamSnapshot[] {
  const now = Date.now()
  return plans.map(({ kind, behaviour, resumable }, i) => ({
    id: `s${i + 1}`,
    kind,
    state: behaviour === 'none' ? 'unsupported' : behaviour === 'down' ? 'waiting' : 'open',
    openedAt: behaviour === 'none' || behaviour === 'down' ? null : openedAt,
    attempts: behaviour === 'down' ? 5 : 0,
    nextAttemptAt: behaviour === 'down' ? now + 7_000 : null,
    reconnects: behaviour === 'flaky' ? 9 : behaviour === 'down' ? 16 : 0,
    lastDrop:
      behaviour === 'flaky'
        ? { at: now - 58_000, reason: reasons[1] ?? '' }
        : behaviour === 'down'
          ? { at: now - 3_000, reason: reasons[2] ?? '' }
          : null,
    lastMessageAt: behaviour === 'none' ? null : now - (behaviour === 'down' ? 44_000 : 2_000),
    resumable: resumable ?? false,
  }))
}

/** What the feed would tell of the last five minutes of these streams, oldest first. */
export function streamHistory(
  connections: readonly ConnectionSnapshot[],
  plan: readonly StreamPlan[],
  tell: Tell,
): void {
  const now = Date.now()
  const ago = (seconds: number) => now - seconds * 1_000
  for (const { id, streams } of connections)
    for (const [i, stream] of streams.entries()) {
      const behaviour = plan[i]?.behaviour
      const place = { stream: stream.id, kind: stream.kind }
      const dropped = (seconds: number, attempt: number, retryInMs: number) => {
        const reason = reasons[(attempt + i) % reasons.length] ?? ''
        tell('stream.dropped', 'warn', `The ${stream.kind} stream was lost: ${reason}`, ago(seconds), {
          connectionId: id,
          data: { ...place, reason, code: attempt === 1 ? 'CONNECTION_LOST' : 'CONNECT_FAILED', attempt, retryInMs },
        })
      }
      const recovered = (seconds: number, attempts: number, downMs: number) =>
        tell('stream.recovered', 'info', `The ${stream.kind} stream is back after ${downMs} ms`, ago(seconds), {
          connectionId: id,
          data: { ...place, attempts, downMs, resumed: stream.resumable },
        })
      if (behaviour === 'flaky') {
        dropped(278, 1, 200)
        recovered(277.5, 1, 500)
        dropped(201, 1, 300)
        for (const [n, seconds] of [200, 198, 195].entries()) dropped(seconds, n + 2, 900 * (n + 1))
        recovered(188, 5, 13_000)
        dropped(101, 1, 100)
        recovered(100, 1, 1_000)
        dropped(99.5, 1, 100)
        recovered(99, 1, 500)
        dropped(58, 1, 400)
        recovered(56, 1, 2_000)
      } else if (behaviour === 'down')
        for (const [n, seconds] of [44, 43, 40, 33, 19, 3].entries()) dropped(seconds, n + 1, 2 ** n * 500)
    }
}

/** A second of the streams' life: attempts that are due are made, and fail. @returns whether anything happened */
export function streamsSecond(connection: ConnectionSnapshot, now: number, tell: Tell): boolean {
  let changed = false
  for (const stream of connection.streams) {
    if (stream.state !== 'waiting' || stream.nextAttemptAt === null || stream.nextAttemptAt > now) continue
    const reason = reasons[stream.attempts % reasons.length] ?? ''
    const retryInMs = Math.min(30_000, 3_000 * stream.attempts)
    stream.attempts++
    stream.lastDrop = { at: now, reason }
    stream.nextAttemptAt = now + retryInMs
    tell('stream.dropped', 'warn', `The ${stream.kind} stream was lost: ${reason}`, now, {
      connectionId: connection.id,
      data: {
        stream: stream.id,
        kind: stream.kind,
        reason,
        code: 'CONNECT_FAILED',
        attempt: stream.attempts,
        retryInMs,
      },
    })
    changed = true
  }
  return changed
}

/** What "Retry now" does to a session of the made-up host: it works. @returns how many streams were tried */
export function reconnectStreams(connection: ConnectionSnapshot, now: number, tell: Tell): number {
  const waiting = connection.streams.filter(({ state }) => state === 'waiting')
  for (const stream of waiting) {
    const { attempts, lastDrop } = stream
    Object.assign(stream, { state: 'open', attempts: 0, nextAttemptAt: null, openedAt: now, lastMessageAt: now })
    stream.reconnects++
    tell('stream.recovered', 'info', `The ${stream.kind} stream is back`, now, {
      connectionId: connection.id,
      data: {
        stream: stream.id,
        kind: stream.kind,
        attempts: attempts + 1,
        downMs: now - (lastDrop?.at ?? now),
        resumed: stream.resumable,
      },
    })
  }
  return waiting.length
}
