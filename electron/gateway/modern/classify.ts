import { type Call, headerOf } from '../call.ts'
import type { ClientMessage, ClientNotification, ClientRequest } from '../message.ts'
import { isObject } from '../message.ts'
import { rpcCodes } from '../rpc.ts'
import {
  claimsModern,
  type Envelope,
  envelopeIssue,
  isModernVersion,
  metaKeys,
  metaOf,
  missingKeys,
  modernVersions,
  readEnvelope,
} from './envelope.ts'
import { decodeHeader, trimOws } from './headers.ts'

/** Why a request is not served: an HTTP status and a JSON-RPC error. */
export interface Refusal {
  status: number
  code: number
  message: string
  data?: Record<string, unknown> | undefined
}

export type Classified =
  | { era: 'legacy' }
  | { era: 'modern'; envelope: Envelope | undefined }
  | { era: 'refused'; refusal: Refusal }

const legacy: Classified = { era: 'legacy' }

/**
 * Which era a message belongs to: its body decides, and headers are only compared with it. Follows the SDK's
 * `classifyInboundRequest` and `validateStandardRequestHeaders` step by step (a test compares the verdicts); own code,
 * because it runs for each request and the SDK's costs more than the relay (PROTOCOL, section 6).
 */
export function classify(message: ClientMessage, headers: Call['headers']): Classified {
  if (message.kind === 'response' || message.kind === 'invalid') return legacy
  const meta = metaOf(message.paramsValue)
  const version = standardHeader(headers, 'mcp-protocol-version')
  const claims = claimsModern(meta)
  if (!claims && (version === undefined || !isModernVersion(version))) return legacy
  return message.kind === 'request'
    ? classifyRequest(message, meta, claims, version, headers)
    : classifyNotification(message, meta, claims, version, headers)
}

/** GET and DELETE have no body; a client that names a modern revision does not mean a session. */
export function isModernHeader(headers: Call['headers']): boolean {
  const version = standardHeader(headers, 'mcp-protocol-version')
  return version !== undefined && isModernVersion(version)
}

function classifyRequest(
  request: ClientRequest,
  meta: Record<string, unknown> | undefined,
  claims: boolean,
  version: string | undefined,
  headers: Call['headers'],
): Classified {
  const issue = meta && claims ? envelopeIssue(meta) : undefined
  const claimed = claims ? meta?.[metaKeys.protocolVersion] : undefined
  if (request.method === 'initialize' && !(claims && !issue && isModernVersion(String(claimed)))) {
    if (version === undefined || !isModernVersion(version)) return legacy
    return refused(
      mismatchOf(version, 'an initialize request (legacy handshake) names a modern revision in its header'),
    )
  }
  if (!meta || !claims) {
    const absent = meta ? missingKeys(meta) : ['_meta']
    return refused(
      invalidEnvelope(`the MCP-Protocol-Version header names ${version}, but the request lacks ${absent.join(', ')}`, {
        missing: absent,
      }),
    )
  }
  if (issue) return refused(invalidEnvelope(`${issue.key}: ${issue.problem}`, { ...issue }))
  const envelope = readEnvelope(meta)
  const refusal = requestRefusal(request, envelope.protocolVersion, version, headers)
  return refusal ? refused(refusal) : { era: 'modern', envelope }
}

/** Notifications need no envelope, and no headers; what is there must not contradict itself. */
function classifyNotification(
  { method }: ClientNotification,
  meta: Record<string, unknown> | undefined,
  claims: boolean,
  version: string | undefined,
  headers: Call['headers'],
): Classified {
  const claimed = claims ? meta?.[metaKeys.protocolVersion] : version
  if (typeof claimed !== 'string')
    return refused(invalidEnvelope(`${metaKeys.protocolVersion}: expected a protocol version string`))
  const named = standardHeader(headers, 'mcp-method')
  if (version !== undefined && version !== claimed) return refused(versionMismatch(claimed, version))
  if (isModernVersion(claimed) && named !== undefined && named !== method) return refused(methodMismatch(method, named))
  const unsupported = unsupportedVersion(claimed)
  return unsupported ? refused(unsupported) : { era: 'modern', envelope: undefined }
}

function unsupportedVersion(requested: string): Refusal | undefined {
  if (modernVersions.includes(requested)) return undefined
  const supported = [...modernVersions]
  const message = `Unsupported protocol version: ${requested} (supported: ${supported.join(', ')})`
  return { status: 400, code: rpcCodes.unsupportedVersion, message, data: { supported, requested } }
}

/** What contradicts the body comes first, then an unknown revision, then what is missing, as in the SDK. */
function requestRefusal(
  { method, paramsValue }: ClientRequest,
  claimed: string,
  version: string | undefined,
  headers: Call['headers'],
): Refusal | undefined {
  if (version !== undefined && version !== claimed) return versionMismatch(claimed, version)
  const named = standardHeader(headers, 'mcp-method')
  if (named !== undefined && named !== method) return methodMismatch(method, named)
  const unsupported = unsupportedVersion(claimed)
  if (unsupported) return unsupported
  if (version === undefined)
    return mismatchOf(
      missing,
      `the body names protocol version ${claimed}, and there is no MCP-Protocol-Version header`,
    )
  if (named === undefined)
    return mismatchOf(missing, `the body names method ${method}, and there is no Mcp-Method header`)
  return nameRefusal(method, paramsValue, headers)
}

/** The member of `params` that the Mcp-Name header repeats. */
const nameSources = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

function nameRefusal(method: string, params: unknown, headers: Call['headers']): Refusal | undefined {
  const source = nameSources.get(method)
  if (source === undefined) return undefined
  const body = isObject(params) ? params[source] : undefined
  const name = standardHeader(headers, 'mcp-name')
  if (name === undefined) {
    if (typeof body !== 'string') return undefined
    return mismatchOf(missing, `the body names params.${source} "${body}", and there is no Mcp-Name header`)
  }
  const decoded = decodeHeader(name)
  if (decoded === undefined) return mismatchOf(name, 'the Mcp-Name header is not valid Base64 between =?base64? and ?=')
  if (typeof body === 'string' && decoded !== body)
    return mismatchOf(name, `the body names params.${source} "${body}", and the Mcp-Name header "${decoded}"`)
  return undefined
}

const missing = '(missing)'

const versionMismatch = (claimed: string, version: string): Refusal =>
  mismatchOf(version, `the body names protocol version ${claimed}, and the MCP-Protocol-Version header ${version}`)

const methodMismatch = (method: string, named: string): Refusal =>
  mismatchOf(named, `the body names method ${method}, and the Mcp-Method header ${named}`)

function standardHeader(headers: Call['headers'], name: string): string | undefined {
  const value = headerOf(headers, name)
  return value === undefined ? undefined : trimOws(value)
}

/** @param header what stands there, @param body what the body says about it */
export const mismatchOf = (header: string, body: string): Refusal => ({
  status: 400,
  code: rpcCodes.headerMismatch,
  message: `The request's headers and its body disagree: ${body}`,
  data: { mismatch: { header, body } },
})

const invalidEnvelope = (problem: string, envelope?: Record<string, unknown>): Refusal => ({
  status: 400,
  code: rpcCodes.invalidParams,
  message: `Invalid _meta envelope: ${problem}`,
  data: envelope && { envelope },
})

const refused = (refusal: Refusal): Classified => ({ era: 'refused', refusal })
