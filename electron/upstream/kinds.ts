import type { UpstreamConfig } from '../../shared/config.ts'
import type { EraVerdict } from './era-verdicts.ts'
import type { ClientInfo } from './handshake.ts'
import type { Opening } from './negotiation.ts'
import { initializeParams } from './revisions.ts'
import type { Era, Handshake, JsonText, ProcessProfile } from './types.ts'

/** Kinds of connections in the pool of one upstream: whom their processes may serve. */
export const modernKind = 'modern'
export const legacyKind = 'legacy'
const withCapabilities = 'legacy '
const sessionPrefix = 'session '
const probePrefix = 'probe '

/** The same text each time: kinds are compared for each request. */
const kinds = new Map<JsonText, string>()
const kindsKept = 256

/** The kind of the connections that may serve a profile. */
export function kindOf({ era, capabilities }: ProcessProfile): string {
  if (era === 'modern') return modernKind
  if (capabilities === '{}') return legacyKind
  let kind = kinds.get(capabilities)
  if (kind === undefined) {
    if (kinds.size >= kindsKept) kinds.clear()
    kind = withCapabilities + capabilities
    kinds.set(capabilities, kind)
  }
  return kind
}

/** The kind of a connection that is to find out what the server speaks. */
export const probeKind = (wanted: Era): string => probePrefix + wanted

/** The kind that a shared connection without capabilities turned out to be. */
export const kindAfter = ({ era }: Handshake): string => (era === 'modern' ? modernKind : legacyKind)

/** What is asked for without a profile. */
export function defaultKind({ protocol }: UpstreamConfig): string {
  if (protocol === 'jsonrpc') return ''
  return protocol === 'modern' ? modernKind : legacyKind
}

/** The kind of the connection of a client's own session: no other has it. */
export const sessionKind = (number: number): string => sessionPrefix + number
export const isSessionKind = (kind: string): boolean => kind.startsWith(sessionPrefix)

/** @param initialize the client's own params; absent for a modern client */
export const sessionOpening = (initialize: JsonText | undefined): Opening =>
  initialize === undefined ? { era: 'modern' } : { era: 'legacy', initialize, own: true }

/**
 * How to open a connection of this kind, and what it is then: undefined when that has to be found out, or when the kind
 * says it.
 */
export function openingOf(
  kind: string,
  config: UpstreamConfig,
  verdict: EraVerdict,
  clientInfo: ClientInfo,
): { opening: Opening; kind?: string } {
  if (config.protocol === 'jsonrpc') return { opening: { era: 'jsonrpc' } }
  const legacy = (capabilities: JsonText): Opening => ({
    era: 'legacy',
    initialize: initializeParams(clientInfo, capabilities),
    own: false,
  })
  if (kind.startsWith(withCapabilities)) return { opening: legacy(kind.slice(withCapabilities.length)) }
  const settled = kind === modernKind || kind === legacyKind ? kind : settledKind(kind, config, verdict)
  if (settled === modernKind) return { opening: { era: 'modern' }, kind: modernKind }
  if (settled === legacyKind) return { opening: legacy('{}'), kind: legacyKind }
  return { opening: { era: 'unknown', wanted: kind === probeKind('modern') ? 'modern' : 'legacy' } }
}

/** Nobody asked for an era, or for a probe: what is known already need not be found out. */
function settledKind(kind: string, { protocol }: UpstreamConfig, { modern, legacy }: EraVerdict): string | undefined {
  if (protocol === 'modern') return modernKind
  if (protocol === 'legacy' || modern === false) return legacyKind
  if (kind === probeKind('modern')) return modern ? modernKind : undefined
  if (legacy === true) return legacyKind
  return modern && legacy === false ? modernKind : undefined
}
