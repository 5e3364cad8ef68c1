import { memo } from 'react'
import { cn } from './cn.ts'

export interface OccupancyBarProps {
  active: number
  idle: number
  starting: number
  draining?: number
  max: number
  className?: string
}

/** Pools up to this size show a cell for each permit; larger ones a bar in proportion. */
const maxCells = 16
const slots = Array.from({ length: maxCells }, (_, slot) => slot)

/** Permits of a pool: active, idle, starting, draining, and what is free. The figures stand beside it, so it is decoration. */
export const OccupancyBar = memo(function OccupancyBar({
  active,
  idle,
  starting,
  draining = 0,
  max,
  className,
}: OccupancyBarProps) {
  const parts = [
    { count: active, fill: 'bg-active' },
    { count: idle, fill: 'bg-idle' },
    { count: starting, fill: 'bg-starting' },
    { count: draining, fill: 'bg-draining' },
  ]
  if (max <= maxCells) {
    const fills = parts
      .flatMap(({ count, fill }) => Array.from({ length: Math.max(0, count) }, () => fill))
      .slice(0, max)
    return (
      <span aria-hidden className={cn('flex h-2 w-full gap-px', className)}>
        {slots.slice(0, max).map((slot) => (
          <span
            key={slot}
            className={cn('h-full flex-1 first:rounded-l-sm last:rounded-r-sm', fills[slot] ?? 'bg-line')}
          />
        ))}
      </span>
    )
  }
  return (
    <span aria-hidden className={cn('flex h-2 w-full overflow-hidden rounded-sm bg-line', className)}>
      {parts.map(({ count, fill }) => (
        <span key={fill} className={cn('h-full', fill)} style={{ width: `${(100 * count) / Math.max(1, max)}%` }} />
      ))}
    </span>
  )
})
