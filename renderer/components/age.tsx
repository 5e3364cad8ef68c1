import { useNow } from '../store/clock.ts'
import { formatDateTime, formatDuration } from './format.ts'

/** How long ago, ticking: "2m 5s". Its own subscription, so that a second passing re-renders this text alone. */
export function Age({ since }: { since: number }) {
  const now = useNow()
  return <time title={formatDateTime(since)}>{formatDuration(now - since)}</time>
}

/** How long until, ticking down: "in 12s"; "now" when it has passed. */
export function Countdown({ until }: { until: number }) {
  const now = useNow()
  const leftMs = until - now
  return <time title={formatDateTime(until)}>{leftMs <= 0 ? 'now' : `in ${formatDuration(leftMs + 999)}`}</time>
}
