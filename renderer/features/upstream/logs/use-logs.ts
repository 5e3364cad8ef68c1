import { useEffect, useState } from 'react'
import type { LogLine } from '../../../../shared/commands.ts'
import { AppError } from '../../../../shared/errors.ts'
import { runCommand, useConnection, useLink, usePaused } from '../../../store/hooks.ts'

export type Logs =
  | { state: 'loading' }
  | { state: 'ready'; lines: readonly LogLine[]; droppedBytes: number }
  /** The connection ended so long ago that its stderr is no longer kept. */
  | { state: 'gone' }
  | { state: 'failed'; message: string }

/** A person reads no faster; the answer is 64 KiB at most. */
const refreshMs = 1_000

/**
 * The stderr of one connection, asked for again each second while it is shown and the connection lives. What was loaded
 * stays when an ask fails: old lines are better than none.
 */
export function useLogs(upstream: string, connectionId: string): Logs {
  const [logs, setLogs] = useState<{ of: string; logs: Logs }>({ of: connectionId, logs: { state: 'loading' } })
  const live = useConnection(upstream, connectionId) !== undefined
  const online = useLink().state === 'live'
  const paused = usePaused()

  useEffect(() => {
    if (!online || paused) return
    let stopped = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async () => {
      const next = await ask(connectionId)
      if (stopped) return
      setLogs((before) => ({
        of: connectionId,
        logs: merge(before.of === connectionId ? before.logs : undefined, next),
      }))
      if (live) timer = setTimeout(load, refreshMs)
    }
    void load()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }, [connectionId, live, online, paused])

  return logs.of === connectionId ? logs.logs : { state: 'loading' }
}

async function ask(connectionId: string): Promise<Logs> {
  try {
    return { state: 'ready', ...(await runCommand('logs.get', { connectionId })) }
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'CONNECTION_NOT_FOUND') return { state: 'gone' }
    return { state: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

/** The same lines keep their identity, so that nothing is drawn again for an answer that tells nothing new. */
function merge(before: Logs | undefined, next: Logs): Logs {
  if (before?.state !== 'ready') return next
  if (next.state !== 'ready') return before
  const same =
    before.lines.length === next.lines.length &&
    before.lines.at(-1)?.seq === next.lines.at(-1)?.seq &&
    before.lines[0]?.seq === next.lines[0]?.seq &&
    before.droppedBytes === next.droppedBytes
  return same ? before : next
}
