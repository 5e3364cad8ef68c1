import type { KeyboardEvent, RefObject } from 'react'
import { shortId } from '../../../app/words.ts'
import { cn, formatTime, plural, StateBadge, visibleText } from '../../../components/index.ts'
import { windowSeconds } from '../charts/series.ts'
import type { Gap } from './gaps.ts'
import type { Lane } from './lanes.ts'
import { streamKindWords } from './words.ts'

/** A gap by its lane and its beginning. */
export interface Place {
  lane: string
  from: number
}

/** Name and track, the same for each lane and for the axis. */
export const laneGrid = 'grid grid-cols-[176px_minmax(0,1fr)] items-center gap-x-2 px-3'

export interface LaneRowProps {
  lane: Lane
  now: number
  /** The gap of this lane that Tab reaches; null when that is in another lane. */
  tabStop: number | null
  chosen: number | null
  /** Holds all lanes, for the arrow keys. */
  root: RefObject<HTMLElement | null>
  onChoose: (place: Place) => void
}

/** One stream over five minutes: a bar while it was open, a ghost with its failed attempts while it was not. */
export function LaneRow({ lane, now, tabStop, chosen, root, onChoose }: LaneRowProps) {
  const { word, help } = streamKindWords[lane.kind]
  const place = (from: number, to: number | null) => {
    const left = percent(from, now)
    return { left: `${left}%`, width: `${Math.max(0, percent(to ?? now, now) - left)}%` }
  }
  return (
    <li className={cn(laneGrid, 'h-7 hover:bg-hover')}>
      <span className="flex min-w-0 items-baseline gap-1.5 text-sm" title={help}>
        <span className="truncate">{word}</span>
        <span className="shrink-0 truncate font-mono text-xs text-ink-3">{shortId(lane.connectionId)}</span>
      </span>
      <span className="relative mr-4 h-4">
        {lane.life === null ? (
          <span className="flex h-full items-center">
            {lane.state && <StateBadge kind="stream" state={lane.state} />}
          </span>
        ) : (
          <span
            aria-hidden
            className="absolute inset-y-[5px] rounded-xs bg-ok/60"
            style={place(lane.life.from, lane.life.to)}
          />
        )}
        {lane.gaps.map((gap) => (
          <button
            key={gap.from}
            type="button"
            data-gap={lane.id}
            tabIndex={gap.from === tabStop ? 0 : -1}
            aria-label={gapLabel(gap)}
            aria-pressed={gap.from === chosen}
            onPointerEnter={() => onChoose({ lane: lane.id, from: gap.from })}
            onFocus={() => onChoose({ lane: lane.id, from: gap.from })}
            onClick={() => onChoose({ lane: lane.id, from: gap.from })}
            onKeyDown={(event) => moveFocus(event, root.current)}
            style={place(gap.from, gap.to)}
            className={cn(
              // Its ground covers the bar below it: a gap is a gap, however short.
              'absolute inset-y-0 min-w-1 rounded-xs border',
              gap.outcome === 'ended'
                ? 'border-draining bg-draining'
                : 'border-dashed border-backoff border-l-2 bg-panel',
              gap.outcome === 'stopped' && 'border-draining border-r-4 border-r-draining [border-right-style:solid]',
              gap.outcome === 'recovered' && 'border-r-2 border-r-ok [border-right-style:solid]',
              gap.from === chosen && 'outline-1 outline-accent',
            )}
          >
            {dots(gap, now).map(({ at, left }) => (
              <span
                key={at}
                aria-hidden
                className="absolute top-1/2 size-1 -translate-1/2 rounded-full bg-backoff"
                style={{ left: `${left}%` }}
              />
            ))}
          </button>
        ))}
      </span>
    </li>
  )
}

const windowMs = windowSeconds * 1_000

/** Where a moment stands on the track, 0 to 100. */
const percent = (at: number, now: number) => Math.min(100, Math.max(0, 100 + (100 * (at - now)) / windowMs))

/** Dots that a gap has room for: more of them would be a line. */
const dotsAtMost = 24

function dots(gap: Gap, now: number): { at: number; left: number }[] {
  const lengthMs = Math.max(1, (gap.to ?? now) - gap.from)
  return [...new Set(gap.failedAttempts.slice(-dotsAtMost))].map((at) => ({
    at,
    left: Math.min(100, Math.max(0, (100 * (at - gap.from)) / lengthMs)),
  }))
}

function gapLabel({ from, to, drops, failed, reason, outcome }: Gap): string {
  const parts = [
    drops > 1 ? `${drops} drops from ${formatTime(from)}` : `Lost at ${formatTime(from)}`,
    to === null ? 'not back yet' : `${outcome === 'recovered' ? 'back' : 'over'} at ${formatTime(to)}`,
    failed > 0 && plural(failed, 'failed attempt'),
    visibleText(reason.slice(0, 200)),
  ]
  return parts.filter((part) => part).join(', ')
}

/** Left and right within a lane, up and down to the nearest gap of the next lane that has one. */
function moveFocus(event: KeyboardEvent<HTMLButtonElement>, root: HTMLElement | null): void {
  const here = event.currentTarget
  const all = [...(root?.querySelectorAll<HTMLElement>('[data-gap]') ?? [])]
  const lanes = [...new Set(all.map(({ dataset }) => dataset.gap))]
  const ofLane = (lane: string | undefined) => all.filter(({ dataset }) => dataset.gap === lane)
  const own = ofLane(here.dataset.gap)
  const lane = lanes.indexOf(here.dataset.gap)
  const middle = (element: HTMLElement) => element.offsetLeft + element.offsetWidth / 2
  const nearest = (others: HTMLElement[]) =>
    others.toSorted((a, b) => Math.abs(middle(a) - middle(here)) - Math.abs(middle(b) - middle(here)))[0]
  const targets: Record<string, HTMLElement | undefined> = {
    ArrowLeft: own[own.indexOf(here) - 1],
    ArrowRight: own[own.indexOf(here) + 1],
    ArrowUp: nearest(ofLane(lanes[lane - 1])),
    ArrowDown: nearest(ofLane(lanes[lane + 1])),
    Home: own[0],
    End: own.at(-1),
  }
  if (!Object.hasOwn(targets, event.key)) return
  event.preventDefault()
  event.stopPropagation() // the arrows also move the selection of the tables
  targets[event.key]?.focus()
}
