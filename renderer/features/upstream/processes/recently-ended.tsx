import { CircleX } from 'lucide-react'
import { useMemo } from 'react'
import { isRemote, shortId } from '../../../app/words.ts'
import { cn, formatTime, none } from '../../../components/index.ts'
import { useConnectionIds, useEvents, useUpstreamPart } from '../../../store/hooks.ts'
import { endedConnections } from '../ended.ts'

const shownAtMost = 8

/** Processes or sessions that ended lately, and why: a kill and its replacement can both be seen. */
export function RecentlyEnded({ name, onOpen }: { name: string; onOpen: (id: string) => void }) {
  const live = useConnectionIds(name)
  const remote = isRemote(useUpstreamPart(name, (upstream) => upstream.transport))
  const events = useEvents({ upstream: name })
  const ended = useMemo(() => endedConnections(events, live, shownAtMost), [events, live])
  if (ended.length === 0) return null
  return (
    <section
      aria-labelledby="recently-ended"
      className="shrink-0 overflow-hidden rounded-lg border border-line bg-panel"
    >
      <h3 id="recently-ended" className="flex h-8 items-center border-b border-line px-3 text-sm font-semibold">
        Recently ended
      </h3>
      <ul>
        {ended.map(({ id, pid, at, message, level }) => (
          <li key={id}>
            <button
              type="button"
              onClick={() => onOpen(id)}
              className="flex h-7 w-full items-center gap-2 px-3 text-left hover:bg-hover"
            >
              <CircleX
                aria-hidden
                className={cn('size-3.5 shrink-0', level === 'info' ? 'text-ink-3' : 'text-dead-ink')}
              />
              <span className="w-16 shrink-0 font-mono text-ink-2">{remote ? shortId(id) : (pid ?? none)}</span>
              <time className="shrink-0 text-xs text-ink-3">{formatTime(at)}</time>
              <span className="min-w-0 flex-1 truncate text-ink-2" title={message}>
                {message}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
