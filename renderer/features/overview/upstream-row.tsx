import { memo, type ReactNode, useMemo } from 'react'
import type { UpstreamSnapshot } from '../../../shared/contract.ts'
import { upstreamHash } from '../../app/routes.ts'
import { select } from '../../app/ui.ts'
import { isRemote } from '../../app/words.ts'
import {
  Badge,
  cn,
  formatBytes,
  formatCount,
  formatMs,
  OccupancyBar,
  Sparkline,
  StateBadge,
  streamLook,
  Td,
  Tr,
} from '../../components/index.ts'
import { useNow, usePoints, useUpstream } from '../../store/hooks.ts'
import { type StreamTrouble, streamTrouble, troubleText } from '../upstream/streams/trouble.ts'
import { RowActions } from './row-actions.tsx'

/** One upstream. The row is its own subscription: a frame about another upstream does not touch it. */
export const UpstreamRow = memo(function UpstreamRow({ name, selected }: { name: string; selected: boolean }) {
  const upstream = useUpstream(name)
  if (!upstream) return null
  return (
    <Tr data-upstream={name} data-selected={selected} onMouseDown={() => select(name)} onFocus={() => select(name)}>
      <NameCell upstream={upstream} />
      <Td data-col="state">
        <span className="flex items-center gap-1">
          <StateBadge kind="upstream" state={upstream.state} />
          <LostStreams connections={upstream.connections} />
        </span>
      </Td>
      <Td data-col="protocol" className="hidden text-ink-2 @min-[1050px]:table-cell">
        {upstream.era ?? upstream.protocol}
        <span className="text-ink-3"> / {upstream.isolation}</span>
      </Td>
      <PoolCell upstream={upstream} />
      <Figure col="queue" alarm={upstream.pool.waiting > 0 ? 'warn' : null} quiet={upstream.pool.waiting === 0}>
        {formatCount(upstream.pool.waiting)}
      </Figure>
      <Figure col="p50" quiet={upstream.stats.p50Ms === null}>
        {formatMs(upstream.stats.p50Ms)}
      </Figure>
      <Figure col="p95" quiet={upstream.stats.p95Ms === null}>
        {formatMs(upstream.stats.p95Ms)}
      </Figure>
      <Hourly col="errors" count={upstream.stats.errorsLastHour} alarm="error" />
      <Hourly col="restarts" count={upstream.stats.restartsLastHour} alarm="warn" />
      <Hourly col="reconnects" count={upstream.stats.reconnectsLastHour} alarm="warn" />
      <Figure col="memory" quiet={upstream.stats.memoryBytes === 0}>
        {upstream.stats.memoryBytes === 0 ? '–' : formatBytes(upstream.stats.memoryBytes)}
      </Figure>
      <Td className="relative w-[116px] min-w-[116px]">
        <span className="block group-hover/row:opacity-0 group-focus-within/row:opacity-0 group-data-[selected=true]/row:opacity-0 [@media(hover:none)]:opacity-0">
          <RateSpark name={name} />
        </span>
        <span className="absolute inset-y-0 right-1 flex items-center">
          <RowActions name={name} />
        </span>
      </Td>
    </Tr>
  )
})

/** A stream that was lost a moment ago is on its way back: told in its place, so that nothing moves. */
function LostStreams({ connections }: Pick<UpstreamSnapshot, 'connections'>) {
  const trouble = streamTrouble(connections)
  return trouble && <LostStreamsBadge trouble={trouble} />
}

function LostStreamsBadge({ trouble }: { trouble: StreamTrouble }) {
  const text = troubleText(trouble, useNow())
  const { tone, icon } = streamLook.waiting
  return (
    <Badge tone={tone} icon={icon} title={text}>
      <span aria-hidden>
        {trouble.reconnecting}/{trouble.total}
      </span>
      <span className="sr-only">{text}</span>
    </Badge>
  )
}

function NameCell({ upstream }: { upstream: UpstreamSnapshot }) {
  return (
    <th scope="row" className="h-7 max-w-0 border-b border-line pr-2 pl-3 text-left font-normal whitespace-nowrap">
      <span className="flex items-baseline gap-1.5">
        <a
          href={upstreamHash(upstream.name)}
          title={upstream.target}
          className="min-w-0 truncate font-medium text-ink hover:text-accent-ink hover:underline"
        >
          {upstream.name}
        </a>
        {isRemote(upstream.transport) && (
          <span data-col="transport" className="shrink-0 rounded border border-line px-1 text-2xs text-ink-2">
            {upstream.transport}
          </span>
        )}
      </span>
    </th>
  )
}

function PoolCell({ upstream: { pool } }: { upstream: UpstreamSnapshot }) {
  const active = pool.leased + pool.returning
  return (
    <Td data-col="pool">
      <span className="flex items-center gap-2">
        <OccupancyBar
          active={active}
          idle={pool.idle}
          starting={pool.spawning}
          draining={pool.draining}
          max={pool.max}
          className="w-14"
        />
        <span className="flex-1 text-right text-ink-3 tabular-nums">
          <span
            data-col="active"
            title={`${active} active`}
            className={cn(active > 0 ? 'font-medium text-active-ink' : 'text-ink-3')}
          >
            {active}
          </span>
          {' / '}
          <span data-col="idle" title={`${pool.idle} idle`} className={cn(pool.idle > 0 && 'text-ink')}>
            {pool.idle}
          </span>
          {' / '}
          <span data-col="max" title={`at most ${pool.max}`}>
            {pool.max}
          </span>
        </span>
      </span>
    </Td>
  )
}

interface FigureProps {
  col: string
  alarm?: 'warn' | 'error' | null
  quiet?: boolean
  children: ReactNode
}

function Figure({ col, alarm, quiet, children }: FigureProps) {
  return (
    <Td
      numeric
      data-col={col}
      className={cn(
        quiet ? 'text-ink-3' : 'text-ink',
        alarm === 'warn' && 'font-medium text-draining-ink',
        alarm === 'error' && 'font-medium text-dead-ink',
      )}
    >
      {children}
    </Td>
  )
}

function Hourly({ col, count, alarm }: { col: string; count: number; alarm: 'warn' | 'error' }) {
  return (
    <Figure col={col} alarm={count > 0 ? alarm : null} quiet={count === 0}>
      {formatCount(count)}
    </Figure>
  )
}

function RateSpark({ name }: { name: string }) {
  const points = usePoints(name)
  const spark = useMemo(
    () =>
      points.map(({ t, ok, toolErrors, protocolErrors, timeouts }) => ({
        t,
        value: ok + toolErrors + protocolErrors + timeouts,
      })),
    [points],
  )
  return (
    <Sparkline points={spark} label={`Requests a second to ${name}, last minute`} width={100} height={18} minMax={4} />
  )
}
