import { ScrollText } from 'lucide-react'
import { useMemo, useState } from 'react'
import { isRemote, shortId } from '../../../app/words.ts'
import { connectionLook, EmptyState, formatTime, Select } from '../../../components/index.ts'
import { useConnectionIds, useEvents, useUpstreamPart } from '../../../store/hooks.ts'
import { endedConnections } from '../ended.ts'
import { LogView } from './log-view.tsx'

/** The stderr of one process, or the log of one session, at a time: a living one, or one of those that ended last. */
export function LogTab({ name }: { name: string }) {
  const remote = isRemote(useUpstreamPart(name, (upstream) => upstream.transport))
  const [chosen, setChosen] = useState<string | null>(null)
  const live = useConnectionIds(name)
  const labels = useUpstreamPart(name, (upstream) =>
    upstream.connections
      .map((connection) => `${connection.id}\t${nameOf(connection, remote)} · ${connectionLook[connection.state].word}`)
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
      label: `${remote ? `Session ${shortId(id)}` : pid === null ? 'Never started' : `PID ${pid}`} · ended ${formatTime(at)}`,
    }))
    return [...living, ...ended]
  }, [labels, events, live, remote])

  // Whoever is chosen stays chosen after its end: what it printed last is what one wants to read.
  const shown = items.find((item) => item.value === chosen)?.value ?? items[0]?.value
  if (shown === undefined)
    return (
      <EmptyState icon={ScrollText} title={remote ? 'No session was open yet' : 'No process has run yet'}>
        {remote
          ? 'Once one is opened, what happens to it and its streams can be read here, also after its end.'
          : 'Once one is started, what it prints to stderr can be read here, also after its end.'}
      </EmptyState>
    )
  return (
    <LogView
      upstream={name}
      connectionId={shown}
      remote={remote}
      leading={
        <Select
          label={remote ? 'Session' : 'Process'}
          items={items}
          value={shown}
          onValueChange={setChosen}
          className="h-6 w-60"
        />
      }
      className="h-full"
    />
  )
}

function nameOf({ id, pid }: { id: string; pid: number | null }, remote: boolean): string {
  if (remote) return `Session ${shortId(id)}`
  return pid === null ? 'PID not known yet' : `PID ${pid}`
}
