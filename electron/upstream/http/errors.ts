import { AppError } from '../../../shared/errors.ts'
import { type CertificateFacts, isTlsFailure, tlsFailed } from './tls.ts'

/** Where a request goes, as far as an error may tell: never a path, which may be a secret, nor credentials. */
export interface Destination {
  host: string
  port: number
}

export function destinationOf({ protocol, hostname, port }: URL): Destination {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) }
}

export const shown = ({ host, port }: Destination): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** The code of a system or library error. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  // Several addresses were tried; the first one's failure is as good as any.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined
}

const facts = (error: unknown, to: Destination, written: boolean): Record<string, unknown> => ({
  code: codeOf(error) ?? null,
  syscall: error instanceof Error && 'syscall' in error ? error.syscall : null,
  ...to,
  written,
})

const unresolved = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL', 'ENODATA'])

/** No connection came about: CONNECT_FAILED, CONNECT_TIMEOUT or TLS_FAILED; the server got nothing. */
export function connectFailed(error: unknown, to: Destination, certificate?: CertificateFacts): AppError {
  if (error instanceof AppError) return error
  if (isTlsFailure(error)) return tlsFailed(facts(error, to, false), certificate)
  // The system's own patience, or a router's word that nobody answers.
  if (codeOf(error) === 'ETIMEDOUT')
    return new AppError('CONNECT_TIMEOUT', `${shown(to)} does not answer (ETIMEDOUT)`, facts(error, to, false))
  return new AppError('CONNECT_FAILED', whyUnconnected(error, to), facts(error, to, false), { cause: error })
}

function whyUnconnected(error: unknown, to: Destination): string {
  const code = codeOf(error)
  const at = shown(to)
  if (code === undefined) return `no connection to ${at} came about: ${String(error)}`
  if (unresolved.has(code))
    return `the name ${to.host} could not be resolved (${code}); is it right, and is there a network?`
  if (code === 'ECONNREFUSED') return `${at} refused the connection: nothing listens there; does the server run?`
  if (code === 'ECONNRESET' || code === 'EPIPE') return `${at} closed the connection before it was set up (${code})`
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return `there is no route to ${at} (${code})`
  return `no connection to ${at} came about (${code})`
}

export function connectTimedOut(to: Destination, connectTimeoutMs: number): AppError {
  return new AppError(
    'CONNECT_TIMEOUT',
    `no connection to ${shown(to)} came about within ${connectTimeoutMs} ms; is the address right, or does timeouts.connectTimeoutMs have to be longer?`,
    { connectTimeoutMs, ...to, written: false },
  )
}

/**
 * The connection was lost after the request was written: CONNECTION_LOST.
 * @param answering whether the answer had begun
 */
export function connectionLost(error: unknown, to: Destination, answering: boolean): AppError {
  if (error instanceof AppError) return error
  if (isTlsFailure(error)) return tlsFailed(facts(error, to, true))
  const when = answering ? 'in the middle of its answer' : 'before it answered'
  return new AppError(
    'CONNECTION_LOST',
    `${shown(to)} ${whyLost(error)} ${when}`,
    { ...facts(error, to, true), reason: answering ? 'cut-off' : 'unanswered' },
    { cause: error },
  )
}

function whyLost(error: unknown): string {
  const code = codeOf(error)
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'sent more headers than are taken (16 KiB)'
  // Not every one of them has its code.
  if (error instanceof Error && error.name === 'HTTPParserError') return 'sent what is not HTTP'
  if (code === undefined || code.startsWith('UND_ERR_')) return 'closed the connection'
  return code === 'ECONNRESET' ? 'reset the connection (ECONNRESET)' : `lost the connection (${code})`
}

export function silent(to: Destination, silenceMs: number): AppError {
  return new AppError(
    'CONNECTION_LOST',
    `${shown(to)} has sent nothing for ${silenceMs} ms, in the middle of its answer: the connection is taken for lost`,
    { ...to, written: true, reason: 'silence', silenceMs },
  )
}

export function tooLong(to: Destination, maxMessageBytes: number): AppError {
  return new AppError(
    'LINE_TOO_LONG',
    `the answer of ${shown(to)} has a message of more than ${maxMessageBytes} bytes, and was cut off`,
    { ...to, written: true, maxMessageBytes },
  )
}

export const clientClosed = (): AppError =>
  new AppError('CONNECTION_LOST', 'the connection was closed by Poolscope', { reason: 'closed' })

/** What an aborted signal stands for. */
export function abortion(signal: AbortSignal): AppError {
  const { reason } = signal
  return reason instanceof AppError ? reason : new AppError('ABORTED', 'the request was aborted', {}, { cause: reason })
}
