import { createHash } from 'node:crypto'

/** Names of tools may have this many characters (specification, "Tool names"). */
export const maxNameLength = 128

const separator = '__'

/** How what one upstream offers is named among that of all. */
export interface Namespace {
  upstream: string
  /** Of tools and prompts: `<prefix>__<name>`. Letters, digits, `-` and single `_`, so that the first `__` ends it. */
  prefix: string
}

/**
 * A prefix for each upstream, the same whichever others there are: its name, or what is left of it in the characters that
 * clients take. Names that would look alike are told apart by a digest.
 */
export function namespacesOf(upstreams: readonly string[]): Namespace[] {
  const plain = upstreams.map((upstream) => ({ upstream, prefix: plainPrefix(upstream) }))
  return plain.map(({ upstream, prefix }) => {
    const rivals = plain.filter((other) => schemeOf(other) === schemeOf({ upstream, prefix }))
    return { upstream, prefix: rivals.length > 1 && prefix !== upstream ? `${prefix}-${digest(upstream)}` : prefix }
  })
}

function plainPrefix(upstream: string): string {
  const plain = upstream
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/_{2,}/g, '_')
    .replace(/^[-_]+|[-_]+$/g, '')
    .slice(0, 48)
    .replace(/[-_]+$/, '')
  return plain === '' ? `u-${digest(upstream)}` : plain
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 6)

/** A tool's or prompt's name among all; one that would be too long keeps its head and gets a digest. */
export function exposedName({ prefix }: Namespace, name: string): string {
  const full = `${prefix}${separator}${name}`
  return full.length <= maxNameLength ? full : `${full.slice(0, maxNameLength - 7)}-${digest(full)}`
}

/** The upstream's prefix and the name that it knows; undefined when there is no prefix. */
export function splitName(exposed: string): { prefix: string; name: string } | undefined {
  const at = exposed.indexOf(separator)
  return at > 0 ? { prefix: exposed.slice(0, at), name: exposed.slice(at + separator.length) } : undefined
}

/** Whether a name may have been shortened: then only a list tells what it stands for. */
export const isShortened = (exposed: string): boolean => exposed.length === maxNameLength

/**
 * What a URI begins with: `<scheme>+<uri of the upstream>`. That is a URI again, a template too, and says itself where it
 * leads: nothing has to be remembered. Schemes have no case and no `_`, and begin with a letter (RFC 3986, 3.1).
 */
export function schemeOf({ prefix }: Namespace): string {
  const scheme = prefix.toLowerCase().replaceAll('_', '.')
  return /^[a-z]/.test(scheme) ? scheme : `u.${scheme}`
}

export const exposedUri = (namespace: Namespace, uri: string): string => `${schemeOf(namespace)}+${uri}`

export function splitUri(exposed: string): { scheme: string; uri: string } | undefined {
  const at = exposed.indexOf('+')
  return at > 0 ? { scheme: exposed.slice(0, at).toLowerCase(), uri: exposed.slice(at + 1) } : undefined
}
