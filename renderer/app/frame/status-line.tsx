import { cn, formatDuration, formatTime } from '../../components/index.ts'
import { levelLook } from '../../features/events/level.ts'
import { type LinkState, useEvents, useHost, useLink, useNow } from '../../store/hooks.ts'
import { toHash } from '../routes.ts'

/** The last thing that happened, and whether what is shown is live. */
export function StatusLine() {
  return (
    <footer className="flex h-6 min-w-0 items-center gap-4 border-t border-line bg-panel px-3 text-xs text-ink-2">
      <LastEvent />
      <span className="ml-auto flex shrink-0 items-center gap-4">
        <HostFacts />
        <LinkWord />
      </span>
    </footer>
  )
}

function LastEvent() {
  const [event] = useEvents({ limit: 1 })
  if (!event) return <span className="text-ink-3">No events yet</span>
  const { icon: Icon, ink, word } = levelLook[event.level]
  return (
    <a
      href={toHash({ screen: 'events', upstream: null })}
      className="flex min-w-0 items-center gap-1.5 hover:text-ink"
      aria-label={`Last event, ${word}: ${event.message}`}
    >
      <Icon aria-hidden className={cn('size-3 shrink-0', ink)} />
      <span className="text-ink-3">{formatTime(event.at)}</span>
      {event.upstream && <span className="shrink-0 font-medium">{event.upstream}</span>}
      <span className="truncate">{event.message}</span>
    </a>
  )
}

function HostFacts() {
  const host = useHost()
  if (!host) return null
  return (
    <>
      <span title={host.configFile} className="max-bar:hidden">
        {host.mode === 'desktop' ? 'Desktop' : 'Serve'} {host.version}
      </span>
      <span className="max-nav:hidden">
        PID {host.pid}, up <Uptime since={host.startedAt} />
      </span>
      <span
        title="How late the host's event loop runs"
        className={cn(host.eventLoopLagMs > 100 && 'text-draining-ink')}
      >
        Lag {Math.round(host.eventLoopLagMs)} ms
      </span>
    </>
  )
}

const Uptime = ({ since }: { since: number }) => <>{formatDuration(useNow() - since)}</>

const links: Record<LinkState, { word: string; dot: string; ink: string }> = {
  connecting: { word: 'Connecting', dot: 'bg-starting', ink: 'text-starting-ink' },
  live: { word: 'Live', dot: 'bg-ok', ink: 'text-ok-ink' },
  lost: { word: 'Disconnected', dot: 'bg-dead', ink: 'text-dead-ink' },
  unauthorized: { word: 'Not authorized', dot: 'bg-dead', ink: 'text-dead-ink' },
}

function LinkWord() {
  const { state } = useLink()
  const { word, dot, ink } = links[state]
  return (
    <span
      role="status"
      aria-label={`Link to the host: ${word}`}
      className={cn('flex items-center gap-1.5 font-medium', ink)}
    >
      <span aria-hidden className={cn('size-1.5 rounded-full', dot)} />
      {word}
    </span>
  )
}
