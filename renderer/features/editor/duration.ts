const units = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

const unitNames: Record<string, number> = {
  ms: 1,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  seconds: 1_000,
  m: 60_000,
  min: 60_000,
  mins: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
}

/** The shortest exact text of a duration: 90_000 is `90 s`, 600_000 is `10 min`. `zero` says what 0 means, `never` say. */
export function durationText(ms: number, zero = '0'): string {
  if (ms === 0) return zero
  const [name, size] = units.find(([, size]) => ms % size === 0) ?? ['ms', 1]
  return `${ms / size} ${name}`
}

/** Milliseconds of `250 ms`, `1.5 s`, `1 min 30 s`, `never`; undefined when it is no duration. A bare number has no unit: undefined, except 0. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase()
  if (/^(0|off|never|none)$/.test(trimmed)) return 0
  const parts = [...trimmed.matchAll(/\s*(\d+(?:\.\d+)?)\s*([a-z]+)/gy)]
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== trimmed) return undefined
  let ms = 0
  for (const [, amount, unit = ''] of parts) {
    const size = unitNames[unit]
    if (size === undefined) return undefined
    ms += Number(amount) * size
  }
  return Math.round(ms)
}
