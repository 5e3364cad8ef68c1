import { createColumnHelper, rowSortingFeature, tableFeatures } from '@tanstack/react-table'
import { Hourglass, RotateCw, Skull, Sparkles, Unplug, Waves } from 'lucide-react'
import { createContext, use } from 'react'
import type { ConnectionSnapshot } from '../../../../shared/state.ts'
import { shortId } from '../../../app/words.ts'
import {
  Age,
  Badge,
  formatBytes,
  formatCount,
  formatPercent,
  IconButton,
  none,
  StateBadge,
} from '../../../components/index.ts'
import { isReconnecting } from '../streams/trouble.ts'
import type { ProcessActions } from './use-process-actions.ts'

/** What the table knows of a row. */
export interface ProcessRef {
  id: string
}

export const features = tableFeatures({ rowSortingFeature })
const helper = createColumnHelper<typeof features, ProcessRef>()

/** A row's connection, and whether it is a session elsewhere. Cells read it from here, so that a row has one subscription and the table none. */
interface RowContext {
  connection: ConnectionSnapshot
  remote: boolean
  actions: ProcessActions
  onOpen: (id: string) => void
}
export const ProcessRowContext = createContext<RowContext | null>(null)

function useRow(): RowContext {
  const row = use(ProcessRowContext)
  if (!row) throw new Error('a cell is drawn outside of its row')
  return row
}

export const numericColumns = new Set(['age', 'served', 'in-flight', 'cpu', 'memory', 'errors'])

function PidCell() {
  const { connection, onOpen } = useRow()
  return (
    <button
      type="button"
      aria-label={`Details of process ${connection.pid ?? 'without a PID yet'}`}
      onClick={() => onOpen(connection.id)}
      className="font-mono font-medium text-ink hover:text-accent-ink hover:underline"
    >
      {connection.pid ?? none}
    </button>
  )
}

function SessionCell() {
  const { connection, onOpen } = useRow()
  return (
    <button
      type="button"
      aria-label={`Details of session ${shortId(connection.id)}`}
      onClick={() => onOpen(connection.id)}
      className="font-mono font-medium text-ink hover:text-accent-ink hover:underline"
    >
      {shortId(connection.id)}
    </button>
  )
}

/** How many of its streams are open; the ones that are not are told in the table of streams. */
function StreamsCell() {
  const { streams } = useRow().connection
  const open = streams.filter(({ state }) => state === 'open').length
  const lost = streams.filter(isReconnecting).length
  if (streams.length === 0) return <span className="text-ink-3">none</span>
  return lost > 0 ? (
    <Badge tone="backoff" icon={Hourglass} title={`${lost} reconnecting`}>
      {open} open, {lost} lost
    </Badge>
  ) : (
    `${open} open`
  )
}

function StateCell() {
  const { connection } = useRow()
  return (
    <span className="flex items-center gap-1">
      <StateBadge kind="connection" state={connection.state} />
      {connection.closeReason && <span className="text-xs text-ink-3">{connection.closeReason}</span>}
      {connection.spare && (
        <Badge icon={Sparkles} title="A warm single-use process, started beforehand">
          spare
        </Badge>
      )}
      {connection.leakWarned && (
        <Badge tone="draining" icon={Hourglass} title="Its lease has been held for very long">
          long lease
        </Badge>
      )}
    </span>
  )
}

function AgeCell() {
  return <Age since={useRow().connection.openedAt} />
}

const ServedCell = () => formatCount(useRow().connection.served)
const InFlightCell = () => formatCount(useRow().connection.inFlight)
const CpuCell = () => formatPercent(useRow().connection.cpuPercent)
const MemoryCell = () => formatBytes(useRow().connection.memoryBytes)

function ErrorsCell() {
  const { errors } = useRow().connection
  return <span className={errors > 0 ? 'font-medium text-dead-ink' : undefined}>{formatCount(errors)}</span>
}

function LastErrorCell() {
  const { lastError } = useRow().connection
  return lastError === null ? (
    <span className="text-ink-3">{none}</span>
  ) : (
    <span className="block truncate text-dead-ink" title={lastError}>
      {lastError}
    </span>
  )
}

function ActionsCell() {
  const { connection, remote, actions } = useRow()
  const ending = connection.state === 'draining' || connection.state === 'dead'
  return (
    <span className="flex justify-end gap-0.5">
      <IconButton icon={Waves} size="sm" label="Drain" disabled={ending} onClick={() => actions.drain(connection)} />
      <IconButton
        icon={RotateCw}
        size="sm"
        label="Restart"
        disabled={ending}
        onClick={() => actions.restart(connection)}
      />
      <IconButton
        icon={remote ? Unplug : Skull}
        size="sm"
        label={remote ? 'Close now' : 'Kill'}
        variant="danger-ghost"
        disabled={connection.state === 'dead'}
        onClick={() => actions.kill(connection)}
      />
    </span>
  )
}

const age = helper.accessor('id', { id: 'age', header: 'Age', cell: AgeCell })
const served = helper.accessor('id', { id: 'served', header: 'Served', cell: ServedCell, sortDescFirst: true })
const inFlight = helper.accessor('id', {
  id: 'in-flight',
  header: 'In flight',
  cell: InFlightCell,
  sortDescFirst: true,
})
const state = helper.accessor('id', { id: 'state', header: 'State', cell: StateCell })
const errors = helper.accessor('id', { id: 'errors', header: 'Errors', cell: ErrorsCell, sortDescFirst: true })
const lastError = helper.display({ id: 'last-error', header: 'Last error', cell: LastErrorCell })
const actions = helper.display({ id: 'actions', header: 'Actions', cell: ActionsCell })

/** Each shows a part of the row's connection; the value that the table knows is its id alone. */
export const processColumns = helper.columns([
  helper.accessor('id', { id: 'pid', header: 'PID', cell: PidCell }),
  state,
  age,
  served,
  inFlight,
  helper.accessor('id', { id: 'cpu', header: 'CPU', cell: CpuCell, sortDescFirst: true }),
  helper.accessor('id', { id: 'memory', header: 'Memory', cell: MemoryCell, sortDescFirst: true }),
  errors,
  lastError,
  actions,
])

/** A session at a server elsewhere has streams, and neither a PID nor a cost that could be measured here. */
export const sessionColumns = helper.columns([
  helper.display({ id: 'session', header: 'Session', cell: SessionCell }),
  state,
  age,
  served,
  inFlight,
  errors,
  helper.display({ id: 'streams', header: 'Streams', cell: StreamsCell }),
  lastError,
  actions,
])
