import type { UpstreamConfig } from '../../shared/config.ts'

/** Shorter values ("1", "true", "debug") are no secrets, and masking them would garble every sentence. */
const shortestSecret = 8
/** Values of other variables count as secrets when they are this long and look like neither a path nor prose. */
const longestPlain = 20
const secretName = /key|token|secret|passw|credential|auth|cookie|session|private|bearer|dsn/i
const mask = '••••'

type Named = [name: string, value: string]
type Expand = (text: string) => string | undefined

/**
 * Masks the secrets of an upstream's entry (environment, headers, URL, client secret) in a text: a server may well echo
 * them in an error message.
 * @param expand fills `${VAR}` in; undefined when it can't be. Without it only what stands in the entry itself is known
 */
export function redactor(config: UpstreamConfig, expand: Expand = (text) => text): (text: string) => string {
  const secrets = valuesOf(config, expand)
    .flatMap(([name, value]) => {
      // "Bearer abc": the server may repeat the credential alone.
      const parts = [value, ...value.split(/\s+/)]
      return secretName.test(name)
        ? parts
        : parts.filter((part) => part.length >= longestPlain && !/[\s/\\]/.test(part))
    })
    .filter((value) => value.length >= shortestSecret && !value.includes('${'))
  // The longest first, so that no rest of it is left when a shorter one is a part of it.
  const ordered = [...new Set(secrets)].sort((a, b) => b.length - a.length)
  if (ordered.length === 0) return (text) => text
  return (text) => ordered.reduce((masked, secret) => masked.replaceAll(secret, mask), text)
}

/** What may be a secret, filled in. What can't be filled in never reached the server. */
function valuesOf(config: UpstreamConfig, expand: Expand): Named[] {
  const filled = (values: Record<string, string>): Named[] =>
    Object.entries(values).flatMap(([name, text]) => {
      const value = expand(text)
      return value === undefined ? [] : [[name, value] satisfies Named]
    })
  if (config.transport === 'stdio') return filled(config.env)
  const { headers, oauth, url } = config
  const clientSecret = oauth ? oauth.clientSecret : undefined
  return [
    ...filled(headers),
    ...(clientSecret === undefined ? [] : filled({ clientSecret })),
    ...valuesOfUrl(URL.parse(expand(url) ?? '')),
  ]
}

/** As they stand in the URL, as they are meant, and as somebody else may write them. */
function valuesOfUrl(url: URL | null): Named[] {
  if (!url) return []
  const forms = (name: string, raw: string): Named[] =>
    [raw, decoded(raw), decoded(raw.replaceAll('+', ' '))].flatMap((value): Named[] => [
      [name, value],
      [name, encodeURIComponent(value)],
    ])
  const { username, password, pathname, search } = url
  return [
    ...forms('password', password === '' ? username : password),
    ...search
      .slice(1)
      .split('&')
      .flatMap((pair) => forms(pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1))),
    // Some servers have the key of an account in the path.
    ...pathname.split('/').flatMap((part): Named[] => (/\d/.test(part) ? [['path', part]] : [])),
  ]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // not encoded after all
  }
}
