/** @returns the greatest part of `times` that falls into one tenth of the window from `from` to `to`; 0.1 is perfectly even */
export function fullestTenth(times: readonly number[], from: number, to: number): number {
  const tenths = new Array<number>(10).fill(0)
  for (const time of times) {
    const slice = Math.min(9, Math.max(0, Math.floor(((time - from) / (to - from)) * 10)))
    tenths[slice] = (tenths[slice] ?? 0) + 1
  }
  return Math.max(...tenths) / times.length
}
