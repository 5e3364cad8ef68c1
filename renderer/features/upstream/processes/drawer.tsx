import { RotateCw, Skull, Unplug, Waves, X } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { ConnectionSnapshot } from '../../../../shared/state.ts'
import { connectionWords, isRemote, shortId } from '../../../app/words.ts'
import {
  Age,
  Badge,
  Button,
  Callout,
  formatBytes,
  formatCount,
  formatDateTime,
  formatPercent,
  formatTime,
  IconButton,
  none,
  plural,
  ServerText,
  StateBadge,
} from '../../../components/index.ts'
import { useConnection, useEvents, useUpstreamPart } from '../../../store/hooks.ts'
import { LogView } from '../logs/log-view.tsx'
import { useProcessActions } from './use-process-actions.ts'

export interface ProcessDrawerProps {
  upstream: string
  id: string
  onClose: () => void
}

/**
 * One process: what it is doing, what it cost, what it prints. It lies beside the table and is no dialog, so that the
 * table and the keys go on working. After the process has ended it stays, with the last that was known.
 */
export function ProcessDrawer({ upstream, id, onClose }: ProcessDrawerProps) {
  const alive = useConnection(upstream, id) !== undefined
  const connection = useLastKnown(upstream, id)
  const ended = useEvents({ upstream }).find((event) => event.kind === 'connection.dead' && event.connectionId === id)
  const transport = useUpstreamPart(upstream, (whole) => whole.transport)
  const remote = isRemote(transport)
  const pid = remote ? shortId(id) : (connection?.pid ?? ended?.pid ?? null)
  const title = `${connectionWords(transport).One} ${pid ?? ''}`.trim()
  const panel = useRef<HTMLElement>(null)
  // Keyed by its process, so this runs once for each: whoever opened it with a key is in it, and Tab goes on from here.
  useEffect(() => panel.current?.focus({ preventScroll: true }), [])
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={title}
      className="absolute inset-y-0 right-0 z-20 flex w-[min(540px,100%)] flex-col border-l border-line-strong bg-panel shadow-pop outline-none"
    >
      <header className="flex h-11 shrink-0 items-center gap-2 border-b border-line px-3">
        <h2 className="text-lg font-semibold">{title}</h2>
        {!alive ? (
          <Badge tone="dead">ended</Badge>
        ) : (
          connection && <StateBadge kind="connection" state={connection.state} />
        )}
        <span className="flex-1" />
        {connection && alive && <Actions connection={connection} remote={remote} />}
        <IconButton icon={X} label="Close details" onClick={onClose} />
      </header>
      {ended && (
        <Callout
          tone={ended.level === 'info' ? 'info' : 'error'}
          className="m-3"
          title={`Ended at ${formatTime(ended.at)}`}
        >
          {ended.message}
        </Callout>
      )}
      {connection && <Details connection={connection} live={alive} remote={remote} />}
      <LogView
        upstream={upstream}
        connectionId={id}
        leading={<h3 className="font-semibold">{remote ? 'Log' : 'stderr'}</h3>}
        remote={remote}
        className="flex-1 border-t border-line"
      />
    </aside>
  )
}

/** The connection, or what it was when it was last there. */
function useLastKnown(upstream: string, id: string): ConnectionSnapshot | undefined {
  const now = useConnection(upstream, id)
  const [last, setLast] = useState(now)
  if (now && now !== last) setLast(now)
  return now ?? (last?.id === id ? last : undefined)
}

function Actions({ connection, remote }: { connection: ConnectionSnapshot; remote: boolean }) {
  const actions = useProcessActions()
  const ending = connection.state === 'draining' || connection.state === 'dead'
  return (
    <span className="flex items-center gap-1.5">
      <Button size="sm" icon={Waves} disabled={ending} onClick={() => actions.drain(connection)}>
        Drain
      </Button>
      <Button size="sm" icon={RotateCw} disabled={ending} onClick={() => actions.restart(connection)}>
        Restart
      </Button>
      <Button size="sm" icon={remote ? Unplug : Skull} variant="danger-ghost" onClick={() => actions.kill(connection)}>
        {remote ? 'Close now' : 'Kill'}
      </Button>
    </span>
  )
}

const opened: Record<ConnectionSnapshot['openReason'], string> = {
  demand: 'a request needed it',
  'min-idle': 'to keep one ready',
  spare: 'as a warm spare',
  replace: 'in place of one that failed',
  probe: 'as the breaker’s probe',
  person: 'by hand',
}

interface DetailsProps {
  connection: ConnectionSnapshot
  live: boolean
  remote: boolean
}

function Details({ connection, live, remote }: DetailsProps) {
  const target = useUpstreamPart(connection.upstream, (upstream) => upstream.target) ?? ''
  return (
    <div className="shrink-0 px-3 py-2">
      <dl className="grid grid-cols-2 gap-x-6 text-sm">
        <Fact label="Age">{live ? <Age since={connection.openedAt} /> : none}</Fact>
        <Fact label="Opened">
          <span title={formatDateTime(connection.openedAt)}>{opened[connection.openReason]}</span>
        </Fact>
        <Fact label="Requests served">{formatCount(connection.served)}</Fact>
        <Fact label="In flight">{formatCount(connection.inFlight)}</Fact>
        <Fact label="Errors">{formatCount(connection.errors)}</Fact>
        <Fact label="Lease held">
          {connection.leasedSince === null || !live ? none : <Age since={connection.leasedSince} />}
        </Fact>
        {!remote && <Cost connection={connection} />}
      </dl>
      <p className="mt-1.5 line-clamp-2 font-mono text-xs text-ink-2 wrap-anywhere" title={target}>
        {target}
      </p>
      {connection.lastError && (
        <p className="mt-1 text-sm text-dead-ink">
          <ServerText text={connection.lastError} />
        </p>
      )}
    </div>
  )
}

/** What a process takes of this machine. */
const Cost = ({ connection }: { connection: ConnectionSnapshot }) => (
  <>
    <Fact label="CPU">{formatPercent(connection.cpuPercent)}</Fact>
    <Fact label="Memory">{formatBytes(connection.memoryBytes)}</Fact>
    <Fact label="Process tree">
      {connection.processes === null ? none : plural(connection.processes, 'process', 'processes')}
    </Fact>
    <Fact label="stderr so far">{formatBytes(connection.stderrBytes)}</Fact>
  </>
)

const Fact = ({ label, children }: { label: string; children: ReactNode }) => (
  <div className="flex h-5 items-center justify-between gap-2">
    <dt className="text-ink-3">{label}</dt>
    <dd className="font-medium tabular-nums">{children}</dd>
  </div>
)
