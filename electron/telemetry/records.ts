import type { ErrorShape } from '../../shared/errors.ts'
import type { CloseReason, OpenReason } from '../../shared/state.ts'
import type { GatewayEvents } from '../gateway/types.ts'
import type { UpstreamEvents } from '../upstream/types.ts'
import type { NewEvent } from './journal.ts'
import { counted, duration, plain } from './text.ts'
import { type About, type Describers, foreign, place, subject } from './wording.ts'

/**
 * What the rooms' typed events read like in the feed. Each record is made of named fields, never of a whole payload:
 * an error's `data` holds stderr and whatever a server put there, and stays out.
 */

const openedFor: Record<OpenReason, string> = {
  demand: 'for a waiting request',
  'min-idle': 'to keep the configured number idle',
  spare: 'as a warm spare',
  replace: 'in place of one that failed',
  probe: 'to see whether the server is back',
  person: 'because a person asked for it',
}

const closedFor: Record<CloseReason, string> = {
  'idle-timeout': 'it was idle for too long',
  'max-lifetime': 'it reached its maximum lifetime',
  'max-uses': 'it served its maximum number of requests',
  'single-use': 'it was meant for one request',
  unhealthy: 'it did not answer',
  exited: 'it ended by itself',
  'write-failed': 'it no longer takes input',
  'protocol-error': 'it broke the protocol',
  'lease-revoked': 'a request held it for too long',
  evicted: 'it was drained',
  killed: 'a person killed it',
  'upstream-removed': 'its upstream was stopped',
  shutdown: 'the host is closing',
  'connect-failed': 'it did not connect',
}

/** What reads otherwise where no process of ours is at the other end. */
const closedRemoteFor: Partial<Record<CloseReason, string>> = {
  exited: 'its session was lost, or ended by the server',
  'write-failed': 'the server no longer takes requests',
  unhealthy: 'it does not serve any more',
  killed: 'a person ended it',
}
const closed = (why: CloseReason, { remote }: About) => (remote ? closedRemoteFor[why] : undefined) ?? closedFor[why]

const unexpected: ReadonlySet<CloseReason> = new Set([
  'unhealthy',
  'exited',
  'write-failed',
  'protocol-error',
  'lease-revoked',
  'connect-failed',
])

/** A process says it in its stderr; of a session this is all there is. */
const cause = (error: ErrorShape | null, about: About) =>
  about.remote && error ? ` (${foreign(error.message, about)})` : ''

/** How a process ended, as far as it is known. */
function ending({ exitCode, signal }: { exitCode: number | null; signal: string | null }): string {
  if (signal !== null) return ` by ${plain(signal, 20)}`
  return exitCode === null ? '' : ` with code ${exitCode}`
}

const failedOutcomes: ReadonlySet<UpstreamEvents['request.done']['outcome']> = new Set([
  'protocol_error',
  'timeout',
  'unavailable',
  'lost',
])

/** Whether a request's end belongs into the feed. A tool that reports an error, and a cancel, are answers as any other. */
export const isFailure = (event: UpstreamEvents['request.done']): boolean => failedOutcomes.has(event.outcome)

export const upstreamRecords = {
  'connection.opening': (event, { remote }) => ({
    kind: 'connection.opening',
    message: `${subject(event)} is ${remote ? 'opening' : 'starting'} ${openedFor[event.reason]}`,
    ...place(event),
    data: { reason: event.reason },
  }),
  'connection.ready': (event) => ({
    kind: 'connection.ready',
    message: `${subject(event)} is ready after ${duration(event.connectMs)}`,
    ...place(event),
    data: { connectMs: event.connectMs },
  }),
  'connection.failed': (event, about) => ({
    kind: 'connection.failed',
    level: 'error',
    message: `${subject(event)} could not be used: ${foreign(event.error.message, about)}`,
    ...place(event),
    data: { code: event.error.code },
  }),
  'connection.closing': (event, about) => ({
    kind: 'connection.closing',
    level: unexpected.has(event.reason) ? 'warn' : 'info',
    message: `${subject(event)} is closing: ${closed(event.reason, about)}${cause(event.error, about)}`,
    ...place(event),
    data: { reason: event.reason, ...(event.error && { code: event.error.code }) },
  }),
  'connection.dead': (event, about) => ({
    kind: 'connection.dead',
    level: event.forced || unexpected.has(event.reason) ? 'warn' : 'info',
    message:
      `${subject(event)} ended${ending(event)} after ${duration(event.lifeMs)} and ${counted(event.served, 'request')}` +
      (event.reason === 'killed' ? `; ${closed('killed', about)}` : event.forced ? '; it had to be killed' : ''),
    ...place(event),
    data: {
      reason: event.reason,
      forced: event.forced,
      exitCode: event.exitCode,
      signal: event.signal,
      lifeMs: event.lifeMs,
      served: event.served,
    },
  }),
  'connection.quarantined': (event) => ({
    kind: 'connection.quarantined',
    level: 'error',
    message: `${subject(event)} survived being killed; it no longer counts against the limit, look after it by hand`,
    ...place(event),
  }),
  'lease.leak': (event) => ({
    kind: 'lease.leak',
    level: 'warn',
    message: `${subject(event)} has been held by one request for ${duration(event.heldMs)}`,
    ...place(event),
    data: { heldMs: event.heldMs, stack: event.stack },
  }),
  'lease.revoked': (event) => ({
    kind: 'lease.revoked',
    level: 'error',
    message: `${subject(event)} was taken from a request that held it for ${duration(event.heldMs)}`,
    ...place(event),
    data: { heldMs: event.heldMs },
  }),
  'lease.reclaimed': (event) => ({
    kind: 'lease.reclaimed',
    level: 'error',
    message: `${subject(event)} was taken back from a holder that never released it`,
    ...place(event),
  }),
  'reconnect.scheduled': (event, { remote }) => ({
    kind: 'reconnect.scheduled',
    level: 'warn',
    message: `Attempt ${event.attempt} to ${remote ? 'connect' : 'start'} again follows in ${duration(event.delayMs)}`,
    data: { attempt: event.attempt, delayMs: event.delayMs },
  }),
  'breaker.opened': (event) => ({
    kind: 'breaker.opened',
    level: 'error',
    message: `${counted(event.failures, 'failure')} in a row: requests are refused for ${duration(event.retryAfterMs)}`,
    data: { failures: event.failures, retryAfterMs: event.retryAfterMs },
  }),
  'breaker.half-open': () => ({
    kind: 'breaker.half-open',
    message: 'The next connection shows whether the server is back; until then only one is tried',
  }),
  'breaker.closed': () => ({ kind: 'breaker.closed', message: 'Requests are served again' }),
  'single-shot': () => ({
    kind: 'upstream.single-shot',
    level: 'warn',
    message: 'This program ends after one answer, so each request gets a process of its own',
  }),
  'request.done': (event, about) => ({
    kind: 'request.failed',
    level: event.outcome === 'protocol_error' ? 'warn' : 'error',
    message:
      `${plain(event.method, 80)}${event.tool === null ? '' : ` ${plain(event.tool, 80)}`} failed after ` +
      `${duration(event.totalMs)}: ${event.error ? foreign(event.error.message, about) : event.outcome.replace('_', ' ')}`,
    connectionId: event.connectionId,
    data: {
      method: plain(event.method, 80),
      tool: event.tool === null ? null : plain(event.tool, 80),
      outcome: event.outcome,
      code: event.error?.code ?? null,
      totalMs: event.totalMs,
    },
  }),
} satisfies Describers<UpstreamEvents>

const sessionEnds: Record<GatewayEvents['session.closed']['reason'], string> = {
  deleted: 'it said goodbye',
  idle: 'it was idle for too long',
  evicted: 'it made room for a new one',
  shutdown: 'the host is closing',
}

export const gatewayRecords = {
  'session.opened': (event) => ({
    kind: 'session.opened',
    upstream: event.upstream,
    message: `Session ${event.session} opened by ${
      event.client ? `${plain(event.client.name, 60)} ${plain(event.client.version, 30)}` : 'a client without a name'
    } (${plain(event.protocolVersion, 20)})`,
    data: { session: event.session },
  }),
  'session.closed': (event) => ({
    kind: 'session.closed',
    upstream: event.upstream,
    message:
      `Session ${event.session} closed after ${duration(event.lifeMs)} and ${counted(event.requests, 'request')}: ` +
      sessionEnds[event.reason],
    data: { session: event.session, reason: event.reason },
  }),
} satisfies Describers<GatewayEvents>

/** What happened to an upstream in the host's registry. */
export type RegistryChange = 'added' | 'changed' | 'removed' | 'started' | 'stopped'

export const registryRecords: Record<RegistryChange, NewEvent> = {
  added: { kind: 'upstream.added', message: 'Added' },
  changed: { kind: 'upstream.changed', message: 'Its configuration changed' },
  removed: { kind: 'upstream.removed', message: 'Removed; its connections are closing' },
  started: { kind: 'upstream.started', message: 'Started' },
  stopped: { kind: 'upstream.stopped', message: 'Stopped; its connections are closing' },
}

export const poolRecords = {
  suspended: { kind: 'upstream.suspended', level: 'warn', message: 'Suspended: nobody is served until it is resumed' },
  resumed: { kind: 'upstream.resumed', message: 'Resumed: requests are served again' },
} satisfies Record<string, NewEvent>
export type PoolChange = keyof typeof poolRecords
