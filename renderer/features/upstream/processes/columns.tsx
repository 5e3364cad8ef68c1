import { createColumnHelper, rowSortingFeature, tableFeatures } from '@tanstack/react-table'
import { Hourglass, RotateCw, Skull, Sparkles, Waves } from 'lucide-react'
import { createContext, use } from 'react'
import type { ConnectionSnapshot } from '../../../../shared/state.ts'
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
import type { ProcessActions } from './use-process-actions.ts'

/** What the table knows of a row. */
export interface ProcessRef {
  id: string
}

export const features = tableFeatures({ rowSortingFeature })
const helper = createColumnHelper<typeof features, ProcessRef>()

/** A row's connection. Cells read it from here, so that a row has one subscription and the table none. */
interface RowContext {
  connection: ConnectionSnapshot
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
  const { connection, actions } = useRow()
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
        icon={Skull}
        size="sm"
        label="Kill"
        variant="danger-ghost"
        disabled={connection.state === 'dead'}
        onClick={() => actions.kill(connection)}
      />
    </span>
  )
}

/** Each shows a part of the row's connection; the value that the table knows is its id alone. */
export const columns = helper.columns([
  helper.accessor('id', { id: 'pid', header: 'PID', cell: PidCell }),
  helper.accessor('id', { id: 'state', header: 'State', cell: StateCell }),
  helper.accessor('id', { id: 'age', header: 'Age', cell: AgeCell }),
  helper.accessor('id', { id: 'served', header: 'Served', cell: ServedCell, sortDescFirst: true }),
  helper.accessor('id', { id: 'in-flight', header: 'In flight', cell: InFlightCell, sortDescFirst: true }),
  helper.accessor('id', { id: 'cpu', header: 'CPU', cell: CpuCell, sortDescFirst: true }),
  helper.accessor('id', { id: 'memory', header: 'Memory', cell: MemoryCell, sortDescFirst: true }),
  helper.accessor('id', { id: 'errors', header: 'Errors', cell: ErrorsCell, sortDescFirst: true }),
  helper.display({ id: 'last-error', header: 'Last error', cell: LastErrorCell }),
  helper.display({ id: 'actions', header: 'Actions', cell: ActionsCell }),
])
