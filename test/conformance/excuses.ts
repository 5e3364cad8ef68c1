import type { Excuse } from './compare.ts'
import type { Revision } from './suite.ts'

/** The era that the stdio server speaks. */
export const serverEras = ['legacy', 'modern', 'both'] as const
export type ServerEra = (typeof serverEras)[number]

/** By scenario: what is lost for a reason that lies in the protocol, and not in the gateway. */
export function excusesFor(revision: Revision, _era: ServerEra): Readonly<Record<string, Excuse>> {
  return revision === '2025-11-25' ? legacyClients : {}
}

const legacyClients = {
  'server-sse-polling': {
    checks: ['server-sse-priming-event', 'server-sse-retry-field', 'server-sse-disconnect-resume'],
    because: 'a server on stdio has no stream that it could close in the middle of a call',
  },
} satisfies Record<string, Excuse>
