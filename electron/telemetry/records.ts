import type { ErrorShape } from '../../shared/errors.ts'
import type { EventKind } from '../../shared/events.ts'
import type { CloseReason, OpenReason } from '../../shared/state.ts'
import type { GatewayEvents } from '../gateway/types.ts'
import type { UpstreamEvents } from '../upstream/types.ts'
import type { NewEvent } from './journal.ts'
import { counted, duration, plain } from './text.ts'
import type { Suppressed, ThrottlePolicy } from './throttle.ts'

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

const unexpected: ReadonlySet<CloseReason> = new Set([
  'unhealthy',
  'exited',
  'write-failed',
  'protocol-error',
  'lease-revoked',
  'connect-failed',
])

const subject = (event: { connectionId: string; pid?: number | null }) =>
  event.pid === null || event.pid === undefined ? `Connection ${plain(event.connectionId, 40)}` : `Process ${event.pid}`
const place = (event: { connectionId: string; pid?: number | null }) => ({
  connectionId: event.connectionId,
  pid: event.pid ?? null,
})

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

/** Masks the upstream's secrets in a text of foreign origin. */
export type Redact = (text: string) => string
type Describers<E> = { [K in keyof E]?: (event: E[K], redact: Redact) => NewEvent }

/** Secrets go before the text is cut, so that no half of one is left at the end; megabytes are not searched. */
const reason = (error: ErrorShape, redact: Redact) => plain(redact(error.message.slice(0, 16_384)))

export const upstreamRecords = {
  'connection.opening': (event) => ({
    kind: 'connection.opening',
    message: `${subject(event)} is starting ${openedFor[event.reason]}`,
    ...place(event),
    data: { reason: event.reason },
  }),
  'connection.ready': (event) => ({
    kind: 'connection.ready',
    message: `${subject(event)} is ready after ${duration(event.connectMs)}`,
    ...place(event),
    data: { connectMs: event.connectMs },
  }),
  'connection.failed': (event, redact) => ({
    kind: 'connection.failed',
    level: 'error',
    message: `${subject(event)} could not be used: ${reason(event.error, redact)}`,
    ...place(event),
    data: { code: event.error.code },
  }),
  'connection.closing': (event) => ({
    kind: 'connection.closing',
    level: unexpected.has(event.reason) ? 'warn' : 'info',
    message: `${subject(event)} is closing: ${closedFor[event.reason]}`,
    ...place(event),
    data: { reason: event.reason, ...(event.error && { code: event.error.code }) },
  }),
  'connection.dead': (event) => ({
    kind: 'connection.dead',
    level: event.forced || unexpected.has(event.reason) ? 'warn' : 'info',
    message:
      `${subject(event)} ended${ending(event)} after ${duration(event.lifeMs)} and ${counted(event.served, 'request')}` +
      (event.reason === 'killed' ? '; a person killed it' : event.forced ? '; it had to be killed' : ''),
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
  'reconnect.scheduled': (event) => ({
    kind: 'reconnect.scheduled',
    level: 'warn',
    message: `Attempt ${event.attempt} to start again follows in ${duration(event.delayMs)}`,
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
    message: 'One connection is tried to see whether the server is back',
  }),
  'breaker.closed': () => ({ kind: 'breaker.closed', message: 'Requests are served again' }),
  'single-shot': () => ({
    kind: 'upstream.single-shot',
    level: 'warn',
    message: 'This program ends after one answer, so each request gets a process of its own',
  }),
  'request.done': (event, redact) => ({
    kind: 'request.failed',
    level: event.outcome === 'protocol_error' ? 'warn' : 'error',
    message:
      `${plain(event.method, 80)}${event.tool === null ? '' : ` ${plain(event.tool, 80)}`} failed after ` +
      `${duration(event.totalMs)}: ${event.error ? reason(event.error, redact) : event.outcome.replace('_', ' ')}`,
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

/** A failing server fails in bursts: show the first of each second. */
const failures: ThrottlePolicy = { limit: 5, windowMs: 1_000 }
/**
 * With prespawn every request starts and ends a process. Ten of a kind show what is going on; more would push the
 * interesting events out of the journal within seconds.
 */
const lifecycle: ThrottlePolicy = { limit: 10, windowMs: 10_000 }

export function throttlePolicy(kind: EventKind): ThrottlePolicy {
  return kind === 'request.failed' ? failures : lifecycle
}

const pluralOf: Partial<Record<EventKind, string>> = {
  'request.failed': 'requests failed',
  'connection.opening': 'connections were started',
  'connection.ready': 'connections became ready',
  'connection.failed': 'connections could not be used',
  'connection.closing': 'connections were closed',
  'connection.dead': 'connections ended',
  'session.opened': 'sessions were opened',
  'session.closed': 'sessions were closed',
}

/** The record that stands for events which were held back. */
export function suppressedRecord({ upstream, kind, count, level }: Suppressed): NewEvent {
  const what = pluralOf[kind] ?? `events of the kind ${kind}`
  return {
    kind,
    level,
    upstream,
    message: `${count} more ${what}`,
    data: { suppressed: count },
  }
}
