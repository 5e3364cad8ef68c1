import { Activity } from 'lucide-react'
import { EmptyState } from '../../components/index.ts'
import { useEvents } from '../../store/hooks.ts'
import { EventRow } from './event-row.tsx'

export interface EventFeedProps {
  upstream?: string
  limit?: number
}

/** The newest events first. */
export function EventFeed({ upstream, limit = 60 }: EventFeedProps) {
  const events = useEvents({ upstream, limit })
  if (events.length === 0)
    return (
      <EmptyState icon={Activity} title="Nothing happened yet">
        Starts, failures, restarts and breaker changes will be listed here.
      </EmptyState>
    )
  return (
    <ol aria-label="Events">
      {events.map((event) => (
        <EventRow key={event.id} event={event} hideUpstream={upstream !== undefined} />
      ))}
    </ol>
  )
}
