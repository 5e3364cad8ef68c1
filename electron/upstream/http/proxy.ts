import { request as requestSecure } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { AppError } from '../../../shared/errors.ts'
import { connectFailed, type Destination, destinationOf, shown } from './errors.ts'
import { decoded } from './headers.ts'

// Not imported by name: that loads Node's own fetch and WebSocket, which stand among its exports (ten megabytes).
const { request: requestPlain } = process.getBuiltinModule('node:http')

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that requests to `url` go through: HTTPS_PROXY for https, else HTTP_PROXY; NO_PROXY lists hosts without. Never for
 * this machine's own addresses, whatever the environment says: no proxy can reach them for us.
 * @throws AppError CONNECT_FAILED when the variable has no URL that can be used
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const { host } = destinationOf(url)
  if (isLoopback(host)) return undefined
  const lookUp = (name: string) => env[name.toLowerCase()] || env[name] || undefined
  const name = url.protocol === 'https:' && lookUp('HTTPS_PROXY') !== undefined ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = lookUp(name)
  if (value === undefined || isExcepted(destinationOf(url), lookUp('NO_PROXY') ?? '')) return undefined
  const proxy = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`)
  if (proxy && (proxy.protocol === 'http:' || proxy.protocol === 'https:')) return proxy
  throw new AppError('CONNECT_FAILED', `${name} of the environment is not the URL of an http or https proxy`, {
    variable: name,
    written: false,
  })
}

export function isLoopback(host: string): boolean {
  const version = isIP(host)
  if (version === 4) return host.startsWith('127.') || host === '0.0.0.0'
  // An URL writes an IPv4 address within IPv6 in hexadecimal: ::ffff:7f00:1.
  if (version === 6) return host === '::1' || host === '::' || /^::ffff:7f[\da-f]{2}:/i.test(host)
  return /(?:^|\.)localhost\.?$/i.test(host)
}

/** Hosts and their subdomains, each with or without a port; `*` is every host. */
function isExcepted({ host, port }: Destination, exceptions: string): boolean {
  return exceptions.split(/[,\s]+/).some((entry) => {
    if (entry === '') return false
    if (entry === '*') return true
    const [, name = '', entryPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) ? `[${entry}]` : entry) ?? []
    if (entryPort !== undefined && Number(entryPort) !== port) return false
    const excepted = name
      .replace(/^\*?\./, '')
      .replace(/^\[|\]$/g, '')
      .toLowerCase()
    return host.toLowerCase() === excepted || host.toLowerCase().endsWith(`.${excepted}`)
  })
}

/**
 * Has a proxy open a connection to `target` (CONNECT, RFC 9110 section 9.3.6). For http as well as https: the proxy then sees
 * neither headers nor messages of the second, and the connection is one like any other.
 * @returns aborts it
 */
export function openTunnel(
  proxy: URL,
  target: Destination,
  callback: (...args: [null, Socket] | [AppError, null]) => void,
): () => void {
  const { username, password } = proxy
  const at = destinationOf(proxy)
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`, 'utf8').toString('base64')
  const outgoing = (proxy.protocol === 'https:' ? requestSecure : requestPlain)({
    ...at,
    method: 'CONNECT',
    path: shown(target),
    agent: false,
    headers: { host: shown(target), ...(username && { 'proxy-authorization': `Basic ${credentials}` }) },
  })
  outgoing.once('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
    if (statusCode >= 200 && statusCode < 300) {
      if (head.length > 0) socket.unshift(head)
      callback(null, socket)
      return
    }
    socket.destroy()
    callback(refusedByProxy(at, target, statusCode), null)
  })
  outgoing.once('response', ({ statusCode = 0 }) => {
    outgoing.destroy()
    callback(refusedByProxy(at, target, statusCode), null)
  })
  outgoing.on('error', (error) => {
    const { code, message, data, cause } = connectFailed(error, at)
    callback(new AppError(code, `the proxy: ${message}`, { ...data, proxy: true }, { cause }), null)
  })
  outgoing.end()
  return () => outgoing.destroy()
}

function refusedByProxy(proxy: Destination, target: Destination, status: number): AppError {
  const why = status === 407 ? 'wants credentials: put a user name and password into its URL' : 'did not connect'
  return new AppError(
    'CONNECT_FAILED',
    `the proxy ${shown(proxy)} ${why} (HTTP status ${status}, on the way to ${shown(target)})`,
    { ...proxy, proxy: true, status, written: false },
  )
}
