/**
 * Error codes that cross rooms and processes. Stable: users' scripts match on them.
 *
 * The first group comes from the pool and its connections (POOL semantics), the second from commands and config.
 */
export const ERROR_CODES = [
  'ACQUIRE_TIMEOUT',
  'QUEUE_FULL',
  'SPAWN_FAILED',
  'CONNECT_TIMEOUT',
  'HANDSHAKE_FAILED',
  'RESPONSE_TIMEOUT',
  'DEADLINE_EXCEEDED',
  'CONNECTION_LOST',
  'CONNECT_FAILED',
  'TLS_FAILED',
  'HTTP_STATUS',
  'UPSTREAM_UNAUTHORIZED',
  'UPSTREAM_FORBIDDEN',
  'CIRCUIT_OPEN',
  'LEASE_EXPIRED',
  'LINE_TOO_LONG',
  'STDIN_OVERFLOW',
  'POOL_SUSPENDED',
  'POOL_CLOSED',
  'ABORTED',
  'CONFIG_INVALID',
  'CONFIG_UNWRITABLE',
  'ADDRESS_IN_USE',
  'USER_DATA_IN_USE',
  'INVALID_ARGUMENT',
  'UNAUTHORIZED',
  'COMMAND_NOT_FOUND',
  'UPSTREAM_NOT_FOUND',
  'UPSTREAM_EXISTS',
  'UPSTREAM_UNSUPPORTED',
  'CONNECTION_NOT_FOUND',
  'HOST_UNREACHABLE',
  'INTERNAL',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** How an error looks on the wire (IPC and HTTP): `{code, message, data}`. */
export interface ErrorShape {
  code: ErrorCode
  message: string
  data?: Record<string, unknown> | undefined
}

/**
 * An error that a user can act on. `message` says what happened and what to do; `data` is plain JSON
 * (pool counts, exit code, last stderr lines, …); `cause` is the error that led to it.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly data: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, data?: Record<string, unknown>, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.data = data
  }

  toShape(): ErrorShape {
    return this.data
      ? { code: this.code, message: this.message, data: this.data }
      : { code: this.code, message: this.message }
  }
}

/** Any thrown value as an {@link ErrorShape}; what is not an AppError becomes INTERNAL with its message. */
export function toErrorShape(thrown: unknown): ErrorShape {
  if (thrown instanceof AppError) return thrown.toShape()
  return { code: 'INTERNAL', message: thrown instanceof Error ? thrown.message : String(thrown) }
}
