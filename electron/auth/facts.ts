import type { AuthView } from '../../shared/state.ts'
import type { Tokens } from './credentials.ts'
import type { SecretStore } from './types.ts'

/** How an upstream lets us in, as far as its config says. off: neither a header nor a sign-in. */
export type AuthMode = 'header' | 'oauth' | 'off'

/** What is known at a moment; the state that people see follows from it. */
export interface Facts {
  /** What is under way. */
  phase: 'discovering' | 'registering' | 'waiting-for-browser' | 'exchanging' | 'refreshing' | null
  authorizationUrl: string | null
  /** The server has asked for credentials, or a person has to do with a sign-in anyhow. */
  needed: boolean
  /** The server knows who we are and does not let us. */
  forbidden: boolean
  /** Something went wrong, and what is there does not let us in. */
  failed: boolean
  /** What a person should know and do. */
  error: string | null
}

export const noFacts: Facts = {
  phase: null,
  authorizationUrl: null,
  needed: false,
  forbidden: false,
  failed: false,
  error: null,
}

function stateOf(facts: Facts, signedIn: boolean): AuthView['state'] {
  if (facts.phase) return facts.phase
  if (facts.forbidden) return 'forbidden'
  if (facts.failed) return 'failed'
  if (signedIn) return 'signed-in'
  return facts.needed ? 'signed-out' : 'not-needed'
}

export function viewOf(
  facts: Facts,
  known: {
    mode: AuthMode
    /** The config has settings for a sign-in. */
    configured: boolean
    tokens: Tokens | undefined
    storage: SecretStore['kind']
  },
): Omit<AuthView, 'since'> {
  const { mode, configured, tokens, storage } = known
  const oauth = mode === 'oauth' && (configured || facts.needed || facts.phase !== null || tokens !== undefined)
  return {
    kind: mode === 'header' ? 'header' : oauth ? 'oauth' : 'none',
    state: stateOf(facts, tokens !== undefined),
    authorizationUrl: facts.authorizationUrl,
    issuer: tokens?.issuer ?? null,
    scopes: tokens?.scopes ?? [],
    expiresAt: tokens?.expiresAt ?? null,
    storage: oauth ? storage : null,
    error: facts.error,
  }
}
