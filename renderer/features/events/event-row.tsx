import { memo } from 'react'
import type { EventRecord } from '../../../shared/contract.ts'
import { upstreamHash } from '../../app/routes.ts'
import { cn, formatDateTime, formatTime } from '../../components/index.ts'
import { levelLook } from './level.ts'

export interface EventRowProps {
  event: EventRecord
  /** Without the upstream's name, on its own page. */
  hideUpstream?: boolean
  selected?: boolean
}

/** One line: when, how grave, whose, what. The message is what servers and systems said: text, never markup. */
export const EventRow = memo(function EventRow({ event, hideUpstream, selected }: EventRowProps) {
  const { icon: Icon, ink, word } = levelLook[event.level]
  return (
    <li
      data-kind={event.kind}
      data-selected={selected}
      className="flex min-h-7 items-start gap-2 border-b border-line px-3 py-[5px] last:border-b-0 hover:bg-hover data-[selected=true]:bg-accent-soft"
    >
      <time title={formatDateTime(event.at)} className="shrink-0 pt-px text-xs text-ink-3">
        {formatTime(event.at)}
      </time>
      <span role="img" aria-label={word} title={event.kind} className="shrink-0 pt-0.5">
        <Icon aria-hidden className={cn('size-3.5', ink)} />
      </span>
      <span className="line-clamp-2 min-w-0 flex-1 wrap-anywhere text-ink-2" title={event.message}>
        {!hideUpstream && event.upstream !== null && (
          <a
            href={upstreamHash(event.upstream)}
            className="mr-2 font-medium text-ink hover:text-accent-ink hover:underline"
          >
            {event.upstream}
          </a>
        )}
        {event.message}
      </span>
      {event.pid !== null && <span className="shrink-0 pt-px text-xs text-ink-3">PID {event.pid}</span>}
    </li>
  )
})
