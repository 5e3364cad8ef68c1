import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { connectFailed, connectTimedOut, type Destination, destinationOf } from './errors.ts'
import { openTunnel } from './proxy.ts'
import { noteCertificate } from './tls.ts'

export interface ConnectOptions {
  url: URL
  /** Of {@link proxyFor}. */
  proxy: URL | undefined
  clock: Clock
  connectTimeoutMs: number
}

/** The kernel asks a silent peer now and then whether it is there, so that NATs keep the way open. */
const keepAliveInitialDelayMs = 30_000

/**
 * Of several addresses Node gives each but the last this long, and does not come back to it. Its 250 ms are too short for a
 * slow network: the address that works was given up, and the other family is often not there at all.
 */
const addressAttemptMs = 1_000

const addresses = { autoSelectFamilyAttemptTimeout: addressAttemptMs }

/**
 * Opens a connection to a server: name resolution, TCP, proxy and TLS within one timeout.
 * @param callback called once: CONNECT_FAILED, CONNECT_TIMEOUT or TLS_FAILED, or the socket
 * @returns aborts it: the socket is gone at once
 */
export function openSocket(
  { url, proxy, clock, connectTimeoutMs }: ConnectOptions,
  callback: (...args: [null, Socket] | [Error, null]) => void,
): () => void {
  const to = destinationOf(url)
  let undo = () => {}
  let settled = false
  const settle = (error: AppError | null, socket?: Socket) => {
    if (settled) return
    settled = true
    timer.cancel()
    if (error) {
      undo()
      callback(error, null)
    } else if (socket) callback(null, socket)
  }
  const timer = clock.after(connectTimeoutMs, () => settle(connectTimedOut(to, connectTimeoutMs)))
  const proceed = (carrier: Socket | undefined) => {
    const secure = url.protocol === 'https:' ? overTls(to, carrier) : undefined
    const socket = secure ?? carrier ?? overTcp(to)
    const certificateOf = secure && noteCertificate(secure)
    undo = () => {
      socket.destroy()
      carrier?.destroy()
    }
    // Stays: an error that comes after we let it go has nobody else who hears it.
    socket.on('error', (error) => settle(connectFailed(error, to, certificateOf?.())))
    if (socket === carrier) settle(null, socket)
    else socket.once(secure ? 'secureConnect' : 'connect', () => settle(null, socket))
  }
  if (!proxy) proceed(undefined)
  else {
    undo = openTunnel(proxy, to, (error, carrier) => {
      if (error) settle(error)
      else if (settled) carrier?.destroy()
      else proceed(carrier ?? undefined)
    })
  }
  return () => settle(new AppError('ABORTED', 'the connection is no longer needed'))
}

const attentive = <T extends Socket>(socket: T): T =>
  socket.setNoDelay(true).setKeepAlive(true, keepAliveInitialDelayMs)

const overTcp = (to: Destination): Socket => attentive(connectTcp({ ...addresses, ...to }))

function overTls({ host, port }: Destination, carrier: Socket | undefined): TLSSocket {
  const socket = connectTls({
    ...addresses,
    ...(carrier ? { socket: carrier } : { port }),
    host,
    // An address is no server name (RFC 6066, section 3); the certificate is held against `host` all the same.
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ['http/1.1'],
  })
  return attentive(socket)
}
