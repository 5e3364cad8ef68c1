import { Hourglass, Users } from 'lucide-react'
import { memo, useMemo } from 'react'
import { Area, ComposedChart, Line, Tooltip } from 'recharts'
import { formatMs, none } from '../../../components/index.ts'
import { countTicks, halfTicks, msLabel } from './axis.ts'
import { queueLevel } from './levels.ts'
import { ChartPanel } from './panel.tsx'
import { chartMargin, grid, still, timeAxis, tooltipOf, tooltipProps, valueAxis } from './parts.tsx'
import { largest, type SecondRow, secondRows } from './series.ts'
import type { ChartProps } from './types.ts'
import { useCeiling } from './use-ceiling.ts'
import type { Size } from './use-size.ts'

/** Who waits for a connection, and how long the oldest has waited. */
export const QueueChart = memo(function QueueChart({
  points,
  held,
  acquireTimeoutMs,
}: ChartProps & { acquireTimeoutMs: number }) {
  const rows = useMemo(() => secondRows(points), [points])
  const level = useMemo(() => queueLevel(points, acquireTimeoutMs), [points, acquireTimeoutMs])
  const newest = points.at(-1)
  return (
    <ChartPanel
      title="Queue"
      level={level}
      held={held}
      empty={rows.length > 1 ? null : 'The first points come within seconds.'}
      legend={[
        { icon: Users, word: 'waiting', tone: 'active', value: newest ? String(newest.waiting) : none },
        {
          icon: Hourglass,
          word: 'oldest wait',
          tone: 'backoff',
          value: newest?.waiting ? formatMs(newest.oldestWaitMs) : none,
        },
      ]}
    >
      {(size) => <Plot rows={rows} size={size} t={newest?.t ?? 0} />}
    </ChartPanel>
  )
})

/** Where nobody waits there is no oldest wait: a gap, not a zero. */
const oldestWait = (row: SecondRow): number | null => (row.waiting ? row.oldestWaitMs : null)

const describe = (row: SecondRow): [string, string][] => [
  ['waiting', row.waiting === null ? none : String(row.waiting)],
  ['oldest wait', formatMs(oldestWait(row))],
]

const Plot = memo(function Plot({ rows, size, t }: { rows: SecondRow[]; size: Size; t: number }) {
  const waiting = useCeiling(
    largest(rows, (row) => row.waiting),
    t,
    4,
  )
  const wait = useCeiling(
    largest(rows, (row) => row.oldestWaitMs),
    t,
    100,
  )
  return (
    <ComposedChart {...size} data={rows} margin={{ ...chartMargin, right: 0 }} accessibilityLayer={false}>
      {grid}
      {timeAxis(size.width)}
      {valueAxis({ top: waiting, ticks: countTicks(waiting) })}
      {valueAxis({ top: wait, ticks: halfTicks(wait), format: msLabel, right: true })}
      <Area
        {...still}
        dataKey="waiting"
        yAxisId="left"
        type="stepAfter"
        stroke="var(--color-active)"
        fill="var(--color-active)"
        fillOpacity={0.3}
      />
      <Line
        {...still}
        dataKey={oldestWait}
        yAxisId="right"
        type="stepAfter"
        stroke="var(--color-backoff)"
        strokeWidth={1.5}
      />
      <Tooltip {...tooltipProps} content={tooltipOf(rows, describe)} />
    </ComposedChart>
  )
})
