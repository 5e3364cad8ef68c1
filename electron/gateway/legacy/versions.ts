/** Legacy revisions, oldest first. They are dates, so that they compare as text. */
export const legacyVersions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const
const latest = '2025-11-25'

export const isLegacyVersion = (version: string): boolean => (legacyVersions as readonly string[]).includes(version)

/**
 * What to answer a client's `initialize`: its own revision, or the server's where that is older (the gateway can't add
 * what the server does not know). A client that asks for an unknown revision is offered our latest; what a server says
 * that we don't know is passed on as it is.
 */
export function negotiate(asked: string, server: string): string {
  if (!isLegacyVersion(server)) return server
  const offered = isLegacyVersion(asked) ? asked : latest
  return offered < server ? offered : server
}

/** Batches came with 2025-03-26 and went with 2025-06-18. */
export const supportsBatches = (version: string): boolean => version === '2025-03-26'

/** Older clients take an event without data for a broken message. */
export const supportsEmptyEvents = (version: string): boolean => version >= '2025-11-25'
