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

/**
 * A failure of ours as a JSON-RPC error. `INVALID_ARGUMENT` is -32602, everything else -32603; `data.code` is the stable
 * code, the rest of `data` are the pool's counts, the cause (`exitCode`, `signal`), the last stderr lines. A refusal because of overload
 * (QUEUE_FULL, CIRCUIT_OPEN, POOL_SUSPENDED) carries `retryAfterMs`. It travels with HTTP 200: an SDK client surfaces the
 * JSON-RPC error of a 200, and hides that of a 503 in a transport error.
 */
export function toRpcError(thrown: unknown): RpcError {
  if (!(thrown instanceof AppError))
    return { code: rpcCodes.internalError, message: 'Internal error', data: { code: 'INTERNAL' } }
  // A lost connection calls its exit code `code`; here that is the stable code, as everywhere on the wire.
  const { code: exitCode, ...data } = thrown.data ?? {}
  return {
    code: thrown.code === 'INVALID_ARGUMENT' ? rpcCodes.invalidParams : rpcCodes.internalError,
    message: thrown.message,
    data: { code: thrown.code, retryAfterMs: defaultRetryAfterMs[thrown.code], exitCode, ...data },
  }
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
