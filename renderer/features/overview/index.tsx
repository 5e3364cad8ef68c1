import { toHash } from '../../app/routes.ts'
import { useUpstreamNames } from '../../store/hooks.ts'
import { EventFeed } from '../events/event-feed.tsx'
import { Attention } from './attention.tsx'
import { NoUpstreams } from './empty.tsx'
import { Tiles } from './tiles.tsx'
import { UpstreamTable } from './upstream-table.tsx'

/** What is broken, the figures, every upstream, and what happened last. */
export function Overview() {
  const names = useUpstreamNames()
  if (names.length === 0) return <NoUpstreams />
  return (
    <div className="flex h-full min-h-0 flex-col gap-2.5 p-3">
      <h1 className="sr-only">Overview</h1>
      <Attention />
      <Tiles />
      <div className="flex min-h-0 flex-1 flex-col gap-2.5 side:flex-row">
        <div className="flex max-h-[calc(100%-136px)] min-h-0 min-w-0 shrink-0 flex-col side:max-h-none side:flex-1">
          <UpstreamTable />
        </div>
        <LatestEvents />
      </div>
    </div>
  )
}

function LatestEvents() {
  return (
    <section
      aria-labelledby="feed-title"
      className="flex min-h-0 flex-1 flex-col rounded-lg border border-line bg-panel side:w-[380px] side:flex-none"
    >
      <header className="flex h-9 shrink-0 items-center justify-between border-b border-line px-3">
        <h2 id="feed-title" className="text-base font-semibold">
          Events
        </h2>
        <a href={toHash({ screen: 'events', upstream: null })} className="text-xs text-accent-ink hover:underline">
          All events
        </a>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <EventFeed />
      </div>
    </section>
  )
}
