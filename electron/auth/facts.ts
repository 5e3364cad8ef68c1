import type { AuthView } from '../../shared/state.ts'
import type { Clock } from '../kit/clock.ts'
import type { Tokens } from './credentials.ts'
import { isProtected } from './endpoints.ts'
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

/** @returns why a person can't sign in to this upstream, and what to do; undefined when one can */
export function whyNoSignIn(mode: AuthMode, url: URL): string | undefined {
  if (mode === 'header') return 'the config gives an Authorization header; remove it to sign in instead'
  if (mode === 'off') return 'the config switches the sign-in off (oauth: false)'
  if (isProtected(url)) return undefined
  return 'a sign-in needs an https URL: over plain http everybody on the way could read the tokens'
}

const wantsSignIn = 'the server wants you to sign in'
export const notLetIn = (why: string): string => `the server does not let you in (${why})`

/**
 * A 401 that no refresh mends: only a person can get other tokens.
 * @param otherScheme what the server asks for where that is no token: no sign-in brings it
 */
export const signInNeeded = (isSigningIn: boolean, otherScheme?: string): Partial<Facts> => {
  if (isSigningIn) return { needed: true }
  if (otherScheme === undefined) return { needed: true, failed: false, error: wantsSignIn }
  const error = `the server wants ${otherScheme} credentials, which no sign-in brings: put them into its headers in the config, as Authorization`
  return { needed: false, failed: true, error }
}

/**
 * What is to be seen when no request is let in any more. What the refused request itself made known counts more: it is
 * more exact.
 */
export function barredFacts(mode: AuthMode, status: 401 | 403, facts: Facts, signedIn: boolean): Partial<Facts> {
  if (mode !== 'oauth') return refusedForGood(mode, status)
  if (status === 403) return facts.forbidden ? {} : { forbidden: true, error: notLetIn('403') }
  if (signedIn) return facts.failed ? {} : { failed: true, error: 'the server refuses the tokens: sign in again' }
  return facts.needed || facts.failed ? {} : signInNeeded(facts.phase !== null)
}

/** A refusal where what the config gives is all there is. */
export function refusedForGood(mode: 'header' | 'off', status: 401 | 403): Partial<Facts> {
  const what = mode === 'header' ? 'the Authorization header of the config' : 'requests without credentials'
  const remedy = mode === 'header' ? 'check its token' : 'the config switches the sign-in off (oauth: false)'
  const error = `the server refuses ${what} (${status}): ${remedy}`
  return { failed: status === 401, forbidden: status === 403, error }
}

/** The facts and what people see of them: the one place where the state changes. */
export class Standing {
  readonly #seen: (facts: Facts) => Omit<AuthView, 'since'>
  readonly #clock: Clock
  readonly #onChange: ((view: AuthView, before: AuthView) => void) | undefined
  #facts = noFacts
  #view: AuthView

  constructor(options: {
    seen: (facts: Facts) => Omit<AuthView, 'since'>
    clock: Clock
    onChange: ((view: AuthView, before: AuthView) => void) | undefined
  }) {
    this.#seen = options.seen
    this.#clock = options.clock
    this.#onChange = options.onChange
    this.#view = { ...this.#seen(this.#facts), since: this.#clock.wall() }
  }

  get facts(): Facts {
    return this.#facts
  }

  get view(): AuthView {
    return this.#view
  }

  /** Also without a change of the facts: the tokens are part of the view. */
  become(change: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...change }
    const before = this.#view
    const seen = this.#seen(this.#facts)
    this.#view = { ...seen, since: seen.state === before.state ? before.since : this.#clock.wall() }
    this.#onChange?.(this.#view, before)
  }

  /** A sign-in that is under way goes on showing its own step. */
  endRefresh(change: Partial<Facts>): void {
    this.become({ ...change, ...(this.#facts.phase === 'refreshing' && { phase: null }) })
  }
}
