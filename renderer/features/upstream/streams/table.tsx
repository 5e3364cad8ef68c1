import { memo, useMemo } from 'react'
import type { StreamSnapshot } from '../../../../shared/state.ts'
import { shortId } from '../../../app/words.ts'
import {
  Age,
  Countdown,
  formatCount,
  none,
  StateBadge,
  Table,
  Td,
  Th,
  Tr,
  visibleText,
} from '../../../components/index.ts'
import { useConnection, useUpstreamPart } from '../../../store/hooks.ts'
import { RetryNow } from './retry-now.tsx'
import { streamTrouble } from './trouble.ts'
import { streamKindWords } from './words.ts'

const noConnections: never[] = []

/** Every stream of every session: how it stands, what is tried next, and how it was lost last. */
export function StreamsTable({ name }: { name: string }) {
  const connections = useUpstreamPart(name, (upstream) => upstream.connections) ?? noConnections
  const waitingIds = useMemo(() => streamTrouble(connections)?.waitingIds ?? [], [connections])
  const withStreams = connections.filter(({ streams }) => streams.length > 0)
  return (
    <section aria-label="Streams" className="shrink-0 overflow-x-auto rounded-lg border border-line bg-panel">
      <header className="flex h-8 items-center justify-between border-b border-line pr-2 pl-3">
        <h3 className="text-sm font-semibold">Streams</h3>
        {waitingIds.length > 1 && <RetryNow connectionIds={waitingIds} label="Retry all now" />}
      </header>
      {withStreams.length === 0 ? (
        <p className="px-3 py-3 text-sm text-ink-3">
          {connections.length === 0
            ? 'Streams belong to sessions, and there is none at the moment.'
            : 'The server needs none: each answer comes with its request.'}
        </p>
      ) : (
        <Table aria-label="Streams" className="[&_tbody:last-child_tr:last-child_td]:border-b-0">
          <thead>
            <tr>
              <Th className="pl-3">Session</Th>
              <Th>Stream</Th>
              <Th>State</Th>
              <Th numeric title="In a row without a message">
                Attempts
              </Th>
              <Th>Next attempt</Th>
              <Th numeric title="Opened again, in all">
                Reconnects
              </Th>
              <Th className="w-full">Last drop</Th>
              <Th numeric>Last message</Th>
              <Th title="Whether the server can send again what was missed" className="pr-3">
                Resumable
              </Th>
            </tr>
          </thead>
          {withStreams.map(({ id }) => (
            <SessionStreams key={id} upstream={name} id={id} />
          ))}
        </Table>
      )}
    </section>
  )
}

/** The streams of one session, with a subscription of their own. */
const SessionStreams = memo(function SessionStreams({ upstream, id }: { upstream: string; id: string }) {
  const streams = useConnection(upstream, id)?.streams ?? []
  return (
    <tbody>
      {streams.map((stream) => (
        <StreamRow key={stream.id} connectionId={id} stream={stream} />
      ))}
    </tbody>
  )
})

const StreamRow = memo(function StreamRow({ connectionId, stream }: { connectionId: string; stream: StreamSnapshot }) {
  const { kind, state, attempts, nextAttemptAt, reconnects, lastDrop, lastMessageAt, resumable } = stream
  const { word, help } = streamKindWords[kind]
  const reason = lastDrop && visibleText(lastDrop.reason.slice(0, 1_000))
  const quiet = state === 'unsupported'
  return (
    <Tr data-stream={`${connectionId} ${stream.id}`} className={quiet ? 'text-ink-3' : undefined}>
      <Td className="pl-3 font-mono text-ink-2">{shortId(connectionId)}</Td>
      <Td title={help}>{word}</Td>
      <Td data-col="state">
        <StateBadge kind="stream" state={state} />
      </Td>
      <Td
        numeric
        data-col="attempts"
        className={attempts > 1 && state !== 'open' ? 'font-medium text-backoff-ink' : undefined}
      >
        {quiet ? none : formatCount(attempts)}
      </Td>
      <Td data-col="next">
        {state === 'waiting' && nextAttemptAt !== null ? (
          <span className="flex items-center gap-2">
            <span className="min-w-14 text-backoff-ink tabular-nums">
              <Countdown until={nextAttemptAt} />
            </span>
            <RetryNow connectionIds={[connectionId]} label="Retry now" />
          </span>
        ) : (
          <span className="text-ink-3">{state === 'connecting' && lastDrop ? 'under way' : none}</span>
        )}
      </Td>
      <Td numeric data-col="reconnects">
        {quiet ? none : formatCount(reconnects)}
      </Td>
      <Td data-col="drop" className="max-w-0" title={reason ?? undefined}>
        {lastDrop ? (
          <span className="flex gap-2">
            <span className="shrink-0 text-ink-3">
              <Age since={lastDrop.at} /> ago
            </span>
            <span className="truncate text-ink-2">{reason}</span>
          </span>
        ) : (
          <span className="text-ink-3">{quiet ? none : 'never'}</span>
        )}
      </Td>
      <Td numeric>
        {lastMessageAt === null ? (
          <span className="text-ink-3">{none}</span>
        ) : (
          <>
            <Age since={lastMessageAt} /> ago
          </>
        )}
      </Td>
      <Td className="pr-3">{quiet ? none : resumable ? 'yes' : 'no'}</Td>
    </Tr>
  )
})
