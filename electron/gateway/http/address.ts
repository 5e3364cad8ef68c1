import { isIPv4 } from 'node:net'
import { AppError } from '../../../shared/errors.ts'

/**
 * The address to listen on. Whoever can reach the gateway can run programs: it is for this machine only.
 * @throws AppError INVALID_ARGUMENT when it is not a loopback address
 */
export function loopbackAddress(host: string): string {
  // Not resolved: a hosts file could send the name anywhere.
  if (host === 'localhost') return '127.0.0.1'
  if (host === '::1' || (isIPv4(host) && host.startsWith('127.'))) return host
  throw new AppError('INVALID_ARGUMENT', `The gateway listens on loopback addresses only, not on "${host}"`, { host })
}

const remedies: Record<string, string> = {
  EADDRINUSE: 'another program uses it; choose another with --port',
  EACCES: 'the system denies it; choose one above 1023',
}

/** Why listening failed, and what to do: ADDRESS_IN_USE, or INVALID_ARGUMENT for whatever else the system says. */
export function listenError(host: string, port: number, cause: NodeJS.ErrnoException): AppError {
  const errno = cause.code ?? ''
  return new AppError(
    errno === 'EADDRINUSE' ? 'ADDRESS_IN_USE' : 'INVALID_ARGUMENT',
    `Can't listen on ${host} port ${port}: ${remedies[errno] ?? cause.message}`,
    { host, port, errno },
    { cause },
  )
}
