import type { ReactNode } from 'react'
import type { StreamSnapshot, UpstreamSnapshot } from '../../../shared/state.ts'
import { isRemote } from '../../app/words.ts'
import { cn, formatBytes, formatCount, formatMs, formatPercent, formatRate, Skeleton } from '../../components/index.ts'
import { useUpstream } from '../../store/hooks.ts'
import { isReconnecting } from './streams/trouble.ts'

type Tone = 'plain' | 'bad'
interface Figure {
  label: string
  value: string
  /** What it means, and when it is bad news. */
  help: string
  tone?: Tone
}

const bad = (count: number): Tone => (count > 0 ? 'bad' : 'plain')

/** The pool's own figures: they add up (acquires = granted + timed out + aborted + rejected + waiting). */
function groupsOf(upstream: UpstreamSnapshot): { title: string; figures: Figure[] }[] {
  const { pool, stats } = upstream
  const remote = isRemote(upstream.transport)
  return [
    {
      title: 'Requests',
      figures: [
        { label: 'Rate', value: `${formatRate(stats.ratePerSecond)}/s`, help: 'Over the last 60 s' },
        { label: 'p99', value: formatMs(stats.p99Ms), help: 'Over the last 60 s' },
        { label: 'Total', value: formatCount(stats.requests), help: 'Since the host started' },
        { label: 'Failed', value: formatCount(stats.errors), help: 'Since the host started', tone: bad(stats.errors) },
      ],
    },
    {
      title: 'Acquires',
      figures: [
        { label: 'Granted', value: formatCount(pool.granted), help: 'Got a connection' },
        {
          label: 'Timed out',
          value: formatCount(pool.timedOut),
          help: 'Waited for the whole acquire timeout: too few connections, or they hang',
          tone: bad(pool.timedOut),
        },
        { label: 'Aborted', value: formatCount(pool.aborted), help: 'The caller gave up while waiting' },
        {
          label: 'Rejected',
          value: formatCount(pool.rejected),
          help: 'Refused at once: queue full, breaker open, suspended or closed',
          tone: bad(pool.rejected),
        },
      ],
    },
    {
      title: 'Connections',
      figures: [
        { label: 'Opened', value: formatCount(pool.opened), help: 'Since the host started' },
        { label: 'Dead', value: formatCount(pool.dead), help: 'Opened minus dead is what lives now' },
        {
          label: 'Restarts, 1 h',
          value: formatCount(stats.restartsLastHour),
          help: 'Connections replaced in the last hour',
        },
        {
          label: 'Reconnects, 1 h',
          value: formatCount(stats.reconnectsLastHour),
          help: 'Attempts after a failure in the last hour',
          tone: bad(stats.reconnectsLastHour),
        },
      ],
    },
    {
      title: 'Return queue and leases',
      figures: [
        {
          label: 'Return queue',
          value: `${pool.returnQueueDepth} / ${pool.returnQueueCapacity}`,
          help: 'Released connections on their way to maintenance; it never fills while maintenance runs',
          tone: pool.returnQueueDepth >= pool.returnQueueCapacity ? 'bad' : 'plain',
        },
        {
          label: 'Leaked',
          value: formatCount(pool.leaked),
          help: 'Leases lost unreleased, or held too long',
          tone: bad(pool.leaked),
        },
        {
          label: 'Revoked',
          value: formatCount(pool.revoked),
          help: 'Leases taken back by force',
          tone: bad(pool.revoked),
        },
        ...(remote ? [] : [quarantined(pool)]),
      ],
    },
    remote ? streamFigures(upstream) : costFigures(upstream),
  ]
}

const quarantined = (pool: UpstreamSnapshot['pool']): Figure => ({
  label: 'Quarantined',
  value: formatCount(pool.quarantined),
  help: 'Process trees that survived SIGKILL',
  tone: bad(pool.quarantined),
})

const keptReady = (pool: UpstreamSnapshot['pool']): Figure => ({
  label: 'Kept ready',
  value: formatCount(pool.minIdle),
  help: 'Idle connections that are never closed (minIdle)',
})

/** What the processes take of this machine. */
const costFigures = ({ pool, stats }: UpstreamSnapshot): { title: string; figures: Figure[] } => ({
  title: 'Cost',
  figures: [
    { label: 'Memory', value: formatBytes(stats.memoryBytes), help: 'Resident memory of all its process trees' },
    { label: 'CPU', value: formatPercent(stats.cpuPercent), help: 'Of one core, all its process trees' },
    { label: 'Spares', value: formatCount(pool.spares), help: 'Warm single-use processes' },
    keptReady(pool),
  ],
})

/** What a server elsewhere costs is its own business; how its streams stand is ours. */
function streamFigures({ pool, connections }: UpstreamSnapshot): { title: string; figures: Figure[] } {
  const streams = connections.flatMap((connection) => connection.streams)
  const count = (wanted: (stream: StreamSnapshot) => boolean) => streams.filter(wanted).length
  const lost = count(isReconnecting)
  return {
    title: 'Streams',
    figures: [
      { label: 'Open', value: formatCount(count(({ state }) => state === 'open')), help: 'Of all sessions' },
      { label: 'Reconnecting', value: formatCount(lost), help: 'Lost, and tried again', tone: bad(lost) },
      {
        label: 'Opened again',
        value: formatCount(streams.reduce((sum, { reconnects }) => sum + reconnects, 0)),
        help: 'In all, of the sessions that are there',
      },
      keptReady(pool),
    ],
  }
}

/** Pool numbers. */
export function PoolNumbers({ name }: { name: string }) {
  const upstream = useUpstream(name)
  if (!upstream) return <Skeleton className="h-40" />
  return (
    <section aria-label="Pool numbers" className="min-w-0 self-start rounded-lg border border-line bg-panel p-3">
      <h3 className="text-sm font-semibold">Pool numbers</h3>
      <div className="mt-2 grid grid-cols-2 gap-x-5 gap-y-3 min-[860px]:grid-cols-5 min-[1480px]:grid-cols-1">
        {groupsOf(upstream).map(({ title, figures }) => (
          <div key={title}>
            <h4 className="text-xs font-medium text-ink-3">{title}</h4>
            <dl className="mt-0.5">
              {figures.map((figure) => (
                <FigureRow key={figure.label} help={figure.help}>
                  <dt className="text-ink-2">{figure.label}</dt>
                  <dd className={cn('font-medium tabular-nums', figure.tone === 'bad' ? 'text-dead-ink' : 'text-ink')}>
                    {figure.value}
                  </dd>
                </FigureRow>
              ))}
            </dl>
          </div>
        ))}
      </div>
    </section>
  )
}

const FigureRow = ({ help, children }: { help: string; children: ReactNode }) => (
  <div title={help} className="flex h-5 items-center justify-between gap-2 text-sm whitespace-nowrap">
    {children}
  </div>
)
