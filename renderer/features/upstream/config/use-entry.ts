import { useCallback, useEffect, useState } from 'react'
import type { CommandResult } from '../../../../shared/commands.ts'
import { runCommand, useEvents, useLink } from '../../../store/hooks.ts'

export type EntryState =
  | { state: 'loading' }
  | ({ state: 'ready' } & CommandResult<'upstream.entry'>)
  | { state: 'failed'; message: string }

const changing = new Set(['upstream.added', 'upstream.changed', 'upstream.started', 'upstream.stopped'])

/** An upstream's entry in the config file; asked for again when the host says that it changed. */
export function useEntry(name: string): EntryState & { reload: () => void } {
  const [answer, setAnswer] = useState<{ to: string; entry: EntryState }>({ to: '', entry: { state: 'loading' } })
  const [asked, setAsked] = useState(0)
  const online = useLink().state === 'live'
  const changedBy = useEvents({ upstream: name }).find((event) => changing.has(event.kind))?.id
  // Another question whenever the entry may be another, or a person asks again.
  const question = `${name}\n${changedBy}\n${asked}`

  useEffect(() => {
    if (!online) return
    let stopped = false
    runCommand('upstream.entry', { upstream: name }).then(
      (result) => stopped || setAnswer({ to: question, entry: { state: 'ready', ...result } }),
      (thrown: unknown) => {
        const message = thrown instanceof Error ? thrown.message : String(thrown)
        // What was read before is still the best that is known.
        if (!stopped)
          setAnswer(({ entry }) => ({
            to: question,
            entry: entry.state === 'ready' ? entry : { state: 'failed', message },
          }))
      },
    )
    return () => {
      stopped = true
    }
  }, [name, online, question])

  return { ...answer.entry, reload: useCallback(() => setAsked((count) => count + 1), []) }
}
