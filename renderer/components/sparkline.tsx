import { memo } from 'react'
import type { Tone } from './badge.tsx'
import { cn } from './cn.ts'

export interface SparkPoint {
  /** Epoch seconds. */
  t: number
  /** Null is a gap. */
  value: number | null
}

export interface SparklineProps {
  points: readonly SparkPoint[]
  /** What it shows, for people who don't see it. */
  label: string
  /** Seconds shown, up to the last point. */
  windowSeconds?: number
  /** Seconds between points; more than two of them without a point are a gap. */
  stepSeconds?: number
  /** The ceiling is at least this, so that noise near zero looks like noise near zero. */
  minMax?: number
  width: number
  height: number
  tone?: Tone
  className?: string
}

const strokes: Record<Tone, string> = {
  idle: 'text-idle',
  active: 'text-active',
  starting: 'text-starting',
  draining: 'text-draining',
  backoff: 'text-backoff',
  dead: 'text-dead',
  ok: 'text-ok',
}

/**
 * A line and its ground without axes. Plain SVG: it costs next to nothing per render, unlike a chart.
 * Runs are cut where seconds are missing or a value is null.
 */
export const Sparkline = memo(function Sparkline(props: SparklineProps) {
  const {
    points,
    label,
    windowSeconds = 60,
    stepSeconds = 1,
    minMax = 1,
    width,
    height,
    tone = 'active',
    className,
  } = props
  const end = points.at(-1)?.t ?? 0
  const shown = points.filter((point) => point.t > end - windowSeconds)
  const max = shown.reduce((top, point) => Math.max(top, point.value ?? 0), minMax)
  const x = (t: number) => round(width - 1 - ((end - t) / (windowSeconds - stepSeconds)) * (width - 2))
  const y = (value: number) => round(height - 1 - (value / max) * (height - 2.5))
  const runs = splitRuns(shown, 2 * stepSeconds)
  const flat = shown.every((point) => !point.value)
  return (
    <svg
      role="img"
      aria-label={label}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      className={cn('block overflow-visible', flat ? 'text-line-strong' : strokes[tone], className)}
    >
      <line x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} className="stroke-line" strokeWidth={1} />
      {runs.map((run) => {
        const first = run[0]
        const last = run.at(-1)
        if (!first || !last) return null
        if (run.length === 1)
          return <circle key={first.t} cx={x(first.t)} cy={y(first.value)} r={1} fill="currentColor" />
        const line = run.map((point) => `${x(point.t)},${y(point.value)}`).join(' ')
        return (
          <g key={first.t}>
            <polygon
              points={`${x(first.t)},${height - 1} ${line} ${x(last.t)},${height - 1}`}
              fill="currentColor"
              opacity={0.12}
            />
            <polyline
              points={line}
              fill="none"
              stroke="currentColor"
              strokeWidth={1.25}
              strokeLinejoin="round"
              vectorEffect="non-scaling-stroke"
            />
          </g>
        )
      })}
    </svg>
  )
})

interface Known {
  t: number
  value: number
}

function splitRuns(points: readonly SparkPoint[], maxStepSeconds: number): Known[][] {
  const runs: Known[][] = []
  let run: Known[] = []
  for (const { t, value } of points) {
    const previous = run.at(-1)
    if (value === null || (previous && t - previous.t > maxStepSeconds)) {
      if (run.length > 0) runs.push(run)
      run = []
    }
    if (value !== null) run.push({ t, value })
  }
  if (run.length > 0) runs.push(run)
  return runs
}

const round = (value: number): number => Math.round(value * 10) / 10
