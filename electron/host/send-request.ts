import type { CommandArg, CommandResult } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import { modernMeta } from '../upstream/revisions.ts'
import type { Upstream } from '../upstream/types.ts'

/** The methods that belong to the handshake; a second one would confuse a process that others share. */
const handshakeMethods = new Set(['initialize', 'notifications/initialized'])

type Sent = Omit<CommandArg<'request.send'>, 'upstream'>

/**
 * One request of a person or a script, in the era that the server speaks: they need not know which.
 * @throws AppError INVALID_ARGUMENT, or what the upstream throws
 */
export async function sendRequest(
  upstream: Upstream,
  clientInfo: { name: string; version: string },
  { method, params, timeoutMs }: Sent,
): Promise<CommandResult<'request.send'>> {
  if (handshakeMethods.has(method)) {
    throw new AppError('INVALID_ARGUMENT', `${method} belongs to the handshake, which the pool has made already`, {
      method,
    })
  }
  const startedAt = performance.now()
  const timeouts = timeoutMs === undefined ? undefined : { requestTimeoutMs: timeoutMs }
  const era = upstream.config.protocol === 'jsonrpc' ? undefined : await upstream.eraFor('legacy', { timeouts })
  const sent = era === 'modern' ? withEnvelope(params, clientInfo) : params
  const leftMs = timeoutMs && Math.max(1, timeoutMs - Math.round(performance.now() - startedAt))
  const reply = await upstream.request({
    method,
    params: sent && JSON.stringify(sent),
    timeouts: leftMs === undefined ? undefined : { requestTimeoutMs: leftMs },
    profile: era && { era, capabilities: '{}' },
  })
  const { connectionId, pid, timing } = reply
  return {
    [reply.kind]: JSON.parse(reply.text) as unknown,
    connectionId,
    pid,
    queueMs: timing.queueMs,
    callMs: timing.callMs,
  }
}

/** What a request of the modern era says of its client (MCP 2026-07-28, basic); the caller's own words win. */
function withEnvelope(params: Sent['params'], clientInfo: { name: string; version: string }): Record<string, unknown> {
  const own = params?._meta
  const envelope = JSON.parse(modernMeta(clientInfo)) as Record<string, unknown>
  return { ...params, _meta: { ...envelope, ...(typeof own === 'object' ? own : {}) } }
}
