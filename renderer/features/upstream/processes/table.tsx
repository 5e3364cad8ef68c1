import { flexRender, type Row, type SortingState, useTable } from '@tanstack/react-table'
import { ArrowDown, ArrowUp, Cpu, Network, Plus } from 'lucide-react'
import { memo, useMemo, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { connectionWords, isRemote } from '../../../app/words.ts'
import { Button, cn, EmptyState, Table, Td, Th, Tr } from '../../../components/index.ts'
import { useAction, useConnection, useUpstreamPart } from '../../../store/hooks.ts'
import { useStore } from '../../../store/store.ts'
import { whyNot } from '../actions.ts'
import {
  features,
  numericColumns,
  type ProcessRef,
  ProcessRowContext,
  processColumns,
  sessionColumns,
} from './columns.tsx'
import { sortedIds } from './sort.ts'
import { useProcessActions } from './use-process-actions.ts'

export interface ProcessTableProps {
  name: string
  selected: string | null
  onOpen: (id: string) => void
}

const noIds: string[] = []

/** Ids in the table's order. The table is drawn again when the order changes, not when a figure does. */
export const useSortedIds = (name: string, sorting: SortingState): string[] =>
  useStore(
    useShallow((s) => {
      const connections = s.model?.upstreams[name]?.connections
      return connections ? sortedIds(connections, sorting[0]) : noIds
    }),
  )

/** The living connections of an upstream: processes, or sessions at a server elsewhere. */
export function ProcessTable({ name, selected, onOpen }: ProcessTableProps) {
  const transport = useUpstreamPart(name, (upstream) => upstream.transport)
  const remote = isRemote(transport)
  const [sorting, setSorting] = useState<SortingState>([])
  const ids = useSortedIds(name, sorting)
  const data = useMemo(() => ids.map((id): ProcessRef => ({ id })), [ids])
  const table = useTable({
    features,
    columns: remote ? sessionColumns : processColumns,
    data,
    state: { sorting },
    onSortingChange: setSorting,
    manualSorting: true,
    getRowId: (ref) => ref.id,
  })
  return (
    <>
      <Table aria-label={connectionWords(transport).Many} className="[&_tbody_tr:last-child_td]:border-b-0">
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => {
                const sorted = header.column.getIsSorted()
                const numeric = numericColumns.has(header.id)
                return (
                  <Th
                    key={header.id}
                    numeric={numeric}
                    aria-sort={sorted === false ? undefined : sorted === 'asc' ? 'ascending' : 'descending'}
                    className={cn('first:pl-3', header.id === 'actions' && 'w-24 pr-3 text-right')}
                  >
                    {header.column.getCanSort() ? (
                      <button
                        type="button"
                        onClick={header.column.getToggleSortingHandler()}
                        className={cn('inline-flex items-center gap-1 hover:text-ink', numeric && 'flex-row-reverse')}
                      >
                        <table.FlexRender header={header} />
                        {sorted === 'asc' && <ArrowUp aria-hidden className="size-3" />}
                        {sorted === 'desc' && <ArrowDown aria-hidden className="size-3" />}
                      </button>
                    ) : (
                      <table.FlexRender header={header} />
                    )}
                  </Th>
                )
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <ProcessRow
              key={row.id}
              name={name}
              remote={remote}
              row={row}
              selected={row.id === selected}
              onOpen={onOpen}
            />
          ))}
        </tbody>
      </Table>
      {ids.length === 0 && <NoConnection name={name} remote={remote} />}
    </>
  )
}

interface ProcessRowProps {
  name: string
  remote: boolean
  row: Row<typeof features, ProcessRef>
  selected: boolean
  onOpen: (id: string) => void
}

const ProcessRow = memo(function ProcessRow({ name, remote, row, selected, onOpen }: ProcessRowProps) {
  const connection = useConnection(name, row.id)
  const actions = useProcessActions()
  if (!connection) return null
  return (
    <ProcessRowContext value={{ connection, remote, actions, onOpen }}>
      <Tr
        data-connection={row.id}
        data-selected={selected}
        onClick={({ target }) => {
          // A press on one of the row's buttons is no press on the row.
          if (!(target instanceof Element && target.closest('button'))) onOpen(row.id)
        }}
      >
        {row.getAllCells().map((cell) => (
          <Td
            key={cell.id}
            data-col={cell.column.id}
            numeric={numericColumns.has(cell.column.id)}
            className={cn(
              'first:pl-3',
              cell.column.id === 'last-error' && 'w-full max-w-0',
              cell.column.id === 'actions' && 'pr-3',
            )}
          >
            {flexRender(cell.column.columnDef.cell, cell.getContext())}
          </Td>
        ))}
      </Tr>
    </ProcessRowContext>
  )
})

function NoConnection({ name, remote }: { name: string; remote: boolean }) {
  const { run, pending } = useAction()
  const reason = useUpstreamPart(name, (upstream) => whyNot('spawn', upstream)) ?? null
  return (
    <EmptyState
      icon={remote ? Network : Cpu}
      title={remote ? 'No session is open' : 'No process is running'}
      actions={
        reason === null && (
          <Button icon={Plus} pending={pending} onClick={() => void run('upstream.spawn', { upstream: name })}>
            {remote ? 'Open one now' : 'Spawn one now'}
          </Button>
        )
      }
    >
      {reason ??
        `The first request ${remote ? 'opens' : 'starts'} one. Set “Kept ready” to have one waiting at all times.`}
    </EmptyState>
  )
}
