import { useState } from 'react'
import { type Ceiling, nextCeiling } from './ceiling.ts'

/**
 * The top of an axis with hysteresis.
 * @param value the largest value that has to fit
 * @param t epoch seconds of the newest point; the ceiling moves with the data's clock, so it stands still with it
 * @param least the lowest top that makes sense
 */
export function useCeiling(value: number, t: number, least: number): number {
  const [ceiling, setCeiling] = useState<Ceiling | null>(null)
  const next = nextCeiling(ceiling, value, t, least)
  // Setting state while rendering is React's way to derive state from what came before; it settles at once,
  // because the same value and time give the same object.
  if (next !== ceiling) setCeiling(next)
  return next.top
}
