import { useCallback, useState } from 'react'
import { connectionWords, isRemote } from '../../../app/words.ts'
import { useKey } from '../../../components/index.ts'
import { useConnection, useConnectionIds, useUpstreamPart } from '../../../store/hooks.ts'
import { StreamsTable } from '../streams/table.tsx'
import { StreamTimeline } from '../streams/timeline.tsx'
import { useFirstKeys } from '../use-keys.ts'
import { ProcessDrawer } from './drawer.tsx'
import { Permits } from './permits.tsx'
import { RecentlyEnded } from './recently-ended.tsx'
import { ProcessTable } from './table.tsx'
import { useProcessActions } from './use-process-actions.ts'

/** The table of processes or sessions, the streams of sessions, and the details of the one that was opened. */
export function ProcessesTab({ name }: { name: string }) {
  const [selected, setSelected] = useState<string | null>(null)
  const [open, setOpen] = useState(false)
  const ids = useConnectionIds(name)
  const connection = useConnection(name, selected ?? '')
  const actions = useProcessActions()
  const transport = useUpstreamPart(name, (upstream) => upstream.transport)

  const onOpen = useCallback((id: string) => {
    setSelected(id)
    setOpen(true)
  }, [])
  const move = (by: number) => {
    const at = selected === null ? -1 : ids.indexOf(selected)
    const next = at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + by))
    setSelected(ids[next] ?? null)
  }
  useKey(['j', 'arrowdown'], () => move(1))
  useKey(['k', 'arrowup'], () => move(-1))
  useKey('enter', () => setOpen(true), { enabled: selected !== null && !open })
  useFirstKeys({
    ...(open && { escape: () => setOpen(false) }),
    ...(connection && {
      d: () => actions.drain(connection),
      r: () => actions.restart(connection),
      'shift+delete': () => actions.kill(connection),
    }),
  })

  return (
    <>
      <div className="flex h-full flex-col gap-3 overflow-y-auto p-3">
        <section
          aria-label={`Living ${connectionWords(transport).many}`}
          className="shrink-0 overflow-x-auto rounded-lg border border-line bg-panel"
        >
          <Permits name={name} />
          <ProcessTable name={name} selected={selected} onOpen={onOpen} />
        </section>
        {isRemote(transport) && (
          <>
            <StreamsTable name={name} />
            <StreamTimeline name={name} />
          </>
        )}
        <RecentlyEnded name={name} onOpen={onOpen} />
      </div>
      {open && selected !== null && (
        <ProcessDrawer key={selected} upstream={name} id={selected} onClose={() => setOpen(false)} />
      )}
    </>
  )
}
