import { KeyRound } from 'lucide-react'
import { useMemo } from 'react'
import type { AuthView, ConnectionSnapshot } from '../../../shared/state.ts'
import { upstreamHash } from '../../app/routes.ts'
import { isRemote } from '../../app/words.ts'
import { Badge, Countdown, plural, StateBadge, streamLook, visibleText } from '../../components/index.ts'
import { useNow, useUpstreamPart } from '../../store/hooks.ts'
import { RetryNow } from './streams/retry-now.tsx'
import { type StreamTrouble, streamTrouble, troubleText } from './streams/trouble.ts'

const noConnections: never[] = []

/** What only a server elsewhere has, in the header where it takes no click: its sessions, their streams, who is signed in. */
export function RemoteFacts({ name }: { name: string }) {
  const remote = isRemote(useUpstreamPart(name, (upstream) => upstream.transport))
  return remote && <Facts name={name} />
}

function Facts({ name }: { name: string }) {
  const connections = useUpstreamPart(name, (upstream) => upstream.connections) ?? noConnections
  const auth = useUpstreamPart(name, (upstream) => upstream.auth) ?? null
  const trouble = useMemo(() => streamTrouble(connections), [connections])
  return (
    // As high with a button as without, so that nothing below moves when a stream is lost.
    <dl className="grid h-6 grid-cols-[48px_minmax(0,1fr)] items-center gap-x-2 text-sm">
      <dt className="text-xs text-ink-3">Sessions</dt>
      <dd className="flex min-w-0 items-center gap-x-2 text-ink-2">
        <span className="whitespace-nowrap">
          <span className="font-medium text-ink tabular-nums">{connections.length}</span>
          {' · '}
          {streamsText(connections)}
        </span>
        {trouble && <Trouble trouble={trouble} />}
        {auth && auth.kind !== 'none' && <Access name={name} auth={auth} />}
      </dd>
    </dl>
  )
}

/** `3 streams open`; what the server has none of is no stream. */
function streamsText(connections: readonly ConnectionSnapshot[]): string {
  const open = connections.flatMap(({ streams }) => streams).filter(({ state }) => state === 'open').length
  return open === 0 ? 'no stream open' : `${plural(open, 'stream')} open`
}

function Trouble({ trouble }: { trouble: StreamTrouble }) {
  const now = useNow()
  return (
    <>
      <Badge
        tone={streamLook.waiting.tone}
        icon={streamLook.waiting.icon}
        title={visibleText((trouble.reason ?? '').slice(0, 1_000))}
        className="min-w-0 shrink"
      >
        <span className="truncate">{troubleText(trouble, now)}</span>
      </Badge>
      {trouble.waitingIds.length > 0 && <RetryNow connectionIds={trouble.waitingIds} label="Retry now" />}
    </>
  )
}

function Access({ name, auth: { kind, state, expiresAt } }: { name: string; auth: AuthView }) {
  return (
    <a
      href={upstreamHash(name, 'config')}
      className="flex items-center gap-1.5 whitespace-nowrap hover:underline"
      title="Who lets us in, and what was granted: see Config"
    >
      {kind === 'header' ? (
        <HeaderBadge refused={state !== 'signed-in' && state !== 'not-needed'} />
      ) : (
        <StateBadge kind="auth" state={state} />
      )}
      {state === 'signed-in' && expiresAt !== null && (
        <span className="text-xs text-ink-3">
          expires <Countdown until={expiresAt} />
        </span>
      )}
    </a>
  )
}

/** A token of the config is sent with each request: nobody signs in, and nothing expires that we would know of. */
const HeaderBadge = ({ refused }: { refused: boolean }) => (
  <Badge tone={refused ? 'dead' : 'idle'} icon={KeyRound}>
    {refused ? 'Token refused' : 'Token of the config'}
  </Badge>
)
