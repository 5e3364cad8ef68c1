import { Check, Clock, Unplug, Wrench } from 'lucide-react'
import { memo, useMemo } from 'react'
import { Bar, BarChart, Tooltip } from 'recharts'
import { formatCount, formatRate } from '../../../components/index.ts'
import { halfTicks, rateLabel } from './axis.ts'
import { errorLevel } from './levels.ts'
import { ChartPanel } from './panel.tsx'
import { chartMargin, grid, timeAxis, tooltipOf, tooltipProps, valueAxis, yAxisWidth } from './parts.tsx'
import { barSeconds, largest, type RateRow, rateKeys, rateRows, windowSeconds } from './series.ts'
import type { ChartProps } from './types.ts'
import { useCeiling } from './use-ceiling.ts'
import type { Size } from './use-size.ts'

/** Calls a second by how they ended. */
export const RateChart = memo(function RateChart({ points, held }: ChartProps) {
  const rows = useMemo(() => rateRows(points), [points])
  const level = useMemo(() => errorLevel(points), [points])
  const totals = useMemo(() => totalsOf(rows), [rows])
  const any = rateKeys.some((key) => totals[key] > 0)
  return (
    <ChartPanel
      title="Rate and errors"
      level={level}
      held={held}
      empty={any ? null : 'No call in the last five minutes.'}
      legend={[
        { icon: Check, word: 'ok', tone: 'active', value: formatCount(totals.ok) },
        { icon: Wrench, word: 'tool error', tone: 'draining', value: formatCount(totals.toolErrors) },
        { icon: Clock, word: 'timeout', tone: 'backoff', value: formatCount(totals.timeouts) },
        { icon: Unplug, word: 'protocol error', tone: 'dead', value: formatCount(totals.protocolErrors) },
      ]}
    >
      {(size) => <Plot rows={rows} size={size} t={points.at(-1)?.t ?? 0} />}
    </ChartPanel>
  )
})

function totalsOf(rows: readonly RateRow[]): RateRow['counts'] {
  const totals = { ok: 0, toolErrors: 0, protocolErrors: 0, timeouts: 0 }
  for (const row of rows) for (const key of rateKeys) totals[key] += row.counts[key]
  return totals
}

const describe = ({ counts, seconds }: RateRow): [string, string][] => [
  ['calls', `${formatRate((counts.ok + counts.toolErrors + counts.protocolErrors + counts.timeouts) / seconds)}/s`],
  [`ok in ${seconds} s`, formatCount(counts.ok)],
  ['tool errors', formatCount(counts.toolErrors)],
  ['timeouts', formatCount(counts.timeouts)],
  ['protocol errors', formatCount(counts.protocolErrors)],
]

const callsOf = (row: RateRow) => rateKeys.reduce((sum, key) => sum + (row[key] ?? 0), 0)

const Plot = memo(function Plot({ rows, size, t }: { rows: RateRow[]; size: Size; t: number }) {
  const top = useCeiling(largest(rows, callsOf), t, 1)
  const plotWidth = size.width - yAxisWidth - chartMargin.right
  const bar = {
    isAnimationActive: false,
    yAxisId: 'left',
    stackId: 'calls',
    barSize: Math.max(1, Math.floor((plotWidth * barSeconds) / windowSeconds) - 1),
  } as const
  return (
    <BarChart {...size} data={rows} margin={chartMargin} accessibilityLayer={false}>
      {grid}
      {timeAxis(size.width)}
      {valueAxis({ top, ticks: halfTicks(top), format: rateLabel })}
      <Bar {...bar} dataKey="ok" fill="var(--color-active)" />
      <Bar {...bar} dataKey="toolErrors" fill="var(--color-draining)" />
      <Bar {...bar} dataKey="timeouts" fill="var(--color-backoff)" />
      <Bar {...bar} dataKey="protocolErrors" fill="var(--color-dead)" />
      <Tooltip {...tooltipProps} cursor={{ fill: 'var(--color-raised)' }} content={tooltipOf(rows, describe)} />
    </BarChart>
  )
})
