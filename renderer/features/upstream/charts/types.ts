import type { Point } from '../../../../shared/state.ts'

export interface ChartProps {
  /** The last five minutes, oldest first. */
  points: readonly Point[]
  /** The points are held because someone looks at a chart. */
  held: boolean
}
