import { Activity } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Button, EmptyState, plural, Select } from '../../components/index.ts'
import { useEvents } from '../../store/hooks.ts'
import { EventRow } from '../events/event-row.tsx'
import { atLeast, type EventLevel } from '../events/level.ts'

const levels: { value: EventLevel; label: string }[] = [
  { value: 'info', label: 'Everything' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors' },
]

/** What happened to this upstream, newest first. */
export function EventsTab({ name }: { name: string }) {
  const [level, setLevel] = useState<EventLevel>('info')
  const events = useEvents({ upstream: name })
  const shown = useMemo(() => events.filter((event) => atLeast(event, level)), [events, level])
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex h-9 shrink-0 items-center gap-3 border-b border-line px-3">
        <Select label="Level" items={levels} value={level} onValueChange={setLevel} className="h-6 w-44" />
        <span role="status" className="text-xs text-ink-3">
          {plural(shown.length, 'event')}
        </span>
      </div>
      {shown.length > 0 ? (
        <ol aria-label={`Events of ${name}`} className="min-h-0 flex-1 overflow-y-auto">
          {shown.map((event) => (
            <EventRow key={event.id} event={event} hideUpstream />
          ))}
        </ol>
      ) : (
        <EmptyState
          icon={Activity}
          title={level === 'info' ? 'Nothing happened yet' : 'Nothing of that kind happened'}
          actions={level !== 'info' && <Button onClick={() => setLevel('info')}>Show everything</Button>}
        >
          Starts, failures, restarts and breaker changes will be listed here.
        </EmptyState>
      )}
    </div>
  )
}
