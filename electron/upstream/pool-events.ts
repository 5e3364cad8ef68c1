import type { Emitter } from '../kit/emitter.ts'
import type { PoolEvents } from '../pool/events.ts'
import type { UpstreamConnection } from './connection-types.ts'
import type { UpstreamEvents } from './types.ts'

/** What a pool tells in the same words as an upstream. */
const sameWords = [
  'changed',
  'acquire.settled',
  'lease.leak',
  'lease.revoked',
  'lease.reclaimed',
  'reconnect.scheduled',
  'reconnect.attempt',
  'breaker.opened',
  'breaker.half-open',
  'breaker.closed',
  'maintenance.error',
] as const satisfies readonly (keyof PoolEvents & keyof UpstreamEvents)[]

/**
 * Tells what a pool tells as the upstream's own, with what is known of the processes.
 * @param connection looks up a connection that is not dead yet
 */
export function forwardPoolEvents(
  pool: Emitter<PoolEvents>,
  upstream: Emitter<UpstreamEvents>,
  connection: (connectionId: string) => UpstreamConnection | undefined,
): void {
  const forward = <K extends (typeof sameWords)[number]>(name: K) =>
    pool.on(name, (payload) => upstream.emit(name, payload as UpstreamEvents[K]))
  for (const name of sameWords) forward(name)
  const pidOf = (connectionId: string) => connection(connectionId)?.pid ?? null
  pool.on('connection.opening', (told) =>
    upstream.emit('connection.opening', { ...told, pid: pidOf(told.connectionId) }),
  )
  pool.on('connection.ready', (told) => {
    const spawnBlockedMs = connection(told.connectionId)?.spawnBlockedMs ?? 0
    upstream.emit('connection.ready', { ...told, pid: pidOf(told.connectionId), spawnBlockedMs })
  })
  pool.on('connection.failed', (told) => upstream.emit('connection.failed', { ...told, pid: pidOf(told.connectionId) }))
  pool.on('connection.closing', (told) =>
    upstream.emit('connection.closing', { ...told, pid: pidOf(told.connectionId) }),
  )
  pool.on('connection.quarantined', (told) =>
    upstream.emit('connection.quarantined', { ...told, pid: pidOf(told.connectionId) }),
  )
  pool.on('connection.dead', ({ connectionId, reason, lifeMs }) => {
    const ended = connection(connectionId)
    const { forced, exitCode, signal } = ended?.end ?? { forced: false, exitCode: null, signal: null }
    upstream.emit('connection.dead', {
      connectionId,
      pid: ended?.pid ?? null,
      reason,
      forced,
      exitCode,
      signal,
      lifeMs,
      served: ended?.served ?? 0,
    })
  })
}
