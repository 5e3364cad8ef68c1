/** Revisions of MCP, and what their eras have in common. */

/** The newest revision of the legacy era, offered to every legacy server. */
export const legacyProtocolVersion = '2025-11-25'

/** The only revision of the modern era that we speak. */
export const modernProtocolVersion = '2026-07-28'

const legacyRevisions: readonly unknown[] = ['2024-11-05', '2025-03-26', '2025-06-18', legacyProtocolVersion]
const modernRevisions: readonly string[] = [modernProtocolVersion]

/** MCP 2026-07-28: the server does not speak the revision that a request names; its data says which it does. */
export const unsupportedProtocolVersion = -32022

/** Whether a revision is one of ours of the modern era. */
export const isModernRevision = (revision: string): boolean => modernRevisions.includes(revision)

/** The newest modern revision that both sides speak. */
export const newestShared = (supported: readonly unknown[]): string | undefined =>
  modernRevisions.findLast((revision) => supported.includes(revision))

/** Whether a list of revisions says that its server can be initialized. */
export const namesLegacy = (supported: readonly unknown[]): boolean =>
  supported.some((revision) => legacyRevisions.includes(revision))

/** Text of the `_meta` of a request of our own to a modern server: no capabilities, nothing can be asked of us. */
export const modernMeta = (clientInfo: { name: string; version: string }): string =>
  JSON.stringify({
    'io.modelcontextprotocol/protocolVersion': modernProtocolVersion,
    'io.modelcontextprotocol/clientInfo': clientInfo,
    'io.modelcontextprotocol/clientCapabilities': {},
  })

/** Text of the params of `initialize`. @param capabilities of the client, text of an object */
export const initializeParams = (clientInfo: { name: string; version: string }, capabilities: string): string =>
  `{"protocolVersion":"${legacyProtocolVersion}","capabilities":${capabilities},"clientInfo":${JSON.stringify(clientInfo)}}`

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value of a JSON text; its head when it is none. */
export function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json.slice(0, 500)
  }
}
