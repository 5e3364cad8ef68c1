import { AppError } from '../../../shared/errors.ts'
import { spanAt, splice } from '../../upstream/envelope.ts'
import type { Handshake, JsonText } from '../../upstream/types.ts'
import { memberOf } from '../json/members.ts'
import { type ClientRequest, isObject } from '../message.ts'
import { negotiate } from './versions.ts'

/** What a client says in `initialize`. */
export interface Introduction {
  /** The text of its params. */
  params: JsonText
  /** The text of its clientInfo. */
  info: JsonText | undefined
  protocolVersion: string
  client: { name: string; version: string } | null
  capabilities: Record<string, unknown>
}

/** @throws AppError INVALID_ARGUMENT without a protocolVersion; the rest is taken as it comes, as SDK servers do */
export function readIntroduction(request: ClientRequest): Introduction {
  const params = isObject(request.paramsValue) ? request.paramsValue : {}
  if (typeof params.protocolVersion !== 'string')
    throw new AppError('INVALID_ARGUMENT', 'initialize needs params.protocolVersion, a string')
  const { name, version } = isObject(params.clientInfo) ? params.clientInfo : {}
  const text = request.params ?? '{}'
  return {
    params: text,
    info: isObject(params.clientInfo) ? memberOf(text, 'clientInfo') : undefined,
    protocolVersion: params.protocolVersion,
    client: typeof name === 'string' ? { name, version: typeof version === 'string' ? version : '' } : null,
    capabilities: isObject(params.capabilities) ? params.capabilities : {},
  }
}

/** The server's InitializeResult, byte for byte except for the revision that this client gets. */
export function initializeResultFor(
  handshake: Handshake,
  asked: string,
): { protocolVersion: string; result: JsonText } {
  const protocolVersion = negotiate(asked, handshake.protocolVersion)
  const result = handshake.initializeResult
  const span = spanAt(result, ['protocolVersion'])
  if (protocolVersion === handshake.protocolVersion || !span) return { protocolVersion, result }
  return { protocolVersion, result: splice(result, span, JSON.stringify(protocolVersion)) }
}
