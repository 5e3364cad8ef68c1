import { memo, type ReactNode, useMemo } from 'react'
import type { Point } from '../../../shared/contract.ts'
import {
  cn,
  formatBytes,
  formatCount,
  formatMs,
  formatRate,
  none,
  plural,
  Sparkline,
  type SparkPoint,
  type Tone,
} from '../../components/index.ts'
import { useHost } from '../../store/hooks.ts'
import { useStore } from '../../store/store.ts'
import { useTotals } from '../../store/totals.ts'

/** The state of everything in six figures. */
export function Tiles() {
  return (
    <section aria-label="Totals" className="grid shrink-0 grid-cols-3 gap-2 wide-tiles:grid-cols-6">
      <Connections />
      <Queue />
      <Rate />
      <Latency />
      <Trouble />
      <Memory />
    </section>
  )
}

function Connections() {
  const { active, idle, starting, max } = useTotals('active', 'idle', 'starting', 'max')
  return (
    <Tile
      label="Active connections"
      value={formatCount(active)}
      unit={`of ${formatCount(max)}`}
      note={`${idle} idle, ${starting} starting`}
      spark={useSummed(readActive)}
      tone="active"
      minMax={Math.max(1, max / 4)}
    />
  )
}

function Queue() {
  const { waiting, oldestWaitMs } = useTotals('waiting', 'oldestWaitMs')
  return (
    <Tile
      label="Waiting"
      value={formatCount(waiting)}
      note={waiting > 0 ? `oldest ${formatMs(oldestWaitMs)}` : 'nobody waits'}
      spark={useSummed(readWaiting)}
      tone="draining"
      alarm={waiting > 0 ? 'warn' : null}
      minMax={4}
    />
  )
}

function Rate() {
  const { ratePerSecond } = useTotals('ratePerSecond')
  return (
    <Tile
      label="Requests"
      value={formatRate(ratePerSecond)}
      unit="/s"
      note="last 60 s"
      spark={useSummed(readCalls)}
      tone="active"
      minMax={4}
    />
  )
}

function Latency() {
  const { slowestP95Ms, slowestName } = useTotals('slowestP95Ms', 'slowestName')
  return (
    <Tile
      label="Slowest p95"
      value={formatMs(slowestP95Ms)}
      note={slowestName ?? 'no calls in 60 s'}
      spark={useSlowest()}
      tone="starting"
      minMax={1}
    />
  )
}

function Trouble() {
  const totals = useTotals('errorsLastHour', 'restartsLastHour', 'reconnectsLastHour')
  const { errorsLastHour: errors, restartsLastHour: restarts, reconnectsLastHour: reconnects } = totals
  return (
    <Tile
      label="Errors, last hour"
      value={formatCount(errors)}
      note={`${plural(restarts, 'restart')}, ${plural(reconnects, 'reconnect')}`}
      spark={useSummed(readErrors)}
      tone="dead"
      alarm={errors > 0 ? 'error' : null}
      minMax={2}
    />
  )
}

function Memory() {
  const host = useHost()
  return (
    <Tile
      label="Memory"
      value={host ? formatBytes(host.childrenMemoryBytes) : none}
      note={`host ${formatBytes(host?.memoryBytes)}`}
      spark={useSummed(readMemory)}
      tone="idle"
      minMax={64 * 1024 * 1024}
    />
  )
}

interface TileProps {
  label: string
  value: ReactNode
  unit?: string
  note: string
  spark: readonly SparkPoint[]
  tone: Tone
  alarm?: 'warn' | 'error' | null
  minMax: number
}

const Tile = memo(function Tile({ label, value, unit, note, spark, tone, alarm, minMax }: TileProps) {
  return (
    <div className="flex min-w-0 flex-col overflow-hidden rounded-lg border border-line bg-panel pt-2">
      <div className="truncate px-3 text-xs text-ink-3">{label}</div>
      <div className="flex items-baseline gap-1 px-3 whitespace-nowrap">
        <span
          className={cn(
            'text-xl font-semibold tracking-tight tabular-nums',
            alarm === 'warn' && 'text-draining-ink',
            alarm === 'error' && 'text-dead-ink',
          )}
        >
          {value}
        </span>
        {unit && <span className="text-xs text-ink-3">{unit}</span>}
      </div>
      <div title={note} className="truncate px-3 text-xs text-ink-3">
        {note}
      </div>
      <Sparkline
        points={spark}
        label={`${label}, last five minutes`}
        windowSeconds={windowSeconds}
        stepSeconds={bucketSeconds}
        width={180}
        height={20}
        minMax={minMax}
        tone={tone}
        className="mt-1 w-full"
      />
    </div>
  )
})

const readActive = (point: Point) => point.leased
const readWaiting = (point: Point) => point.waiting
const readCalls = (point: Point) => point.ok + readErrors(point)
const readErrors = (point: Point) => point.toolErrors + point.protocolErrors + point.timeouts
const readMemory = (point: Point) => point.memoryBytes

/** All upstreams' points added up second by second. The rows of the table load them. */
const useSummed = (read: (point: Point) => number): readonly SparkPoint[] => useMerged(read, sum)

const useSlowest = (): readonly SparkPoint[] => useMerged(readP95, Math.max)

const readP95 = (point: Point) => point.p95Ms
const sum = (a: number, b: number) => a + b

/** Five minutes in five-second steps: as many points as a small tile has room for. */
const windowSeconds = 300
const bucketSeconds = 5

/** The mean of each bucket's seconds. Seconds without a value don't count; a bucket without any is a gap. */
function inBuckets(seconds: ReadonlyMap<number, number | null>): readonly SparkPoint[] {
  const buckets = new Map<number, { total: number; count: number }>()
  for (const [t, value] of seconds) {
    const start = t - (t % bucketSeconds)
    const bucket = buckets.get(start) ?? { total: 0, count: 0 }
    buckets.set(start, value === null ? bucket : { total: bucket.total + value, count: bucket.count + 1 })
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([t, { total, count }]) => ({ t, value: count === 0 ? null : total / count }))
}

/** `read` and `merge` must be stable. */
function useMerged(
  read: (point: Point) => number | null,
  merge: (a: number, b: number) => number,
): readonly SparkPoint[] {
  const points = useStore((s) => s.model?.points)
  return useMemo(() => {
    const bySecond = new Map<number, number | null>()
    for (const series of Object.values(points ?? {}))
      for (const point of series) {
        const value = read(point)
        const before = bySecond.get(point.t) ?? null
        bySecond.set(point.t, value === null ? before : before === null ? value : merge(before, value))
      }
    return inBuckets(bySecond)
  }, [points, read, merge])
}
