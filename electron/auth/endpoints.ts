import { BlockList, isIP } from 'node:net'
import type { ErrorCode } from '../../shared/errors.ts'

/**
 * What keeps us from an endpoint that a server's metadata names, or from its answer. A TypeError because the SDK's discovery
 * takes any other error for "there is no such document" and goes on with another server.
 */
export class EndpointError extends TypeError {
  override readonly name = 'EndpointError'
  readonly code: ErrorCode
  readonly data: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, data?: Record<string, unknown>) {
    super(message)
    this.code = code
    this.data = data
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** "This host": most systems take it for themselves, though nobody says so (RFC 1122, 3.2.1.3; RFC 4291, 2.5.2). */
const unspecified = new BlockList()
unspecified.addSubnet('0.0.0.0', 8)
unspecified.addAddress('::', 'ipv6')

/**
 * Networks that a server out there has no business to send us to: private, link-local (cloud metadata), shared, benchmarks,
 * multicast, reserved; and those that stand for an IPv4 address of any kind (NAT64, 6to4, Teredo, IPv4-compatible).
 */
const inner = new BlockList()
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  inner.addSubnet(net, prefix)
for (const [net, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  inner.addSubnet(net, prefix, 'ipv6')

/** Names that only an inner network knows (RFC 6762 and its appendix G, RFC 8375), or that it completes: `router`. */
const innerName = /^[^.]+$|\.(?:local|internal|lan|home\.arpa)$/

/** unspecified: this machine as well, but no name of it that credentials may travel to. */
type Reach = 'loopback' | 'unspecified' | 'inner' | 'open'

/** By its name only: a name that resolves to an inner address is for its owner's resolver to decide. */
function reachOf({ hostname }: URL): Reach {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (host === 'localhost' || host.endsWith('.localhost')) return 'loopback'
  const family = isIP(host)
  if (family === 0) return innerName.test(host) ? 'inner' : 'open'
  const type = family === 6 ? 'ipv6' : 'ipv4'
  if (loopback.check(host, type)) return 'loopback'
  if (unspecified.check(host, type)) return 'unspecified'
  return inner.check(host, type) ? 'inner' : 'open'
}

const outward: Record<Reach, number> = { loopback: 0, unspecified: 0, inner: 1, open: 2 }

/** @returns whether credentials may travel to this URL: https, or a plain connection that does not leave this machine */
export const isProtected = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && reachOf(url) === 'loopback')

/**
 * An endpoint that an upstream, or what it names as its authorization server, tells us to use, or to open in the browser.
 * https, or http on this machine (MCP authorization, "Communication Security"; RFC 8252, 7.3); and never further inwards
 * than the upstream itself: a server on the internet can't have us ask the router or the cloud's metadata service.
 * @throws EndpointError UPSTREAM_UNAUTHORIZED
 */
export function checkedEndpoint(target: string | URL, upstream: URL): URL {
  const text = String(target)
  const refuse = (why: string) =>
    new EndpointError(
      'UPSTREAM_UNAUTHORIZED',
      `the server names ${JSON.stringify(text.slice(0, 200))} as an endpoint: ${why}`,
    )
  if (!URL.canParse(text)) throw refuse('that is no URL')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('only https is used for a sign-in')
  if (url.username || url.password) throw refuse('a URL with a user name in it is not used')
  if (!isProtected(url)) throw refuse('only https is used for a sign-in, other than on this machine')
  if (outward[reachOf(url)] < outward[reachOf(upstream)])
    throw refuse(`a server at ${upstream.host} can't send us into an inner network`)
  return url
}
