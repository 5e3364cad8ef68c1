const longest = 400

/** Control characters (ANSI escapes too) and the marks that reorder text on screen: what servers print is hostile. */
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu

/** Text from a server, a client or an error as one line of plain, bounded text. It stays data: nothing is escaped. */
export function plain(text: string, max = longest): string {
  // Cut before the scan, so that a message of megabytes costs no more than a long line.
  const line = text
    .slice(0, max * 2)
    .replace(unsafe, ' ')
    .trim()
  return line.length > max || text.length > max * 2 ? `${line.slice(0, max - 1).toWellFormed()}…` : line.toWellFormed()
}

/** A duration for people: `340 ms`, `2.3 s`, `4 min`, `2.5 h`. */
export function duration(ms: number): string {
  if (ms < 1) return '< 1 ms'
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${tenths(ms / 1_000)} s`
  if (ms < 3_600_000) return `${tenths(ms / 60_000)} min`
  return `${tenths(ms / 3_600_000)} h`
}

/** `1 request`, `3 requests`. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

function tenths(value: number): string {
  return String(Math.round(value * 10) / 10)
}
