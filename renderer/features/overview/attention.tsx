import { RefreshCw, RotateCcw, TriangleAlert } from 'lucide-react'
import { memo } from 'react'
import type { UpstreamSnapshot } from '../../../shared/contract.ts'
import { upstreamHash } from '../../app/routes.ts'
import { Age, Button, Countdown, StateBadge } from '../../components/index.ts'
import { useAction, useUpstream } from '../../store/hooks.ts'
import { useBrokenNames } from './order.ts'

/** What is broken, why, and what can be done, pinned above everything. Draws nothing when all is well. */
export function Attention() {
  const names = useBrokenNames()
  if (names.length === 0) return null
  return (
    <section
      aria-label="Needs attention"
      className="shrink-0 overflow-hidden rounded-lg border border-dead/40 bg-panel"
    >
      <ul className="max-h-[172px] divide-y divide-line overflow-y-auto">
        {names.map((name) => (
          <BrokenUpstream key={name} name={name} />
        ))}
      </ul>
    </section>
  )
}

const BrokenUpstream = memo(function BrokenUpstream({ name }: { name: string }) {
  const upstream = useUpstream(name)
  const { run, pending } = useAction()
  if (!upstream) return null
  const { pool, lastFailure } = upstream
  const stderr = lastFailure?.stderrTail?.findLast((line) => line.trim() !== '')
  return (
    <li className="flex items-center gap-3 bg-dead-soft/45 px-3 py-1.5">
      <TriangleAlert aria-hidden className="size-4 shrink-0 self-start text-dead-ink" />
      <div className="min-w-0 flex-1">
        <p className="truncate" title={lastFailure?.message}>
          <a href={upstreamHash(name)} className="mr-2 font-semibold text-ink hover:underline">
            {name}
          </a>
          <span className="text-ink-2">{lastFailure?.message ?? 'No live connection.'}</span>
        </p>
        <p className="mt-0.5 flex min-w-0 items-center gap-2 text-xs whitespace-nowrap text-ink-2">
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
        </p>
      </div>
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
    </li>
  )
})

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
