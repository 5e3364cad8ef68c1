import { isLogLevel, type LogLevel } from '../log-level.ts'
import { isObject } from '../message.ts'

/** The one revision of the modern era that there is. */
export const modernVersion = '2026-07-28'
export const modernVersions: readonly string[] = [modernVersion]

/**
 * Whether a revision belongs to the modern era, known to us or not. Revisions compare as text; what is no date at all
 * (`v999.0.0`) sorts behind, and is refused as unsupported, as the SDK does it.
 */
export const isModernVersion = (version: string): boolean => version >= modernVersion

/** Keys of `_meta` that the protocol reserves (specification 2026-07-28, "Per-request metadata"). */
export const metaPrefix = 'io.modelcontextprotocol/'
export const metaKeys = {
  protocolVersion: `${metaPrefix}protocolVersion`,
  clientInfo: `${metaPrefix}clientInfo`,
  clientCapabilities: `${metaPrefix}clientCapabilities`,
  logLevel: `${metaPrefix}logLevel`,
  serverInfo: `${metaPrefix}serverInfo`,
  subscriptionId: `${metaPrefix}subscriptionId`,
} as const

/** What every modern request says of its client. */
export interface Envelope {
  protocolVersion: string
  capabilities: Record<string, unknown>
  logLevel: LogLevel | undefined
}

export interface EnvelopeIssue {
  key: string
  problem: string
}

/** `params._meta`, when it is an object. */
export function metaOf(params: unknown): Record<string, unknown> | undefined {
  const meta = isObject(params) ? params._meta : undefined
  return isObject(meta) ? meta : undefined
}

/** A message is of the modern era when its `_meta` has the version's key, whatever stands there. */
export const claimsModern = (meta: Record<string, unknown> | undefined): meta is Record<string, unknown> =>
  meta !== undefined && metaKeys.protocolVersion in meta

const required = [metaKeys.protocolVersion, metaKeys.clientCapabilities] as const

/** The required keys that are missing. */
export const missingKeys = (meta: Record<string, unknown>): string[] => required.filter((key) => !(key in meta))

/** The first thing that is wrong with an envelope: what is missing before what is malformed. */
export function envelopeIssue(meta: Record<string, unknown>): EnvelopeIssue | undefined {
  const [missing] = missingKeys(meta)
  if (missing) return { key: missing, problem: 'missing' }
  if (typeof meta[metaKeys.protocolVersion] !== 'string')
    return { key: metaKeys.protocolVersion, problem: 'expected a protocol version string' }
  if (!isObject(meta[metaKeys.clientCapabilities]))
    return { key: metaKeys.clientCapabilities, problem: 'expected an object' }
  const info = meta[metaKeys.clientInfo]
  if (info !== undefined && !(isObject(info) && typeof info.name === 'string' && typeof info.version === 'string'))
    return { key: metaKeys.clientInfo, problem: 'expected an object with name and version' }
  const level = meta[metaKeys.logLevel]
  if (level !== undefined && !isLogLevel(level)) return { key: metaKeys.logLevel, problem: 'expected a log level' }
  return undefined
}

/** @param meta without issues */
export function readEnvelope(meta: Record<string, unknown>): Envelope {
  const level = meta[metaKeys.logLevel]
  return {
    protocolVersion: String(meta[metaKeys.protocolVersion]),
    capabilities: meta[metaKeys.clientCapabilities] as Record<string, unknown>,
    logLevel: isLogLevel(level) ? level : undefined,
  }
}

/** Methods whose results a client may keep for a while: they carry `ttlMs` and `cacheScope`. */
export const cacheableMethods: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'server/discover',
])

/** Methods that a server may answer with `input_required`. */
export const inputMethods: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])
