/** A lower ceiling must have been enough for this long before the axis comes down. */
export const lowerAfterSeconds = 20

export interface Ceiling {
  /** Top of the axis: 1, 2, 5 or 10 times a power of ten. */
  top: number
  /** Since when (epoch seconds) a lower top would do; null when it would not. */
  lowSince: number | null
}

/** The next 1, 2 or 5 x 10^n that holds the value. */
export function niceTop(value: number, least: number): number {
  if (value <= least) return least
  const power = 10 ** Math.floor(Math.log10(value))
  const factor = [1, 2, 5, 10].find((step) => value <= step * power * (1 + Number.EPSILON)) ?? 10
  return factor * power
}

/**
 * The ceiling after one more second: up at once, down only when half of it has been enough for
 * {@link lowerAfterSeconds}. So that a chart's scale can be read, and does not jump with each spike that leaves it.
 * @returns the same object when nothing changed
 */
export function nextCeiling(ceiling: Ceiling | null, value: number, t: number, least: number): Ceiling {
  const fitting = niceTop(value, least)
  if (!ceiling || fitting > ceiling.top) return { top: fitting, lowSince: null }
  if (fitting > ceiling.top / 2) return ceiling.lowSince === null ? ceiling : { top: ceiling.top, lowSince: null }
  if (ceiling.lowSince === null || t < ceiling.lowSince) return { top: ceiling.top, lowSince: t }
  return t - ceiling.lowSince >= lowerAfterSeconds ? { top: fitting, lowSince: null } : ceiling
}
