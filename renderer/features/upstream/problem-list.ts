import type { ErrorCode } from '../../../shared/errors.ts'
import type { AuthView, ConnectionSnapshot, UpstreamSnapshot } from '../../../shared/state.ts'
import { type AccessProblem, accessProblem } from './sign-in/access.ts'

/**
 * What is wrong with an upstream now, worst first, as plain data. The page shows all of it above its tabs; when the list
 * is empty nothing stands there.
 */
export type Problem =
  | { kind: 'access'; problem: AccessProblem; auth: AuthView }
  | { kind: 'failure'; level: 'error' | 'warning' }
  | { kind: 'breaker'; state: 'open' | 'half-open'; failures: number; retryAt: number | null; probing: boolean }
  | { kind: 'reconnect'; attempt: number; nextAt: number }
  | { kind: 'leak'; connections: Pick<ConnectionSnapshot, 'id' | 'pid' | 'leasedSince'>[] }
  | { kind: 'quarantine'; count: number }
  | { kind: 'advice'; text: string }

/** A failure that is this old and was got over is history: it stays in the events and in the process table. */
export const freshFailureMs = 60_000

const refusals: ReadonlySet<ErrorCode> = new Set(['UPSTREAM_UNAUTHORIZED', 'UPSTREAM_FORBIDDEN'])

export function problemsOf(upstream: UpstreamSnapshot, now: number): Problem[] {
  const { pool, lastFailure } = upstream
  const problems: Problem[] = []
  const access = accessProblem(upstream)
  if (access && upstream.auth) problems.push({ kind: 'access', problem: access, auth: upstream.auth })
  const broken =
    upstream.state === 'failing' ||
    upstream.state === 'unauthorized' ||
    pool.breaker.state !== 'closed' ||
    pool.reconnect.nextAt !== null
  // The panel of the sign-in says the same, and what to do.
  const told = access !== null && lastFailure !== null && refusals.has(lastFailure.code)
  if (lastFailure && !told && (broken || now - lastFailure.at < freshFailureMs) && upstream.state !== 'stopped')
    problems.push({ kind: 'failure', level: broken ? 'error' : 'warning' })
  if (pool.breaker.state !== 'closed')
    problems.push({ kind: 'breaker', ...pool.breaker, state: pool.breaker.state, probing: pool.spawning > 0 })
  else if (pool.reconnect.nextAt !== null)
    problems.push({ kind: 'reconnect', attempt: pool.reconnect.attempts + 1, nextAt: pool.reconnect.nextAt })
  const leaking = upstream.connections.filter((connection) => connection.leakWarned)
  if (leaking.length > 0)
    problems.push({ kind: 'leak', connections: leaking.map(({ id, pid, leasedSince }) => ({ id, pid, leasedSince })) })
  if (pool.quarantined > 0) problems.push({ kind: 'quarantine', count: pool.quarantined })
  for (const text of upstream.advice) problems.push({ kind: 'advice', text })
  return problems
}

/** `now`, `in 12 s`, `in 2 min 5 s`: how long until a moment, rounded up so that it never says 0 too early. */
export function untilText(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1_000)
  if (seconds <= 0) return 'now'
  if (seconds < 60) return `in ${seconds} s`
  const rest = seconds % 60
  return rest === 0 ? `in ${seconds / 60} min` : `in ${Math.floor(seconds / 60)} min ${rest} s`
}

/** What a kill breaks, for the question before it. */
export function killConsequence(
  connection: Pick<ConnectionSnapshot, 'inFlight' | 'state' | 'upstream'>,
  remote = false,
): string {
  const { inFlight, upstream } = connection
  const another = remote ? 'session' : 'process'
  if (inFlight === 0) return `No request is in flight on it. ${upstream} opens another ${another} when it needs one.`
  const requests = inFlight === 1 ? '1 request' : `${inFlight} requests`
  return `${requests} of ${upstream}’s clients will fail at once with CONNECTION_LOST. Drain lets ${inFlight === 1 ? 'it' : 'them'} finish first.`
}
