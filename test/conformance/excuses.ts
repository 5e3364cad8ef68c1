import type { Excuse } from './compare.ts'
import type { Revision } from './suite.ts'

/** The era that the stdio server speaks. */
export const serverEras = ['legacy', 'modern', 'both'] as const
export type ServerEra = (typeof serverEras)[number]

/** By scenario: what is lost for a reason that lies in the protocol, and not in the gateway. */
export function excusesFor(revision: Revision, era: ServerEra): Readonly<Record<string, Excuse>> {
  if (revision === '2025-11-25') return legacyClients
  return era === 'legacy' ? modernClientsOfLegacyServers : {}
}

const legacyClients = {
  'server-sse-polling': {
    checks: ['server-sse-priming-event', 'server-sse-retry-field', 'server-sse-disconnect-resume'],
    because: 'a server on stdio has no stream that it could close in the middle of a call',
  },
} satisfies Record<string, Excuse>

const modernClientsOfLegacyServers = {
  'input-required-result-basic-elicitation': {
    checks: ['sep-2322-elicitation-incomplete', 'sep-2322-elicitation-complete'],
    because: 'the scenario wants the key that the server chose, and a request of a legacy server has no key',
  },
  'input-required-result-ignore-extra-params': {
    checks: ['sep-2322-ignore-unexpected-params'],
    because: 'the scenario answers under the key that the server chose, before it was asked',
  },
  'server-stateless': {
    checks: ['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400'],
    because: 'a legacy server says in its own words, in a result, what its client can not do',
  },
} satisfies Record<string, Excuse>

/** What a client scenario finds, or does not get to, that is no fault of ours. */
export interface ClientExcuse {
  scenario: string
  revisions: readonly string[]
  /** Of the client behind the gateway; default both eras. */
  client?: 'legacy' | 'modern'
  /** Ids of the checks that can't succeed; any other one still must. */
  failing?: readonly string[]
  /** Names of the checks that can't be tried; any other one still must. */
  skipped?: readonly string[]
  because: string
  /** Where that stands: the specification, or the suite's own issues. */
  source: string
}

export const clientExcuses: readonly ClientExcuse[] = [
  {
    scenario: 'http-standard-headers',
    revisions: ['2026-07-28'],
    skipped: ['ClientMcpMethodHeader_initialize', 'ClientMcpMethodHeader_notifications_initialized'],
    because: 'the scenario looks for them too, and the revision that it is of has neither',
    source: 'MCP 2026-07-28, basic/index: no initialize, server/discover in its place',
  },
]
