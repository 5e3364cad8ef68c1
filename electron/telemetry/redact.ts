import type { UpstreamConfig } from '../../shared/config.ts'

/** Shorter values ("1", "true", "debug") are no secrets, and masking them would garble every sentence. */
const shortestSecret = 8
/** Values of other variables count as secrets when they are this long and look like neither a path nor prose. */
const longestPlain = 20
const secretName = /key|token|secret|passw|credential|auth|cookie|session|private|bearer|dsn/i
const mask = '••••'

/**
 * Masks the literal secrets of an upstream's entry (environment, headers) in a text: a server may well echo them in
 * an error message. A value that stands as ${VAR} in the config is known only where it is expanded.
 */
export function redactor(config: UpstreamConfig): (text: string) => string {
  const entries = config.transport === 'stdio' ? Object.entries(config.env) : Object.entries(config.headers)
  const secrets = entries
    .flatMap(([name, value]) => {
      // "Bearer abc": the server may repeat the credential alone.
      const parts = [value, ...value.split(/\s+/)]
      return secretName.test(name)
        ? parts
        : parts.filter((part) => part.length >= longestPlain && !/[\s/\\]/.test(part))
    })
    .filter((value) => value.length >= shortestSecret && !value.includes('${'))
    // The longest first, so that no rest of it is left when a shorter one is a part of it.
    .sort((a, b) => b.length - a.length)
  if (secrets.length === 0) return (text) => text
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, mask), text)
}
