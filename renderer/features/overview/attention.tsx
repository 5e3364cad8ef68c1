import { KeyRound, type LucideIcon, RefreshCw, RotateCcw, Settings2, TriangleAlert } from 'lucide-react'
import { memo, type ReactNode } from 'react'
import type { UpstreamSnapshot } from '../../../shared/contract.ts'
import { firstTab, navigate, upstreamHash } from '../../app/routes.ts'
import {
  Age,
  Button,
  Countdown,
  cn,
  StateBadge,
  streamLook,
  toneInk,
  upstreamLook,
  visibleText,
} from '../../components/index.ts'
import { useAction, useNow, useUpstream } from '../../store/hooks.ts'
import { type AccessProblem, accessProblem, accessTitles, saidBeyond } from '../upstream/sign-in/access.ts'
import { useSignIn } from '../upstream/sign-in/use-sign-in.ts'
import { RetryNow } from '../upstream/streams/retry-now.tsx'
import { type StreamTrouble, streamTrouble, troubleText } from '../upstream/streams/trouble.ts'
import { isBroken, useAttentionNames } from './order.ts'

/** What is broken, why, and what can be done, pinned above everything. Draws nothing when all is well. */
export function Attention() {
  const names = useAttentionNames()
  if (names.length === 0) return null
  return (
    <section
      aria-label="Needs attention"
      className="shrink-0 overflow-hidden rounded-lg border border-dead/40 bg-panel"
    >
      <ul className="max-h-[172px] divide-y divide-line overflow-y-auto">
        {names.map((name) => (
          <AttentionLine key={name} name={name} />
        ))}
      </ul>
    </section>
  )
}

/** A line of its own subscription, in the shape of what is wrong. */
const AttentionLine = memo(function AttentionLine({ name }: { name: string }) {
  const upstream = useUpstream(name)
  if (!upstream) return null
  const access = accessProblem(upstream)
  if (access) return <NoAccess upstream={upstream} problem={access} />
  const trouble = isBroken(upstream) ? null : streamTrouble(upstream.connections)
  return trouble ? <LostStreams name={name} trouble={trouble} /> : <Broken upstream={upstream} />
})

interface LineProps {
  name: string
  icon: LucideIcon
  tone: 'dead' | 'backoff'
  message: string
  /** The second line. */
  children: ReactNode
  actions: ReactNode
}

const grounds = { dead: 'bg-dead-soft/45', backoff: 'bg-backoff-soft/45' }

function Line({ name, icon: Icon, tone, message, children, actions }: LineProps) {
  const text = visibleText(message.slice(0, 2_000))
  return (
    <li className={cn('flex items-center gap-3 px-3 py-1.5', grounds[tone])}>
      <Icon aria-hidden className={cn('size-4 shrink-0 self-start', toneInk[tone])} />
      <div className="min-w-0 flex-1">
        <p className="truncate" title={text}>
          <a href={upstreamHash(name)} className="mr-2 font-semibold text-ink hover:underline">
            {name}
          </a>
          <span className="text-ink-2">{text}</span>
        </p>
        <p className="mt-0.5 flex min-w-0 items-center gap-2 text-xs whitespace-nowrap text-ink-2">{children}</p>
      </div>
      {actions}
    </li>
  )
}

function Broken({ upstream: { name, pool, lastFailure, state } }: { upstream: UpstreamSnapshot }) {
  const { run, pending } = useAction()
  const last = lastFailure?.stderrTail?.findLast((line) => line.trim() !== '')
  const stderr = last === undefined ? undefined : visibleText(last.slice(0, 1_000))
  return (
    <Line
      name={name}
      icon={state === 'unauthorized' ? upstreamLook.unauthorized.icon : TriangleAlert}
      tone="dead"
      message={lastFailure?.message ?? 'No live connection.'}
      actions={
        <>
          {pool.breaker.state !== 'closed' && (
            <Button
              size="sm"
              icon={RotateCcw}
              pending={pending}
              onClick={() => void run('upstream.resetBreaker', { upstream: name })}
            >
              Reset breaker
            </Button>
          )}
          <Button
            size="sm"
            icon={RefreshCw}
            pending={pending}
            onClick={() => void run('upstream.retry', { upstream: name })}
          >
            Retry now
          </Button>
        </>
      }
    >
      {lastFailure && (
        <span>
          <Age since={lastFailure.at} /> ago
        </span>
      )}
      <NextAttempt pool={pool} />
      {stderr !== undefined && (
        <span className="truncate font-mono" title={stderr}>
          <span className="text-ink-3 select-none">stderr </span>
          {stderr}
        </span>
      )}
    </Line>
  )
}

/** The server wants a person: what it said, and the button. What takes more than a press is on the upstream's page. */
function NoAccess({ upstream, problem }: { upstream: UpstreamSnapshot; problem: AccessProblem }) {
  const { name, auth, lastFailure } = upstream
  const { signIn, cancel, pending } = useSignIn(name)
  const title = accessTitles[problem]
  const message = (problem !== 'under-way' && saidBeyond(title, auth?.error ?? lastFailure?.message)) || title
  return (
    <Line
      name={name}
      icon={KeyRound}
      tone={problem === 'sign-in' || problem === 'under-way' ? 'backoff' : 'dead'}
      message={message}
      actions={
        problem === 'under-way' ? (
          <>
            {auth?.state === 'waiting-for-browser' && <OpenPage name={name} />}
            <Button size="sm" onClick={() => void cancel()}>
              Cancel
            </Button>
          </>
        ) : problem === 'refused-header' || problem === 'refused' || auth?.kind === 'header' ? (
          <Button size="sm" icon={Settings2} onClick={() => navigate({ screen: 'upstream', name, tab: 'config' })}>
            Open Config
          </Button>
        ) : (
          <Button size="sm" variant="primary" icon={KeyRound} pending={pending} onClick={() => void signIn()}>
            {problem === 'failed' ? 'Try again' : problem === 'forbidden' ? 'Sign in with more rights' : 'Sign in'}
          </Button>
        )
      }
    >
      {auth?.kind === 'oauth' && <StateBadge kind="auth" state={auth.state} />}
      <span>
        since <Age since={auth?.since ?? 0} />
      </span>
      {message !== title && <span className="truncate">{title}</span>}
    </Line>
  )
}

const OpenPage = ({ name }: { name: string }) => (
  <Button size="sm" onClick={() => navigate({ screen: 'upstream', name, tab: firstTab })}>
    Continue
  </Button>
)

function LostStreams({ name, trouble }: { name: string; trouble: StreamTrouble }) {
  const now = useNow()
  const { icon, tone } = streamLook.waiting
  return (
    <Line
      name={name}
      icon={icon}
      tone={tone === 'backoff' ? tone : 'dead'}
      message={troubleText(trouble, now)}
      actions={trouble.waitingIds.length > 0 && <RetryNow connectionIds={trouble.waitingIds} label="Retry now" />}
    >
      <span>attempt {trouble.attempts}</span>
      {trouble.reason !== null && (
        <span className="truncate font-mono">{visibleText(trouble.reason.slice(0, 500))}</span>
      )}
    </Line>
  )
}

/** "Breaker open, attempt 5, next in 42s": what the host does by itself. */
function NextAttempt({ pool: { breaker, reconnect } }: { pool: UpstreamSnapshot['pool'] }) {
  const at = breaker.state === 'open' ? breaker.retryAt : reconnect.nextAt
  return (
    <>
      {breaker.state !== 'closed' && <StateBadge kind="breaker" state={breaker.state} />}
      {reconnect.attempts > 0 && <span>attempt {reconnect.attempts}</span>}
      {at !== null && (
        <span className="text-backoff-ink">
          next <Countdown until={at} />
        </span>
      )}
    </>
  )
}
