import { AppError } from '../../../shared/errors.ts'
import type { EraVerdict } from '../era-verdicts.ts'
import type { ClientInfo } from '../handshake.ts'
import { isRefusal, negotiate, type Opening, ProbeUnanswered } from '../negotiation.ts'
import { initializeParams } from '../revisions.ts'
import type { Handshake } from '../types.ts'
import type { Link } from './link.ts'

/** How messages travel: Streamable HTTP, or the old HTTP+SSE. */
export type LinkKind = 'http' | 'sse'

/** A server that is silent when it is asked what it speaks gets this share of the time, and no more than that. */
const probeShare = 2 / 3
const longestProbeMs = 30_000

export interface Handshaking {
  readonly clientInfo: ClientInfo
  readonly connectTimeoutMs: number
  readonly verdict: EraVerdict
  learn(found: EraVerdict): void
  readonly linkKind: LinkKind
  link(): Link
  /** Gives up the link, and makes one of the other kind. */
  relink(kind: LinkKind): Promise<Link>
  found(kind: LinkKind): void
}

type McpOpening = Exclude<Opening, { era: 'jsonrpc' }>

/**
 * Finds out how a remote server is spoken to (PROTOCOL, section 5; MCP 2025-11-25 and 2026-07-28, "Backwards Compatibility"):
 * a POST of the modern era, then `initialize`, then the stream of the old transport.
 * @throws AppError why it can't be
 */
export async function shakeHands(opening: McpOpening, options: Handshaking): Promise<Handshake> {
  if (options.linkKind === 'sse') return overSse(opening, options, options.link())
  try {
    await options.link().open()
    return await negotiated(opening, options, options.link())
  } catch (error) {
    if (opening.era === 'modern' || !isRefusal(error) || error.code !== 'HTTP_STATUS') throw error
    return await fallBack(opening, options, error)
  }
}

async function fallBack(opening: McpOpening, options: Handshaking, first: AppError): Promise<Handshake> {
  try {
    const handshake = await overSse(opening, options, await options.relink('sse'))
    options.found('sse')
    return handshake
  } catch (second) {
    if (!(second instanceof AppError) || second.code !== 'HTTP_STATUS') throw second
    const { code, message, data } = first
    throw new AppError(code, `${message}; nor does it speak the old HTTP+SSE transport (${second.message})`, data)
  }
}

async function overSse(opening: McpOpening, options: Handshaking, link: Link): Promise<Handshake> {
  await link.open()
  if (opening.era !== 'unknown') return negotiated(opening, options, link)
  // The transport is older than the modern era.
  options.learn({ modern: false })
  return negotiated(asLegacy(options), options, link)
}

async function negotiated(opening: McpOpening, options: Handshaking, link: Link): Promise<Handshake> {
  const { clientInfo, connectTimeoutMs, verdict, learn } = options
  const probeTimeoutMs = Math.min(longestProbeMs, connectTimeoutMs * probeShare)
  const negotiation = { channel: link.channel, clientInfo, probeTimeoutMs, verdict, learn }
  try {
    return await negotiate(opening, negotiation)
  } catch (error) {
    if (!(error instanceof ProbeUnanswered)) throw error
    const handshake = await negotiate(asLegacy(options), negotiation)
    // It answers, and was silent when it was asked what only modern servers know.
    learn({ modern: false })
    return handshake
  }
}

const asLegacy = ({ clientInfo }: Handshaking): McpOpening => ({
  era: 'legacy',
  initialize: initializeParams(clientInfo, '{}'),
  own: false,
})
