import { AppError } from '../../shared/errors.ts'
import type { Channel } from './channel.ts'
import type { EraVerdict } from './era-verdicts.ts'
import { type ClientInfo, discover, initialize, Refused } from './handshake.ts'
import { initializeParams, namesLegacy, newestShared } from './revisions.ts'
import type { Era, Handshake, JsonText } from './types.ts'

/** How a new process is spoken to first. */
export type Opening =
  /** Plain JSON-RPC: there is no handshake. */
  | { era: 'jsonrpc' }
  /** @property initialize its params; @property own a client's own session, which says `initialized` itself */
  | { era: 'legacy'; initialize: JsonText; own: boolean }
  | { era: 'modern' }
  /** It is to be found out. @property wanted what the process should speak, if the server does */
  | { era: 'unknown'; wanted: Era }

export interface Negotiation {
  channel: Channel
  clientInfo: ClientInfo
  /** How long a server may be silent when it is asked `server/discover`. */
  probeTimeoutMs: number
  /** What is known of the server. */
  verdict: EraVerdict
  learn(found: EraVerdict): void
}

/** Errors of the modern era alone: HeaderMismatch, MissingRequiredClientCapability (MCP 2026-07-28). */
const modernCodes: ReadonlySet<unknown> = new Set([-32020, -32021])

/** Statuses of HTTP that say nothing about what a server speaks (PROTOCOL, section 5). */
const silentStatuses: ReadonlySet<unknown> = new Set([401, 403, 408, 425, 429])

/** Whether a server does not take what it was asked: an error of its own, or over HTTP a status such as 400, 404 and 405. */
export function isRefusal(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false
  if (error.code === 'HANDSHAKE_FAILED') return true
  const status = error.code === 'HTTP_STATUS' ? Number(error.data?.status) : 0
  return status >= 400 && status < 500 && !silentStatuses.has(status)
}

/** A server that does not take `server/discover` well: its process is stopped, and another one is initialized. */
export class ProbeUnanswered extends AppError {
  constructor(cause: unknown) {
    super(
      'HANDSHAKE_FAILED',
      'the server did not answer server/discover; it is started anew and initialized',
      undefined,
      {
        cause,
      },
    )
  }
}

/**
 * The handshake of a new connection (PROTOCOL, section 4).
 * @throws AppError HANDSHAKE_FAILED, {@link ProbeUnanswered}, or what the channel failed with
 */
export function negotiate(how: Exclude<Opening, { era: 'jsonrpc' }>, negotiation: Negotiation): Promise<Handshake> {
  if (how.era === 'legacy') return asLegacy(negotiation, how.initialize, how.own)
  if (how.era === 'modern') return asModern(negotiation)
  return probe(negotiation, how.wanted)
}

async function asLegacy(
  { channel, clientInfo, learn }: Negotiation,
  params: JsonText = initializeParams(clientInfo, '{}'),
  own = false,
): Promise<Handshake> {
  try {
    const handshake = await initialize(channel, params)
    learn({ legacy: true })
    if (!own) channel.notify('notifications/initialized')
    return handshake
  } catch (error) {
    if (error instanceof Refused && error.supported) learn({ legacy: namesLegacy(error.supported), modern: true })
    throw error
  }
}

async function asModern({ channel, clientInfo, learn }: Negotiation): Promise<Handshake> {
  try {
    const handshake = await discovered(channel, clientInfo, Number.POSITIVE_INFINITY)
    learn({ modern: true })
    return handshake
  } catch (error) {
    const isItsOwn = error instanceof Refused || (isRefusal(error) && error.code === 'HTTP_STATUS')
    if (isItsOwn && !isModernRefusal(error)) learn({ modern: false })
    throw error
  }
}

async function probe(negotiation: Negotiation, wanted: Era): Promise<Handshake> {
  const { channel, clientInfo, probeTimeoutMs, verdict, learn } = negotiation
  let modern: Handshake
  let namesNoLegacy = false
  try {
    modern = await discovered(channel, clientInfo, probeTimeoutMs, (supported) => {
      namesNoLegacy = !namesLegacy(supported)
      learn({ modern: true, legacy: !namesNoLegacy })
    })
  } catch (error) {
    if (error instanceof AppError && error.code === 'RESPONSE_TIMEOUT') throw new ProbeUnanswered(error)
    // A later revision of the modern era, and none of ours.
    if (error instanceof Refused && error.supported && !namesLegacy(error.supported)) throw error
    if (!isRefusal(error) || (error instanceof Refused && modernCodes.has(error.rpcCode))) throw error
    learn({ modern: false })
    return asLegacy(negotiation)
  }
  learn({ modern: true })
  if (wanted === 'modern' || verdict.legacy === false || namesNoLegacy) return modern
  // A server of both eras takes `initialize` as long as it was asked nothing else.
  try {
    return await asLegacy(negotiation)
  } catch (error) {
    if (!isRefusal(error)) throw error
    learn({ legacy: false })
    return modern
  }
}

/**
 * Asks again where the server refused the revision and names it among those that it speaks: the next request has one that
 * it supports (MCP 2026-07-28, versioning).
 * @param named told of the revisions that such a server names
 */
async function discovered(
  channel: Channel,
  clientInfo: ClientInfo,
  timeoutMs: number,
  named?: (supported: string[]) => void,
): Promise<Handshake> {
  try {
    return await discover(channel, clientInfo, timeoutMs)
  } catch (error) {
    if (!(error instanceof Refused) || newestShared(error.supported ?? []) === undefined) throw error
    named?.(error.supported ?? [])
    return discover(channel, clientInfo, timeoutMs)
  }
}

/** The server speaks the modern era, and takes something else amiss. */
const isModernRefusal = (error: AppError): boolean =>
  error instanceof Refused && (error.supported !== undefined || modernCodes.has(error.rpcCode))
