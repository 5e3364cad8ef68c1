import { z } from 'zod'

/** Kinds of the event feed. A kind says what happened; `message` says it in a sentence for people. */
export const eventKinds = [
  'host.started',
  'host.closing',
  'gateway.listening',
  'gateway.failed',
  'config.saved',
  'config.rejected',
  'upstream.added',
  'upstream.changed',
  'upstream.removed',
  'upstream.started',
  'upstream.stopped',
  'upstream.suspended',
  'upstream.resumed',
  'upstream.single-shot',
  'connection.opening',
  'connection.ready',
  'connection.failed',
  'connection.closing',
  'connection.dead',
  'connection.quarantined',
  'lease.leak',
  'lease.revoked',
  'lease.reclaimed',
  'reconnect.scheduled',
  'stream.dropped',
  'stream.recovered',
  'stream.stopped',
  'auth.required',
  'auth.started',
  'auth.signed-in',
  'auth.signed-out',
  'auth.failed',
  'breaker.opened',
  'breaker.half-open',
  'breaker.closed',
  'request.failed',
  'session.opened',
  'session.closed',
] as const
export type EventKind = (typeof eventKinds)[number]

export const eventSchema = z.object({
  /** Increases by one for each event of a host's life; used to drop duplicates. */
  id: z.number(),
  at: z.number(),
  kind: z.enum(eventKinds),
  level: z.enum(['info', 'warn', 'error']),
  upstream: z.string().nullable(),
  connectionId: z.string().nullable(),
  pid: z.number().nullable(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
})
export type EventRecord = z.infer<typeof eventSchema>

/** Events kept in the journal, and shown in the feed. */
export const eventsKept = 500
