import type { ConnectionSnapshot, StreamSnapshot } from '../../../../shared/state.ts'
import { untilText } from '../problem-list.ts'

/** Streams of an upstream that were lost and are not back. */
export interface StreamTrouble {
  /** Streams that should be open. */
  total: number
  reconnecting: number
  /** The earliest next attempt, epoch milliseconds; null while all of them are being tried. */
  nextAt: number | null
  /** In a row without a message, of the stream that has tried most often. */
  attempts: number
  /** Why that one was lost. */
  reason: string | null
  /** Connections with a stream that waits: what "Retry now" is for. */
  waitingIds: string[]
}

/** Lost, and on its way back: the first opening is no reconnect. */
export const isReconnecting = ({ state, lastDrop }: StreamSnapshot): boolean =>
  state === 'waiting' || (state === 'connecting' && lastDrop !== null)

/** One that should be open: not what the server has none of, nor what was given up or not begun. */
const isWanted = ({ state }: StreamSnapshot) => state === 'open' || state === 'connecting' || state === 'waiting'

/** How the streams of an upstream stand; null when none is missing. */
export function streamTrouble(
  connections: readonly Pick<ConnectionSnapshot, 'id' | 'streams'>[],
): StreamTrouble | null {
  const streams = connections.flatMap(({ streams }) => streams)
  const lost = streams.filter(isReconnecting)
  if (lost.length === 0) return null
  const worst = lost.reduce((most, stream) => (stream.attempts > most.attempts ? stream : most))
  const times = lost.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? [])
  return {
    total: streams.filter(isWanted).length,
    reconnecting: lost.length,
    nextAt: times.length > 0 ? Math.min(...times) : null,
    attempts: worst.attempts,
    reason: worst.lastDrop?.reason ?? null,
    waitingIds: connections
      .filter(({ streams }) => streams.some(({ state }) => state === 'waiting'))
      .map(({ id }) => id),
  }
}

/** `2 of 4 streams reconnecting, next in 3 s` */
export function troubleText({ reconnecting, total, nextAt }: StreamTrouble, now: number): string {
  const next = nextAt === null ? 'trying now' : nextAt <= now ? 'next attempt is due' : `next ${untilText(nextAt, now)}`
  return `${reconnecting} of ${total} ${total === 1 ? 'stream' : 'streams'} reconnecting, ${next}`
}

/** Streams that were lost this often in a row are worth a line above everything: a drop that is over in a second is not. */
const lastingAttempts = 4

export const isLasting = (trouble: StreamTrouble): boolean => trouble.attempts >= lastingAttempts
