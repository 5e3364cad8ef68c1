import { windowSeconds } from './series.ts'

/** The x axis: seconds before now. */
export const timeDomain: [number, number] = [-windowSeconds, 0]
export const timeTicks = [-300, -240, -180, -120, -60, 0]
/** For a chart that is too narrow for six labels. */
export const fewTimeTicks = [-300, -150, 0]

/** `-5m`, `-2m 30s`, `now`. */
export function agoLabel(x: number): string {
  const seconds = Math.round(-x)
  if (seconds <= 0) return 'now'
  const minutes = Math.floor(seconds / 60)
  const rest = seconds % 60
  if (minutes === 0) return `-${rest}s`
  return rest === 0 ? `-${minutes}m` : `-${minutes}m ${rest}s`
}

/** Whole-number ticks from 0 to the top, at most five of them. */
export function countTicks(top: number): number[] {
  const whole = Math.max(1, Math.floor(top))
  const step = Math.max(1, Math.ceil(whole / 4))
  const ticks: number[] = []
  for (let tick = 0; tick < whole; tick += step) ticks.push(tick)
  // The last regular tick makes room for the top where both labels would touch.
  if (whole - (ticks.at(-1) ?? 0) < step && ticks.length > 1) ticks.pop()
  return [...ticks, whole]
}

/** 0, half and the whole of a top that is 1, 2 or 5 times a power of ten. */
export const halfTicks = (top: number): number[] => [0, top / 2, top]

/** Milliseconds on an axis: `250 ms`, `1.5 s`, `2 min`. */
export function msLabel(ms: number): string {
  if (ms < 1_000) return `${trim(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1_000)} s`
  return `${trim(ms / 60_000)} min`
}

export const rateLabel = (rate: number): string => `${trim(rate)}/s`

const trim = (value: number) => String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)))
