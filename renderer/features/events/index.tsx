import { Filter, X } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { navigate } from '../../app/routes.ts'
import { Button, EmptyState, Input, plural, Select, useKey } from '../../components/index.ts'
import { useEvents, useUpstreamNames } from '../../store/hooks.ts'
import { EventRow } from './event-row.tsx'
import { atLeast, type EventLevel } from './level.ts'

/** Select can't hold null; no upstream's name is empty. */
const everyUpstream = ''

const levels: { value: EventLevel; label: string }[] = [
  { value: 'info', label: 'Everything' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors' },
]

/** What happened, newest first, filtered by upstream (in the address), level and text. */
export function EventsScreen({ upstream }: { upstream: string | null }) {
  const [level, setLevel] = useState<EventLevel>('info')
  const [text, setText] = useState('')
  const search = useRef<HTMLInputElement>(null)
  const names = useUpstreamNames()
  const all = useEvents({ upstream: upstream ?? undefined })
  useKey(['/', 'shift+/'], () => search.current?.focus())

  const shown = useMemo(() => {
    const needle = text.trim().toLowerCase()
    return all.filter(
      (event) =>
        atLeast(event, level) &&
        (needle === '' ||
          `${event.message} ${event.kind} ${event.upstream ?? ''} ${event.pid ?? ''}`.toLowerCase().includes(needle)),
    )
  }, [all, level, text])

  const filtered = level !== 'info' || text !== '' || upstream !== null
  const clear = () => {
    setLevel('info')
    setText('')
    navigate({ screen: 'events', upstream: null })
  }
  // An upstream that was removed stays choosable while its events are shown.
  const upstreamItems = [...new Set([...names, ...(upstream === null ? [] : [upstream])])].map((name) => ({
    value: name,
    label: name,
  }))

  return (
    <div className="flex h-full flex-col gap-3 p-3">
      <div className="flex items-center gap-2">
        <h1 className="mr-2 text-lg font-semibold">Events</h1>
        <Input
          ref={search}
          type="search"
          aria-label="Filter events"
          placeholder="Filter  /"
          value={text}
          onValueChange={setText}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
          className="w-60"
        />
        <Select
          label="Upstream"
          items={[{ value: everyUpstream, label: 'Every upstream' }, ...upstreamItems]}
          value={upstream ?? everyUpstream}
          onValueChange={(name) => navigate({ screen: 'events', upstream: name === everyUpstream ? null : name })}
          className="w-44"
        />
        <Select label="Level" items={levels} value={level} onValueChange={setLevel} className="w-44" />
        {filtered && (
          <Button variant="ghost" icon={X} onClick={clear}>
            Clear
          </Button>
        )}
        <span role="status" className="ml-auto text-xs text-ink-3">
          {plural(shown.length, 'event')}
        </span>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto rounded-lg border border-line bg-panel">
        {shown.length === 0 ? (
          <EmptyState
            icon={Filter}
            title={filtered ? 'No event matches' : 'Nothing happened yet'}
            className="h-full"
            actions={filtered && <Button onClick={clear}>Show everything</Button>}
          />
        ) : (
          <ol aria-label="Events">
            {shown.map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </ol>
        )}
      </div>
    </div>
  )
}
