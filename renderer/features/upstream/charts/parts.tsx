import type { ReactNode } from 'react'
import { CartesianGrid, type TooltipContentProps, XAxis, YAxis } from 'recharts'
import { agoLabel, fewTimeTicks, timeDomain, timeTicks } from './axis.ts'

/**
 * The settings that make recharts cheap (measured: 45 % of a core for six charts by default, about 4 % like this at
 * 1 Hz): fixed size, numeric axes with fixed domains and ticks, straight or stepped lines, no dots, no animation.
 */
export const still = { isAnimationActive: false, dot: false, activeDot: false, connectNulls: false } as const

export const chartMargin = { top: 6, right: 18, bottom: 0, left: 0 }
export const yAxisWidth = 48

const tick = { fontSize: 10, fill: 'var(--color-ink-3)' }

// recharts looks at the props of its own components among a chart's children, so these are elements and not wrappers.
export const grid = <CartesianGrid yAxisId="left" vertical={false} stroke="var(--color-line)" />

export const timeAxis = (width: number) => (
  <XAxis
    dataKey="x"
    type="number"
    domain={timeDomain}
    ticks={width < 340 ? fewTimeTicks : timeTicks}
    tickFormatter={agoLabel}
    interval={0}
    allowDataOverflow
    height={20}
    tick={tick}
    tickLine={false}
    tickMargin={4}
    axisLine={{ stroke: 'var(--color-line-strong)' }}
  />
)

export interface ValueAxisOptions {
  top: number
  ticks: number[]
  format?: (value: number) => string
  right?: boolean
}

export const valueAxis = ({ top, ticks, format = String, right }: ValueAxisOptions) => (
  <YAxis
    yAxisId={right ? 'right' : 'left'}
    orientation={right ? 'right' : 'left'}
    type="number"
    domain={[0, top]}
    ticks={ticks}
    tickFormatter={format}
    interval={0}
    allowDataOverflow
    width={yAxisWidth}
    tick={tick}
    tickLine={false}
    axisLine={false}
    tickMargin={2}
  />
)

export const tooltipProps = {
  isAnimationActive: false,
  animationDuration: 0,
  cursor: { stroke: 'var(--color-ink-3)', strokeDasharray: '2 2' },
  wrapperStyle: { zIndex: 5, outline: 'none' },
} as const

/** A tooltip that says when, and what `describe` makes of the row there. */
export function tooltipOf<Row extends { x: number }>(
  rows: readonly Row[],
  describe: (row: Row) => readonly [name: string, value: string][],
): (props: TooltipContentProps) => ReactNode {
  return ({ active, label }) => {
    const row = active ? rows.find((candidate) => candidate.x === label) : undefined
    if (!row) return null
    return (
      <div className="rounded-md border border-line-strong bg-raised px-2 py-1.5 text-xs text-ink shadow-pop">
        <div className="mb-0.5 font-medium text-ink-2">{agoLabel(row.x)}</div>
        <dl className="grid grid-cols-[auto_auto] gap-x-3">
          {describe(row).map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-ink-2">{name}</dt>
              <dd className="text-right font-medium tabular-nums">{value}</dd>
            </div>
          ))}
        </dl>
      </div>
    )
  }
}
