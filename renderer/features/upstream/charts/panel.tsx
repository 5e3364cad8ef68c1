import { CircleAlert, type LucideIcon, Pause, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { Badge, cn, Skeleton, type Tone, toneInk } from '../../../components/index.ts'
import type { Level } from './levels.ts'
import { type Size, useSize } from './use-size.ts'

export interface LegendItem {
  icon: LucideIcon
  word: string
  tone: Tone
  /** The newest value. */
  value: string
}

export interface ChartPanelProps {
  title: string
  legend: readonly LegendItem[]
  level: Level
  /** Said in the panel's place while there is nothing to draw; null draws the chart. */
  empty: string | null
  /** The points are held while someone looks at them. */
  held: boolean
  children: (size: Size) => ReactNode
}

/** A chart's frame: title, how it stands, a legend that also tells the newest values, so that nothing is told by colour alone. */
export function ChartPanel({ title, legend, level, empty, held, children }: ChartPanelProps) {
  const [ref, size] = useSize<HTMLDivElement>()
  const summary = legend.map(({ word, value }) => `${word} ${value}`).join(', ')
  return (
    <figure
      aria-label={`${title}: ${empty ?? summary}`}
      className="flex min-w-0 flex-col rounded-lg border border-line bg-panel pt-2"
    >
      <figcaption className="flex h-5 items-center gap-2 px-3">
        <h3 className="text-sm font-semibold text-ink">{title}</h3>
        {held && (
          <span className="inline-flex items-center gap-1 text-xs text-ink-3">
            <Pause aria-hidden className="size-3" />
            held while you look
          </span>
        )}
        <LevelBadge {...level} />
      </figcaption>
      <ul className="flex min-h-5 flex-wrap items-center gap-x-3 px-3 text-xs text-ink-2">
        {legend.map(({ icon: Icon, word, tone, value }) => (
          <li key={word} className="flex items-center gap-1 whitespace-nowrap">
            <Icon aria-hidden className={cn('size-3', toneInk[tone])} strokeWidth={2.5} />
            {word}
            <span className="font-medium text-ink tabular-nums">{value}</span>
          </li>
        ))}
      </ul>
      <div ref={ref} className="relative mx-1 mt-1 mb-1 min-h-42 flex-1">
        {empty !== null ? (
          <p className="flex h-full items-center justify-center px-6 pb-6 text-center text-sm text-ink-3">{empty}</p>
        ) : size === null ? (
          <Skeleton className="mx-2 h-[140px]" />
        ) : (
          // Out of the flow: the chart takes the size of its place and must not give it one.
          <div className="absolute inset-0">{children(size)}</div>
        )}
      </div>
    </figure>
  )
}

function LevelBadge({ level, why }: Level) {
  if (level === 'ok') return null
  return (
    <Badge
      tone={level === 'red' ? 'dead' : 'draining'}
      icon={level === 'red' ? CircleAlert : TriangleAlert}
      className="ml-auto min-w-0 shrink truncate"
      title={why}
    >
      {why}
    </Badge>
  )
}
