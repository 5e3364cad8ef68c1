import { Circle, CircleDot, LoaderCircle, Minus, Waves } from 'lucide-react'
import { memo, useMemo } from 'react'
import { Area, ComposedChart, Line, Tooltip } from 'recharts'
import type { Point } from '../../../../shared/state.ts'
import { none } from '../../../components/index.ts'
import { countTicks } from './axis.ts'
import { occupancyLevel } from './levels.ts'
import { ChartPanel } from './panel.tsx'
import { chartMargin, grid, still, timeAxis, tooltipOf, tooltipProps, valueAxis } from './parts.tsx'
import { largest, type SecondRow, secondRows } from './series.ts'
import type { ChartProps } from './types.ts'
import type { Size } from './use-size.ts'

/** Permits in use over time, stacked by state, under the line of the pool's limit. */
export const OccupancyChart = memo(function OccupancyChart({ points, held }: ChartProps) {
  const rows = useMemo(() => secondRows(points), [points])
  const level = useMemo(() => occupancyLevel(points), [points])
  const newest = points.at(-1)
  return (
    <ChartPanel
      title="Pool occupancy"
      level={level}
      held={held}
      empty={rows.length > 1 ? null : 'The first points come within seconds.'}
      legend={legendOf(newest)}
    >
      {(size) => <Plot rows={rows} size={size} />}
    </ChartPanel>
  )
})

const legendOf = (newest: Point | undefined) => [
  { icon: CircleDot, word: 'active', tone: 'active' as const, value: text(newest?.leased) },
  { icon: Circle, word: 'idle', tone: 'idle' as const, value: text(newest?.idle) },
  { icon: LoaderCircle, word: 'starting', tone: 'starting' as const, value: text(newest?.spawning) },
  { icon: Waves, word: 'draining', tone: 'draining' as const, value: text(newest?.draining) },
  { icon: Minus, word: 'max', tone: 'dead' as const, value: text(newest?.max) },
]

const text = (value: number | null | undefined) => (value === null || value === undefined ? none : String(value))

const describe = (row: SecondRow): [string, string][] => [
  ['active', text(row.leased)],
  ['idle', text(row.idle)],
  ['starting', text(row.spawning)],
  ['draining', text(row.draining)],
  ['max', text(row.max)],
]

const Plot = memo(function Plot({ rows, size }: { rows: SecondRow[]; size: Size }) {
  const max = Math.max(
    1,
    largest(rows, (row) => row.max),
  )
  const area = {
    ...still,
    type: 'stepAfter',
    yAxisId: 'left',
    stackId: 'permits',
    fillOpacity: 0.8,
    strokeWidth: 0,
  } as const
  return (
    <ComposedChart {...size} data={rows} margin={chartMargin} accessibilityLayer={false}>
      {grid}
      {timeAxis(size.width)}
      {valueAxis({ top: max * 1.06, ticks: countTicks(max) })}
      <Area {...area} dataKey="leased" stroke="var(--color-active)" fill="var(--color-active)" />
      <Area {...area} dataKey="idle" stroke="var(--color-idle)" fill="var(--color-idle)" fillOpacity={0.55} />
      <Area {...area} dataKey="spawning" stroke="var(--color-starting)" fill="var(--color-starting)" />
      <Area {...area} dataKey="draining" stroke="var(--color-draining)" fill="var(--color-draining)" />
      <Line
        {...still}
        dataKey="max"
        yAxisId="left"
        type="stepAfter"
        stroke="var(--color-dead)"
        strokeWidth={1}
        strokeDasharray="4 3"
      />
      <Tooltip {...tooltipProps} content={tooltipOf(rows, describe)} />
    </ComposedChart>
  )
})
