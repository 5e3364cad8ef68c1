import { ScrollText } from 'lucide-react'
import { useMemo, useState } from 'react'
import { connectionLook, EmptyState, formatTime, Select } from '../../../components/index.ts'
import { useConnectionIds, useEvents, useUpstreamPart } from '../../../store/hooks.ts'
import { endedConnections } from '../ended.ts'
import { LogView } from './log-view.tsx'

/** The stderr of one process at a time: a living one, or one of those that ended last. */
export function StderrTab({ name }: { name: string }) {
  const [chosen, setChosen] = useState<string | null>(null)
  const live = useConnectionIds(name)
  const labels = useUpstreamPart(name, (upstream) =>
    upstream.connections
      .map(
        ({ id, pid, state }) =>
          `${id}\t${pid === null ? 'PID not known yet' : `PID ${pid}`} · ${connectionLook[state].word}`,
      )
      .join('\n'),
  )
  const events = useEvents({ upstream: name })
  const items = useMemo(() => {
    const living = (labels ?? '').split('\n').flatMap((line) => {
      const [value, label] = line.split('\t')
      return value && label ? [{ value, label }] : []
    })
    const ended = endedConnections(events, live, 10).map(({ id, pid, at }) => ({
      value: id,
      label: `${pid === null ? 'Never started' : `PID ${pid}`} · ended ${formatTime(at)}`,
    }))
    return [...living, ...ended]
  }, [labels, events, live])

  // Whoever is chosen stays chosen after its end: what it printed last is what one wants to read.
  const shown = items.find((item) => item.value === chosen)?.value ?? items[0]?.value
  if (shown === undefined)
    return (
      <EmptyState icon={ScrollText} title="No process has run yet">
        Once one is started, what it prints to stderr can be read here, also after its end.
      </EmptyState>
    )
  return (
    <LogView
      upstream={name}
      connectionId={shown}
      leading={<Select label="Process" items={items} value={shown} onValueChange={setChosen} className="h-6 w-60" />}
      className="h-full"
    />
  )
}
