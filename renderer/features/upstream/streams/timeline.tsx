import { Activity, CircleCheck, CircleDot, Hourglass, type LucideIcon, Square } from 'lucide-react'
import { memo, useMemo, useRef, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { EventRecord } from '../../../../shared/events.ts'
import { shortId } from '../../../app/words.ts'
import {
  cn,
  EmptyState,
  formatCount,
  formatMs,
  formatTime,
  plural,
  ServerText,
  toneInk,
} from '../../../components/index.ts'
import { useNow, useUpstreamPart } from '../../../store/hooks.ts'
import { useStore } from '../../../store/store.ts'
import { agoLabel, timeTicks } from '../charts/axis.ts'
import { windowSeconds } from '../charts/series.ts'
import { type Gap, untoldDrops } from './gaps.ts'
import { LaneRow, laneGrid, type Place } from './lane-row.tsx'
import { endedLanes, type Lane, streamLanes } from './lanes.ts'
import { streamKindWords } from './words.ts'

const noConnections: never[] = []

/** The events that the lanes are made of: others in the feed must not draw the lanes again. */
const useStreamEvents = (name: string): readonly EventRecord[] =>
  useStore(
    useShallow((s) =>
      (s.model?.events ?? []).filter(
        (event) => event.upstream === name && (event.kind.startsWith('stream.') || event.kind === 'connection.dead'),
      ),
    ),
  )

/** One lane for each stream: when it was there, when it was lost, what was tried meanwhile, and why. */
export function StreamTimeline({ name, className }: { name: string; className?: string }) {
  const connections = useUpstreamPart(name, (upstream) => upstream.connections) ?? noConnections
  const events = useStreamEvents(name)
  const now = useNow()
  const old = useUpstreamPart(name, (upstream) => upstream.transport === 'sse') ?? false
  const lanes = useMemo(
    () => [...streamLanes(connections, events, now), ...(old ? endedLanes(events, now) : [])],
    [connections, events, now, old],
  )
  const [chosen, setChosen] = useState<Place | null>(null)
  const gap = chosen && lanes.find(({ id }) => id === chosen.lane)?.gaps.find(({ from }) => from === chosen.from)
  const lane = gap && lanes.find(({ id }) => id === chosen.lane)
  const drops = lanes.reduce((sum, each) => sum + each.drops, 0)
  const untold = useMemo(() => untoldDrops(events), [events])
  return (
    <section
      aria-label={`Streams of ${name}, last five minutes`}
      className={cn('flex min-w-0 shrink-0 flex-col rounded-lg border border-line bg-panel pt-2', className)}
    >
      <header className="flex min-h-5 flex-wrap items-center gap-x-3 px-3">
        <h3 className="text-sm font-semibold">Drops and recoveries</h3>
        <span className="text-xs text-ink-3">
          {drops === 0 ? 'none in the last five minutes' : `${plural(drops, 'drop')} in the last five minutes`}
          {untold > 0 && `, and ${formatCount(untold)} more that came too fast to be drawn`}
        </span>
        <Legend />
      </header>
      {lanes.length === 0 ? (
        <EmptyState icon={Activity} title="No stream yet" className="py-5">
          Streams that the server keeps open, and when they were lost, will be drawn here.
        </EmptyState>
      ) : (
        <>
          <Lanes lanes={lanes} now={now} chosen={chosen} onChoose={setChosen} />
          <p role="status" className="min-h-7 border-t border-line px-3 py-1.5 text-xs text-ink-2">
            {gap && lane ? (
              <GapDetail lane={lane} gap={gap} now={now} />
            ) : (
              'Point at a gap to see why, or reach it with Tab and the arrow keys.'
            )}
          </p>
        </>
      )}
    </section>
  )
}

const legend: [icon: LucideIcon, ink: string, word: string][] = [
  [CircleCheck, toneInk.ok, 'open'],
  [Hourglass, toneInk.backoff, 'lost, waiting'],
  [CircleDot, toneInk.backoff, 'failed attempt'],
  [Square, toneInk.draining, 'stopped'],
]

const Legend = () => (
  <ul className="ml-auto flex flex-wrap items-center gap-x-3 text-xs text-ink-2">
    {legend.map(([Icon, ink, word]) => (
      <li key={word} className="flex items-center gap-1 whitespace-nowrap">
        <Icon aria-hidden className={cn('size-3', ink)} strokeWidth={2.5} />
        {word}
      </li>
    ))}
  </ul>
)

interface LanesProps {
  lanes: readonly Lane[]
  now: number
  chosen: Place | null
  onChoose: (place: Place) => void
}

/** The lanes and their axis. One stop of Tab for all gaps; arrows move among them. */
function Lanes({ lanes, now, chosen, onChoose }: LanesProps) {
  const root = useRef<HTMLDivElement>(null)
  const withGaps = lanes.filter(({ gaps }) => gaps.length > 0)
  const known = withGaps.some(({ id, gaps }) => id === chosen?.lane && gaps.some(({ from }) => from === chosen.from))
  const first = withGaps[0]
  const tabStop = known ? chosen : first ? { lane: first.id, from: first.gaps.at(-1)?.from ?? 0 } : null
  return (
    <div ref={root} className="relative mt-1 max-h-56 overflow-y-auto">
      <ul>
        {lanes.map((lane) => (
          <LaneRow
            key={lane.id}
            lane={lane}
            now={now}
            tabStop={tabStop?.lane === lane.id ? tabStop.from : null}
            chosen={chosen?.lane === lane.id ? chosen.from : null}
            root={root}
            onChoose={onChoose}
          />
        ))}
      </ul>
      <Axis />
    </div>
  )
}

/** The same five minutes as the charts'. */
const Axis = memo(function Axis() {
  return (
    <div aria-hidden className={cn(laneGrid, 'text-2xs text-ink-3')}>
      <span />
      <span className="relative mr-4 h-5 border-t border-line-strong">
        {timeTicks.map((x) => (
          <span
            key={x}
            className="absolute top-0.5 -translate-x-1/2 first:translate-x-0"
            style={{ left: `${100 + (100 * x) / windowSeconds}%` }}
          >
            {agoLabel(x)}
          </span>
        ))}
      </span>
    </div>
  )
})

const outcomes: Record<Gap['outcome'], string> = {
  lasting: 'not back yet',
  recovered: 'back',
  stopped: 'given up',
  unknown: 'its session ended first',
  ended: 'the session ended with it, another takes its place',
}

function GapDetail({ lane, gap, now }: { lane: Lane; gap: Gap; now: number }) {
  const lengthMs = (gap.to ?? now) - gap.from
  return (
    <>
      <span className="font-medium text-ink">
        {formatTime(gap.from)} {streamKindWords[lane.kind].word} of {shortId(lane.connectionId)}
      </span>
      {': '}
      {gap.drops > 1 && `${gap.drops} drops, `}
      {gap.failed > 0 && `${plural(gap.failed, 'failed attempt')}, `}
      {outcomes[gap.outcome]}
      {gap.outcome === 'recovered' ? ` after ${formatMs(lengthMs)}` : gap.to === null && ` for ${formatMs(lengthMs)}`}
      {'. '}
      <ServerText text={gap.reason} max={240} className="font-mono" />
    </>
  )
}
