import { Minus, Spline } from 'lucide-react'
import { memo, useMemo } from 'react'
import { Line, LineChart, Tooltip } from 'recharts'
import type { UpstreamStats } from '../../../../shared/state.ts'
import { formatMs } from '../../../components/index.ts'
import { halfTicks, msLabel } from './axis.ts'
import { latencyLevel } from './levels.ts'
import { ChartPanel } from './panel.tsx'
import { chartMargin, grid, still, timeAxis, tooltipOf, tooltipProps, valueAxis } from './parts.tsx'
import { largest, type SecondRow, secondRows } from './series.ts'
import type { ChartProps } from './types.ts'
import { useCeiling } from './use-ceiling.ts'
import type { Size } from './use-size.ts'

/** Percentiles of each second's calls. A second without a call is a gap. */
export const LatencyChart = memo(function LatencyChart({
  points,
  held,
  p50Ms,
  p95Ms,
}: ChartProps & Pick<UpstreamStats, 'p50Ms' | 'p95Ms'>) {
  const rows = useMemo(() => secondRows(points), [points])
  const level = useMemo(() => latencyLevel(points), [points])
  const any = rows.some((row) => row.p50Ms !== null)
  return (
    <ChartPanel
      title="Latency"
      level={level}
      held={held}
      empty={any ? null : 'No call in the last five minutes.'}
      legend={[
        { icon: Minus, word: 'p50 (60 s)', tone: 'active', value: formatMs(p50Ms) },
        { icon: Spline, word: 'p95 (60 s)', tone: 'backoff', value: formatMs(p95Ms) },
      ]}
    >
      {(size) => <Plot rows={rows} size={size} t={points.at(-1)?.t ?? 0} />}
    </ChartPanel>
  )
})

const describe = (row: SecondRow): [string, string][] => [
  ['p50', formatMs(row.p50Ms)],
  ['p95', formatMs(row.p95Ms)],
  ['p99', formatMs(row.p99Ms)],
]

const Plot = memo(function Plot({ rows, size, t }: { rows: SecondRow[]; size: Size; t: number }) {
  const top = useCeiling(
    largest(rows, (row) => row.p95Ms),
    t,
    1,
  )
  // A round cap makes a single second between two gaps a visible dot instead of a line of no length.
  const line = { ...still, type: 'linear', yAxisId: 'left', strokeWidth: 1.75, strokeLinecap: 'round' } as const
  return (
    <LineChart {...size} data={rows} margin={chartMargin} accessibilityLayer={false}>
      {grid}
      {timeAxis(size.width)}
      {valueAxis({ top, ticks: halfTicks(top), format: msLabel })}
      <Line {...line} dataKey="p95Ms" stroke="var(--color-backoff)" />
      <Line {...line} dataKey="p50Ms" stroke="var(--color-active)" />
      <Tooltip {...tooltipProps} content={tooltipOf(rows, describe)} />
    </LineChart>
  )
})
