import { ArrowDown, ArrowUp } from 'lucide-react'
import { type ReactNode, useRef, useState } from 'react'
import { firstTab, navigate } from '../../app/routes.ts'
import { openDialog, select, useUi } from '../../app/ui.ts'
import { Button, Input, Table, Th, useKey } from '../../components/index.ts'
import { useUpstreamNames } from '../../store/hooks.ts'
import { firstDirection, type Sort, type SortKey, useUpstreamOrder } from './order.ts'
import { UpstreamRow } from './upstream-row.tsx'

const configOrder: Sort = { key: 'config', descending: false }

/** Every upstream, one row each; what is broken first, then by the chosen column. */
export function UpstreamTable() {
  const [sort, setSort] = useState(configOrder)
  const [filter, setFilter] = useState('')
  const order = useUpstreamOrder(sort, filter)
  const total = useUpstreamNames().length
  const selected = useUi((s) => s.selected)
  const filterInput = useRef<HTMLInputElement>(null)
  useRowKeys(order, selected)
  useKey(['/', 'shift+/'], () => filterInput.current?.focus())

  // Three clicks: the useful direction, the other one, the order of the config file again.
  const onSort = (key: SortKey) =>
    setSort((now) => {
      if (now.key !== key) return { key, descending: firstDirection(key) }
      return now.descending === firstDirection(key) ? { key, descending: !now.descending } : configOrder
    })
  const head = (key: SortKey, text: string, rest: Omit<SortThProps, 'text' | 'sort' | 'sortKey' | 'onSort'> = {}) => (
    <SortTh text={text} sort={sort} sortKey={key} onSort={onSort} {...rest} />
  )

  return (
    <section aria-labelledby="upstreams-title" className="flex min-h-0 flex-col rounded-lg border border-line bg-panel">
      <header className="flex h-9 shrink-0 items-center gap-2 pr-2 pl-3">
        <h2 id="upstreams-title" className="text-base font-semibold">
          Upstreams
        </h2>
        <span className="text-xs text-ink-3">{filter === '' ? total : `${order.length} of ${total}`}</span>
        <Input
          ref={filterInput}
          type="search"
          aria-label="Filter upstreams"
          placeholder="Filter  /"
          value={filter}
          onValueChange={setFilter}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
          className="ml-auto h-6 w-44"
        />
        <Button size="sm" onClick={() => openDialog({ kind: 'connect', name: selected })}>
          Connect a client
        </Button>
      </header>
      <div className="@container min-h-0 overflow-auto rounded-b-lg border-t border-line">
        <Table aria-label="Upstreams" className="min-w-[900px]">
          <thead>
            <tr>
              {head('name', 'Name', { className: 'w-full min-w-28 pl-3' })}
              {head('state', 'State')}
              <Th className="hidden @min-[1050px]:table-cell">Protocol</Th>
              {head('active', 'Active / idle / max', { className: 'w-36 min-w-36', numeric: true })}
              {head('queue', 'Queue', { numeric: true })}
              {head('p50', 'p50', { numeric: true, title: 'Median of the last 60 s', className: 'min-w-16' })}
              {head('p95', 'p95', { numeric: true, title: '95th percentile of the last 60 s', className: 'min-w-16' })}
              {head('errors', 'Errors', { numeric: true, title: 'In the last hour' })}
              {head('restarts', 'Restarts', { numeric: true, title: 'In the last hour' })}
              {head('reconnects', 'Reconnects', { numeric: true, title: 'Reconnect attempts in the last hour' })}
              {head('memory', 'Memory', { numeric: true, className: 'min-w-[72px]' })}
              <Th className="text-right">Requests, 60 s</Th>
            </tr>
          </thead>
          <tbody>
            {order.map((name) => (
              <UpstreamRow key={name} name={name} selected={name === selected} />
            ))}
          </tbody>
        </Table>
        {order.length === 0 && <p className="px-3 py-6 text-center text-ink-3">No upstream matches “{filter}”.</p>}
      </div>
    </section>
  )
}

/** J and K move the selection, Enter opens it. */
function useRowKeys(order: readonly string[], selected: string | null): void {
  const move = (step: 1 | -1) => {
    const at = selected === null ? -1 : order.indexOf(selected)
    const next = at < 0 ? (step === 1 ? 0 : order.length - 1) : Math.min(order.length - 1, Math.max(0, at + step))
    const name = order[next]
    if (name === undefined) return
    select(name)
    // The focus goes along, so that Tab reaches the row's buttons next and a screen reader says where one is.
    document.querySelector<HTMLElement>(`tr[data-upstream=${CSS.escape(name)}] th a`)?.focus()
  }
  useKey(['j', 'arrowdown'], () => move(1))
  useKey(['k', 'arrowup'], () => move(-1))
  useKey('enter', () => selected !== null && navigate({ screen: 'upstream', name: selected, tab: firstTab }), {
    enabled: selected !== null && order.includes(selected),
  })
}

interface SortThProps {
  text: ReactNode
  sort: Sort
  sortKey: SortKey
  onSort: (key: SortKey) => void
  numeric?: boolean
  title?: string
  className?: string
}

function SortTh({ text, sort, sortKey, onSort, numeric, title, className }: SortThProps) {
  const sorted = sort.key === sortKey
  const Arrow = sort.descending ? ArrowDown : ArrowUp
  return (
    <Th
      title={title}
      aria-sort={sorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
      {...(numeric ? { numeric } : {})}
      {...(className ? { className } : {})}
    >
      <button
        type="button"
        onClick={() => onSort(sortKey)}
        className="inline-flex items-center gap-1 rounded-sm hover:text-ink aria-[pressed=true]:text-ink"
        aria-pressed={sorted}
      >
        {sorted && <Arrow aria-hidden className="size-3" />}
        {text}
      </button>
    </Th>
  )
}
