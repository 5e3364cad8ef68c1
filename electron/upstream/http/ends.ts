import { AppError } from '../../../shared/errors.ts'
import type { CloseReason } from '../../../shared/state.ts'

/** Why we ended a session under a request. Other reasons wait until it is free. */
const words: Partial<Record<CloseReason, string>> = {
  killed: 'was ended by a person',
  shutdown: 'was ended because the host shuts down',
  'upstream-removed': 'was ended because its upstream was stopped, changed or removed',
}

/** We ended it: CONNECTION_LOST, or LEASE_EXPIRED when the request had held it for too long. */
export function closedBecause(connectionId: string, reason: CloseReason | undefined): AppError {
  if (reason === 'lease-revoked') {
    const message = 'the request held its connection for longer than pool.maxLeaseMs, and it was taken away'
    return new AppError('LEASE_EXPIRED', message, { connectionId })
  }
  const what = (reason && words[reason]) ?? `was ended by the pool (${reason ?? 'closed'})`
  return new AppError('CONNECTION_LOST', `the session with the server ${what}`, {
    connectionId,
    closeReason: reason ?? null,
  })
}

export function connectTimedOut(connectTimeoutMs: number): AppError {
  return new AppError(
    'CONNECT_TIMEOUT',
    `the server did not complete the MCP handshake within ${connectTimeoutMs} ms; is the URL that of an MCP server, or does timeouts.connectTimeoutMs have to be longer?`,
    { connectTimeoutMs },
  )
}
