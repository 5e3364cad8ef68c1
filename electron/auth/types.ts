import type { OAuthSettings } from '../../shared/config.ts'
import type { AuthView } from '../../shared/state.ts'
import type { Authorizer } from '../kit/authorizer.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'

/** Keeps texts that nobody else may read, by a key. Calls may overlap: those that write run one after the other. */
export interface SecretStore {
  /** Where they are kept, for people to know. */
  readonly kind: 'safe-storage' | 'file' | 'memory'
  /** @returns undefined when there is none */
  get(key: string): Promise<string | undefined>
  set(key: string, value: string): Promise<void>
  /** None of that key is fine. */
  delete(key: string): Promise<void>
}

export interface AuthOptions {
  /** The upstream's name: two upstreams with one URL may be two accounts. */
  upstream: string
  url: URL
  /** The config's headers, as they stand there. One named Authorization wins: no sign-in then. */
  headers: Readonly<Record<string, string>>
  /** The config's `oauth`, as it stands there; false switches the sign-in off. */
  oauth?: OAuthSettings | false | undefined
  /**
   * Fills `${VAR}` in; default: leaves the text as it is.
   * @param where the place in the config, for the error
   * @throws AppError CONFIG_INVALID
   */
  expand?: ((text: string, where: string) => string) | undefined
  store: SecretStore
  /** Opens the system's browser. Without one the URL is only told (headless). It gets https URLs, and http ones of this machine. */
  openBrowser?: ((url: string) => Promise<void>) | undefined
  clock: Clock
  random: Random
  logger: Logger
  /** How authorization servers are reached; default: undici's, through the proxies of the environment. */
  fetch?: ((url: string | URL, init?: RequestInit) => Promise<Response>) | undefined
  /** Something in the view changed. */
  onChange?: ((view: AuthView, before: AuthView) => void) | undefined
  /** A person has signed in: what was given up for want of credentials may be tried again. */
  onSignedIn?: (() => void) | undefined
  /**
   * The tokens are about to be deleted: what was opened with them is ended while they are still good. Waited for; must not
   * reject, nor take long.
   */
  onSigningOut?: (() => Promise<void>) | undefined
  /** What is kept is read when this has settled: who used it before may still be changing it. Must not reject. */
  after?: Promise<void> | undefined
  /** How long a person has for the browser; default {@link defaultSignInTimeoutMs}. */
  signInTimeoutMs?: number | undefined
  /** Of one request to an authorization server, its body included; default {@link defaultRequestTimeoutMs}. */
  requestTimeoutMs?: number | undefined
}

export const defaultSignInTimeoutMs = 300_000
export const defaultRequestTimeoutMs = 15_000

/** The credentials of one remote upstream: its {@link Authorizer}, and what a person can do about them. */
export interface UpstreamAuth extends Authorizer {
  /** For the window and for snapshots; holds no secret. */
  view(): AuthView
  /**
   * Nothing is asked of the server any more, since it let nothing in with this status: seen in the view, whatever sessions
   * that are still open may. A single request that is refused is told by the {@link Authorizer} alone.
   * @returns false, and nothing is barred, when the server has not refused the credentials that are in use by now: what it
   * refused was sent before they came
   */
  barred(status: 401 | 403): boolean
  /** It is asked again: the view goes on telling the refusal until a request is let in. */
  unbarred(): void
  /**
   * Signs in: finds the authorization server, registers with it, opens the browser. Again while that is under way: opens the
   * browser again, nothing else. The rest of the way is told by {@link AuthOptions.onChange}.
   * @returns once the browser is to be used: the URL to open, and whether it was opened here
   * @throws AppError INVALID_ARGUMENT when the config leaves nothing to sign in to, CONFIG_INVALID, CONNECT_FAILED,
   * CONNECT_TIMEOUT, HTTP_STATUS, ADDRESS_IN_USE (the configured redirect port), ABORTED, UPSTREAM_UNAUTHORIZED (anything else)
   */
  signIn(): Promise<{ authorizationUrl: string; opened: boolean }>
  /**
   * Finishes a sign-in whose redirect could not reach this machine (a host behind ssh).
   * @param redirectUrl where the browser ended, as its address bar shows it
   * @throws AppError INVALID_ARGUMENT when no sign-in waits, or the URL is not that sign-in's; else as the sign-in fails
   */
  completeSignIn(redirectUrl: string): Promise<void>
  /** @returns false when none is under way */
  cancelSignIn(): boolean
  /** Deletes the tokens, and revokes them where the server offers it. Never fails: what went wrong stands in the view. */
  signOut(): Promise<void>
  /**
   * Ends what is under way; the tokens stay where they are kept. A refresh that the server may have got is given a few
   * seconds to end: where refresh tokens serve once, its answer is all that is left of the sign-in. Nothing is told and
   * nothing is refreshed from here on.
   */
  close(): Promise<void>
}
