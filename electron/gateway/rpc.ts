import type { ServerResponse } from 'node:http'
import { AppError, type ErrorCode } from '../../shared/errors.ts'
import type { JsonText, RequestOutcome, UpstreamReply } from '../upstream/types.ts'
import type { SendOptions } from './http/respond.ts'

/**
 * JSON-RPC and MCP error codes. Own constants: importing them from `@modelcontextprotocol/server` costs the host 33 MB of
 * memory and 130 ms of start (measured), and spawning gets slower with the host's size. A test compares them.
 */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** What is wrong with the HTTP side: headers, token, Host, a missing session. The SDKs' servers use it alike. */
  badTransport: -32000,
  sessionNotFound: -32001,
  /** Legacy only: the modern era says invalidParams. */
  resourceNotFound: -32002,
  /** Legacy only: the modern era says `input_required`. */
  urlElicitationRequired: -32042,
  /** Modern: what stands in a header is not what stands in the body. */
  headerMismatch: -32020,
  /** Modern: the client did not declare what the request needs. */
  missingCapability: -32021,
  /** Modern: `data` names what was requested and what is supported. */
  unsupportedVersion: -32022,
} as const

/** An answer that the gateway gives by itself. */
export interface RpcError {
  code: number
  message: string
  data?: Record<string, unknown> | undefined
}

/** Answers with an HTTP status and a JSON-RPC error, and counts the refusal. */
export type Refuse = (
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
  id?: JsonText | null,
  options?: SendOptions & { data?: Record<string, unknown> | undefined },
) => void

export const resultText = (id: JsonText, result: JsonText): JsonText =>
  `{"jsonrpc":"2.0","id":${id},"result":${result}}`

/** The server's own answer under the client's id, byte for byte. */
export const replyText = (id: JsonText, reply: UpstreamReply): JsonText =>
  `{"jsonrpc":"2.0","id":${id},"${reply.kind}":${reply.text}}`

export const errorText = (id: JsonText | null, error: RpcError): JsonText =>
  `{"jsonrpc":"2.0","id":${id ?? 'null'},"error":${JSON.stringify({ code: error.code, message: error.message, data: error.data })}}`

/** When to come back, for refusals that say nothing about it themselves. */
const defaultRetryAfterMs: Partial<Record<ErrorCode, number>> = {
  QUEUE_FULL: 1_000,
  POOL_SUSPENDED: 5_000,
  CIRCUIT_OPEN: 30_000,
}

/** What a person has to do, and where: whoever reads the error sits at another program. */
const remedies: Partial<Record<ErrorCode, string>> = {
  UPSTREAM_UNAUTHORIZED: 'Sign in to this server in Poolscope, or correct the credentials in its configuration there.',
  UPSTREAM_FORBIDDEN:
    'Give Poolscope more rights at this server: other credentials in its configuration, or another account where it is signed in.',
}

/**
 * A failure of ours as a JSON-RPC error. `INVALID_ARGUMENT` is -32602, everything else -32603; `data.code` is the stable
 * code, the rest of `data` are the pool's counts, the cause (`exitCode`, `signal`; `errno`), the last stderr lines. A
 * refusal because of overload (QUEUE_FULL, CIRCUIT_OPEN, POOL_SUSPENDED) carries `retryAfterMs`. It travels with HTTP 200:
 * an SDK client surfaces the JSON-RPC error of a 200, and hides that of a 503 in a transport error. A remote server that
 * refuses us is no 401 or 403 of ours: the client would start a sign-in of its own, with us.
 */
export function toRpcError(thrown: unknown): RpcError {
  if (!(thrown instanceof AppError))
    return { code: rpcCodes.internalError, message: 'Internal error', data: { code: 'INTERNAL' } }
  const { code, message } = thrown
  const remedy = remedies[code]
  return {
    code: code === 'INVALID_ARGUMENT' ? rpcCodes.invalidParams : rpcCodes.internalError,
    message: remedy === undefined || message.includes('Poolscope') ? message : `${sentence(message)} ${remedy}`,
    data: { code, retryAfterMs: defaultRetryAfterMs[code], ...factsOf(thrown.data ?? {}) },
  }
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)

/** Some errors call an exit code, or the code of a system error, `code`; here that is the stable code, as everywhere on the wire. */
function factsOf({ code, ...facts }: Record<string, unknown>): Record<string, unknown> {
  if (typeof code === 'string') return { errno: code, ...facts }
  return typeof code === 'number' || 'signal' in facts ? { exitCode: code, ...facts } : facts
}

const outcomes: Partial<Record<ErrorCode, RequestOutcome>> = {
  ABORTED: 'cancelled',
  ACQUIRE_TIMEOUT: 'timeout',
  CONNECT_TIMEOUT: 'timeout',
  RESPONSE_TIMEOUT: 'timeout',
  DEADLINE_EXCEEDED: 'timeout',
  CONNECTION_LOST: 'lost',
  LINE_TOO_LONG: 'lost',
  LEASE_EXPIRED: 'lost',
}

/** How a failed request counts. */
export const outcomeOf = (thrown: unknown): RequestOutcome =>
  (thrown instanceof AppError ? outcomes[thrown.code] : undefined) ?? 'unavailable'
