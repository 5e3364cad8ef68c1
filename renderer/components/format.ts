/** Numbers as people read them in a dense table. A missing value is a dash, never a zero. */
export const none = '–'

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 0, 12, 1,234, 12.3k, 4.5M */
export function formatCount(value: number | null | undefined): string {
  if (value === null || value === undefined) return none
  if (value < 10_000) return counts.format(value)
  if (value < 1_000_000) return `${trim(value / 1_000, value < 100_000 ? 1 : 0)}k`
  return `${trim(value / 1_000_000, 1)}M`
}

/** Binary units: 512 B, 64 KiB, 48.2 MiB, 1.25 GiB */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return none
  if (bytes < 1024) return `${Math.round(bytes)} B`
  if (bytes < 1024 ** 2) return `${trim(bytes / 1024, 0)} KiB`
  if (bytes < 1024 ** 3) return `${trim(bytes / 1024 ** 2, bytes < 100 * 1024 ** 2 ? 1 : 0)} MiB`
  return `${trim(bytes / 1024 ** 3, 2)} GiB`
}

/** A latency: 0.42 ms, 4.2 ms, 42 ms, 1.25 s, 2 m 5 s */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return none
  if (ms < 1) return `${trim(ms, 2)} ms`
  if (ms < 10) return `${trim(ms, 1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1_000, ms < 10_000 ? 2 : 1)} s`
  return formatDuration(ms)
}

/** An age or a setting, two units at most: 3s, 2m 5s, 4h 10m, 3d 2h */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return none
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  const pairs: [size: number, unit: string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
    [1, 's'],
  ]
  const first = pairs.findIndex(([size]) => seconds >= size)
  if (first < 0) return '0s'
  return pairs
    .slice(first, first + 2)
    .map(
      ([size, unit], i) => [Math.floor((i === 0 ? seconds : seconds % (pairs[first]?.[0] ?? 1)) / size), unit] as const,
    )
    .filter(([amount], i) => i === 0 || amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ')
}

/** Requests a second: 0, 0.4, 12.5, 1,250 */
export function formatRate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return none
  return perSecond < 100 ? trim(perSecond, 1) : formatCount(perSecond)
}

export function formatPercent(percent: number | null | undefined): string {
  if (percent === null || percent === undefined) return none
  return `${trim(percent, percent < 10 ? 1 : 0)} %`
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** Local time of day of an epoch millisecond: 14:03:09 */
export const formatTime = (at: number): string => clock.format(at)
/** For tooltips: date and time. */
export const formatDateTime = (at: number): string => full.format(at)

/** "1 request", "2 requests" */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${counts.format(count)} ${count === 1 ? one : many}`

/** Fixed digits without trailing zeros. */
function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
