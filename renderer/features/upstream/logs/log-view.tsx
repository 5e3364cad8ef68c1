import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDownToLine, ScrollText, Search } from 'lucide-react'
import { type ReactNode, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import type { LogLine } from '../../../../shared/commands.ts'
import {
  Callout,
  cn,
  EmptyState,
  formatBytes,
  formatTime,
  plural,
  Skeleton,
  Switch,
  useKey,
} from '../../../components/index.ts'
import { plainText } from './ansi.ts'
import { LogText } from './log-text.tsx'
import { useLogs } from './use-logs.ts'

export interface LogViewProps {
  upstream: string
  connectionId: string
  /** A session elsewhere: what is shown is its history, as the host kept it. */
  remote?: boolean
  /** Stands before the search. */
  leading?: ReactNode
  className?: string
}

const processWords = {
  name: 'stderr',
  empty: 'Nothing on stderr yet',
  why: 'Servers log to stderr, because stdout belongs to the protocol. This one has been silent.',
}
const sessionWords = {
  name: 'log',
  empty: 'Nothing in the log yet',
  why: 'When the session and its streams were opened, lost and found again will be written here.',
}

const noLines: readonly LogLine[] = []
/** Scrolled up by more than this, a person reads: following would take the text away. */
const followSlackPx = 24

/** The stderr of a process, or the history of a session: follows the end, can be searched, says what was dropped. */
export function LogView({ upstream, connectionId, remote = false, leading, className }: LogViewProps) {
  const words = remote ? sessionWords : processWords
  const logs = useLogs(upstream, connectionId)
  const [follow, setFollow] = useState(true)
  const [query, setQuery] = useState('')
  const search = useDeferredValue(query.trim())
  useKey('f', () => setFollow((on) => !on))
  const lines = logs.state === 'ready' ? logs.lines : noLines
  const found = useMemo(() => filterLines(lines, search), [lines, search])

  return (
    <div className={cn('flex min-h-0 flex-col bg-panel', className)}>
      <div className="flex h-9 shrink-0 items-center gap-3 border-b border-line px-3">
        {leading}
        <label className="relative flex min-w-0 max-w-72 flex-1 items-center">
          <Search aria-hidden className="pointer-events-none absolute left-2 size-3.5 text-ink-3" />
          <input
            type="search"
            aria-label={`Search ${words.name}`}
            placeholder="Search"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Escape' || query === '') return
              event.stopPropagation()
              setQuery('')
            }}
            spellCheck={false}
            className="h-6 w-full rounded-md border border-line-strong bg-panel pr-2 pl-7 text-sm text-ink outline-none placeholder:text-ink-3 focus:border-accent"
          />
        </label>
        <span role="status" className="text-xs whitespace-nowrap text-ink-3">
          {search === '' ? plural(lines.length, 'line') : `${found.length} of ${plural(lines.length, 'line')}`}
          {logs.state === 'ready' && logs.droppedBytes > 0 && ` · ${formatBytes(logs.droppedBytes)} older dropped`}
        </span>
        <Switch checked={follow} onCheckedChange={setFollow} label="Follow (F)" className="ml-auto" />
      </div>
      {logs.state === 'failed' && (
        <Callout tone="error" title={`The ${words.name} could not be read`} className="m-3" role="alert">
          {logs.message}
        </Callout>
      )}
      {logs.state === 'loading' && (
        <div role="status" aria-label={`Loading ${words.name}`} className="flex flex-col gap-1.5 p-3">
          {['w-3/4', 'w-1/2', 'w-2/3'].map((width) => (
            <Skeleton key={width} className={cn('h-3.5', width)} />
          ))}
        </div>
      )}
      {logs.state === 'gone' && (
        <EmptyState icon={ScrollText} title={`Its ${words.name} is no longer kept`}>
          The {words.name} of the connections that ended last is kept; this one ended earlier.
        </EmptyState>
      )}
      {logs.state === 'ready' &&
        (found.length === 0 ? (
          <EmptyState icon={ScrollText} title={search === '' ? words.empty : `No line has “${search}”`}>
            {search === '' && words.why}
          </EmptyState>
        ) : (
          <Lines label={`${words.name} lines`} lines={found} query={search} follow={follow} onFollow={setFollow} />
        ))}
    </div>
  )
}

function filterLines(lines: readonly LogLine[], query: string): readonly LogLine[] {
  if (query === '') return lines
  const needle = query.toLowerCase()
  return lines.filter((line) => plainText(line.text).toLowerCase().includes(needle))
}

const upKeys = new Set(['ArrowUp', 'PageUp', 'Home'])

interface LinesProps {
  label: string
  lines: readonly LogLine[]
  query: string
  follow: boolean
  onFollow: (follow: boolean) => void
}

function Lines({ label, lines, query, follow, onFollow }: LinesProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 18,
    overscan: 20,
    getItemKey: useCallback((i: number) => lines[i]?.seq ?? i, [lines]),
  })
  const last = lines.length - 1
  const lastSeq = lines[last]?.seq
  useEffect(() => {
    if (follow && lastSeq !== undefined) virtualizer.scrollToIndex(last, { align: 'end' })
  }, [follow, last, lastSeq, virtualizer])

  return (
    <div className="relative min-h-0 flex-1">
      <section
        ref={scroller}
        aria-label={label}
        className="h-full overflow-y-auto font-mono text-xs leading-[18px]"
        onWheel={(event) => {
          if (event.deltaY < 0) onFollow(false)
        }}
        onKeyDown={(event) => {
          if (upKeys.has(event.key)) onFollow(false)
        }}
        onPointerDown={(event) => {
          // Right of the content is the scrollbar: whoever takes it wants to look around.
          if (event.nativeEvent.offsetX > event.currentTarget.clientWidth) onFollow(false)
        }}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          if (scrollHeight - scrollTop - clientHeight < followSlackPx && !follow) onFollow(true)
        }}
      >
        <ol className="relative w-full" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const line = lines[item.index]
            return (
              line && (
                <li
                  key={item.key}
                  ref={virtualizer.measureElement}
                  data-index={item.index}
                  className="absolute top-0 left-0 flex w-full gap-3 px-3 hover:bg-hover"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <time className="shrink-0 text-ink-3 select-none">{formatTime(line.at)}</time>
                  <span className="min-w-0 flex-1 whitespace-pre-wrap text-ink wrap-anywhere">
                    <LogText line={line.text} query={query} />
                  </span>
                </li>
              )
            )
          })}
        </ol>
      </section>
      {!follow && (
        <button
          type="button"
          onClick={() => onFollow(true)}
          className="absolute right-4 bottom-3 flex h-7 items-center gap-1.5 rounded-md border border-line-strong bg-panel px-2.5 text-sm shadow-pop hover:bg-hover"
        >
          <ArrowDownToLine aria-hidden className="size-3.5" />
          Follow the end
        </button>
      )}
    </div>
  )
}
