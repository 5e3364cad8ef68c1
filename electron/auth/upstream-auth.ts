import type { FetchLike } from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import type { AuthView } from '../../shared/state.ts'
import type { Refusal } from '../kit/authorizer.ts'
import { KeptCredentials, secretsOf } from './credentials.ts'
import {
  type AuthMode,
  barredFacts,
  type Facts,
  noFacts,
  notLetIn,
  refusedForGood,
  Standing,
  signInNeeded,
  viewOf,
  whyNoSignIn,
} from './facts.ts'
import { guardedFetch } from './guarded-fetch.ts'
import type { Challenge } from './oauth-flow.ts'
import { raced } from './raced.ts'
import { Refresher } from './refresher.ts'
import { type ConfiguredClient, configuredClient } from './settings.ts'
import type { SignIn, SignInEnd } from './sign-in.ts'
import { refreshTokens, type TokenRefreshOptions } from './token-refresh.ts'
import { type AuthOptions, defaultRequestTimeoutMs, defaultSignInTimeoutMs, type UpstreamAuth } from './types.ts'

/** How long closing waits for a refresh that the authorization server may have got. */
const refreshGraceMs = 5_000

const loadFlow = () => import('./flow.ts')

/** @returns the credentials of one http or sse upstream: tokens that are kept are in use at once */
export const createAuth = (options: AuthOptions): UpstreamAuth => new OAuthUpstreamAuth(options)

const hasAuthorization = (headers: Readonly<Record<string, string>>): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')

class OAuthUpstreamAuth implements UpstreamAuth {
  readonly #options: AuthOptions
  readonly #mode: AuthMode
  readonly #credentials: KeptCredentials
  readonly #refresher: Refresher
  readonly #standing: Standing
  readonly #loading: Promise<void>
  readonly #life = new AbortController()
  /** Ends what outlives `life` for a moment. */
  readonly #end = new AbortController()
  #loaded = false
  #signIn: { attempt: SignIn; over: Promise<SignInEnd> } | undefined
  #resourceMetadataUrl: URL | undefined
  /** What the last 401 named. */
  #challengedScope: string | undefined
  /** What a 403 named, as long as we don't have it. */
  #lackingScope: string | undefined
  /** With what everything is refused, as long as nothing is tried again. */
  #barred: 401 | 403 | undefined
  /** The last Authorization value that was refused while it was in use. */
  #refusedBearer: string | undefined
  #signingOut: Promise<void> = Promise.resolve()

  constructor(options: AuthOptions) {
    this.#options = options
    const { headers, oauth, store, upstream, url, clock, random } = options
    // A user name or password in the URL becomes an Authorization header too.
    const header = url.username !== '' || url.password !== '' || hasAuthorization(headers)
    this.#mode = header ? 'header' : oauth === false ? 'off' : 'oauth'
    this.#credentials = new KeptCredentials(store, upstream, url, {
      log: (level, message, fields) => options.logger.log(level, `auth: ${message}`, { upstream, ...fields }),
    })
    const configured = oauth !== undefined
    this.#standing = new Standing({
      seen: (facts) => {
        const { tokens, kept } = this.#credentials
        return viewOf(facts, { mode: this.#mode, configured, tokens, storage: kept ? store.kind : 'memory' })
      },
      clock,
      onChange: (view, before) => {
        if (!this.#life.signal.aborted) options.onChange?.(view, before)
      },
    })
    const refresh: TokenRefreshOptions = {
      credentials: this.#credentials,
      standing: this.#standing,
      clock,
      settings: () => this.#settings(),
      fetch: (signal) => this.#fetch(signal),
      life: this.#life.signal,
      recovered: () => {
        if (!this.#life.signal.aborted) options.onSignedIn?.()
      },
      warn: (message) => this.#log('warn', message),
    }
    this.#refresher = new Refresher({ clock, random, refresh: (signal) => refreshTokens(refresh, signal) })
    this.#loading = this.#load()
  }

  view(): AuthView {
    return this.#standing.view
  }

  async authorization(signal: AbortSignal): Promise<string | undefined> {
    if (!this.#loaded) await raced(this.#loading, signal)
    const { tokens } = this.#credentials
    if (tokens && this.#refresher.due(tokens)) await raced(this.#refresher.run(), signal)
    return this.#credentials.bearer
  }

  async refused(refusal: Refusal, signal: AbortSignal): Promise<boolean> {
    if (this.#mode !== 'oauth') {
      this.#standing.become(refusedForGood(this.#mode, refusal.status))
      return false
    }
    if (!this.#loaded) await raced(this.#loading, signal)
    // A sign-in, or a refresh for another request, may end at any moment: looked at after each wait.
    const hasOthers = () => this.#credentials.bearer !== undefined && refusal.used !== this.#credentials.bearer
    if (hasOthers()) return true
    const { challengeOf } = await raced(loadFlow(), signal)
    if (hasOthers()) return true
    this.#refusedBearer = this.#credentials.bearer
    if (this.#life.signal.aborted) return false
    const challenge = challengeOf(refusal.wwwAuthenticate)
    this.#resourceMetadataUrl = challenge.resourceMetadataUrl ?? this.#resourceMetadataUrl
    if (refusal.status === 403) return await this.#forbidden(challenge)
    this.#challengedScope = challenge.scope
    const { tokens } = this.#credentials
    if (!tokens?.refreshToken) {
      // Without a refresh token only a person can get another.
      if (tokens) await this.#credentials.change({ tokens: undefined })
      if (hasOthers()) return true
      this.#standing.become(signInNeeded(this.#signIn !== undefined, challenge.otherScheme))
      return false
    }
    if (await raced(this.#refresher.run(), signal)) return true
    if (this.#credentials.tokens === tokens && !this.#life.signal.aborted)
      this.#standing.become({
        failed: true,
        error: this.#standing.facts.error ?? 'the server refuses tokens that were just refreshed',
      })
    return hasOthers()
  }

  refusedAgain(used: string | undefined): void {
    if (used === this.#credentials.bearer) this.#refusedBearer = used
  }

  accepted(used: string | undefined): void {
    if (used !== this.#credentials.bearer) return
    this.#refresher.proven()
    // What another session still may does not open the door, and scopes that are missing are still missing.
    if (this.#barred !== undefined) return
    if ((this.#standing.facts.failed || this.#standing.facts.forbidden) && this.#lackingScope === undefined)
      this.#standing.become({ failed: false, forbidden: false, error: null })
  }

  barred(status: 401 | 403): boolean {
    const { tokens, bearer } = this.#credentials
    if (status === 401 && bearer !== undefined && bearer !== this.#refusedBearer) return false
    this.#barred = status
    this.#standing.become(barredFacts(this.#mode, status, this.#standing.facts, tokens !== undefined))
    return true
  }

  unbarred(): void {
    this.#barred = undefined
  }

  async signIn(): Promise<{ authorizationUrl: string; opened: boolean }> {
    const obstacle = whyNoSignIn(this.#mode, this.#options.url)
    if (obstacle) throw new AppError('INVALID_ARGUMENT', obstacle)
    await this.#loading
    const { SignIn } = await loadFlow()
    if (this.#life.signal.aborted) throw this.#life.signal.reason
    const before = this.#signIn
    const { attempt, over } = before ?? this.#start(SignIn)
    try {
      return await (before ? attempt.again() : attempt.started)
    } catch (error) {
      await over // by then the view tells it too
      throw error
    }
  }

  async completeSignIn(redirectUrl: string): Promise<void> {
    const signIn = this.#signIn
    if (!signIn) throw new AppError('INVALID_ARGUMENT', 'no sign-in is under way; start one first')
    signIn.attempt.complete(redirectUrl)
    const end = await signIn.over
    if ('error' in end) throw end.error
  }

  cancelSignIn(): boolean {
    const signIn = this.#signIn
    signIn?.attempt.cancel(new AppError('ABORTED', 'the sign-in was cancelled'))
    return signIn !== undefined
  }

  signOut(): Promise<void> {
    const signOut = () => this.#signOut()
    this.#signingOut = this.#signingOut.then(signOut, signOut)
    return this.#signingOut
  }

  async #signOut(): Promise<void> {
    if (this.#mode !== 'oauth') return
    this.cancelSignIn()
    await Promise.all([this.#loading, this.#signIn?.over])
    if (this.#credentials.tokens) await this.#options.onSigningOut?.()
    // What was begun meanwhile would bring new tokens.
    this.cancelSignIn()
    await this.#signIn?.over
    this.#refresher.stop()
    const { tokens, client } = this.#credentials
    // A client of the config is not bound to its issuer any longer; one that we registered may serve again.
    await this.#credentials.change({ tokens: undefined, ...(client?.source === 'config' && { client: undefined }) })
    this.#lackingScope = undefined
    this.#standing.become({ ...noFacts, needed: true })
    if (!tokens || !client) return
    const { revoke, authError } = await loadFlow()
    let settings: ConfiguredClient | undefined
    try {
      settings = this.#settings()
      const offered = await revoke(tokens, { client, settings, fetch: this.#fetch(this.#life.signal) })
      this.#log('info', offered ? 'signed out' : 'signed out; the server does not offer to revoke tokens')
    } catch (thrown) {
      const { message } = authError(thrown, secretsOf({ tokens, client }, settings))
      this.#log('warn', `signed out, but the tokens could not be revoked: ${message}`)
      if (this.#standing.facts.error === null)
        this.#standing.become({ error: `the tokens could not be revoked at the server: ${message}` })
    }
  }

  async close(): Promise<void> {
    const reason = new AppError('ABORTED', 'this upstream is closed')
    this.#life.abort(reason)
    this.#signIn?.attempt.cancel(reason)
    const late = this.#options.clock.after(refreshGraceMs, () => this.#end.abort(reason))
    await Promise.all([this.#refresher.close(), this.#loading, this.#signIn?.over, this.#signingOut])
    late.cancel()
    await this.#credentials.written()
  }

  async #load(): Promise<void> {
    await this.#options.after
    if (this.#mode === 'oauth') await this.#credentials.load()
    this.#loaded = true
    const { tokens } = this.#credentials
    if (!tokens || this.#life.signal.aborted) return
    this.#refresher.watch(tokens)
    this.#standing.become({})
  }

  #start(Attempt: typeof SignIn): { attempt: SignIn; over: Promise<SignInEnd> } {
    const { url, openBrowser, clock, signInTimeoutMs } = this.#options
    const settings = this.#settings()
    const before = this.#standing.facts
    const attempt = new Attempt({
      upstream: url,
      settings,
      redirectPort: settings.redirectPort,
      known: this.#credentials.client,
      scope: this.#scopeToAsk(settings),
      resourceMetadataUrl: this.#resourceMetadataUrl,
      fetch: (signal) => this.#fetch(signal),
      openBrowser,
      clock,
      timeoutMs: signInTimeoutMs ?? defaultSignInTimeoutMs,
      step: (phase) => this.#standing.become({ phase, authorizationUrl: null, error: null }),
      waiting: (authorizationUrl, client) => {
        void this.#credentials.change({ client })
        this.#standing.become({ phase: 'waiting-for-browser', authorizationUrl })
        this.#log('info', 'a sign-in waits for the browser')
      },
      browserFailed: () => this.#log('warn', 'the browser could not be opened; open the URL by hand'),
    })
    this.#signIn = { attempt, over: this.#finish(attempt, before) }
    return this.#signIn
  }

  async #finish(attempt: SignIn, before: Facts): Promise<SignInEnd> {
    const end = await attempt.done
    const { tokens: old, client } = this.#credentials
    if ('tokens' in end) {
      this.#refresher.stop()
      await this.#credentials.change({ tokens: end.tokens })
      this.#lackingScope = undefined
    } else if (end.unanswered && client?.source === 'registered' && old?.clientId !== client.clientId)
      // The server may have shown "unknown client" instead of coming back: register anew the next time.
      await this.#credentials.change({ client: undefined })
    this.#signIn = undefined
    if (this.#life.signal.aborted) return end
    if ('tokens' in end) {
      this.#refresher.watch(end.tokens)
      this.#standing.become(noFacts)
      this.#log('info', 'signed in')
      this.#options.onSignedIn?.()
    } else if (end.error.code === 'ABORTED') {
      this.#standing.become({ ...before, needed: true, phase: null })
      if (this.#barred !== undefined) this.barred(this.#barred)
    } else {
      this.#standing.become({
        phase: null,
        authorizationUrl: null,
        needed: true,
        failed: !old,
        error: end.error.message,
      })
      this.#log('warn', `the sign-in failed: ${end.error.message}`)
    }
    return end
  }

  async #forbidden({ scope, error }: Challenge): Promise<false> {
    const { scopeUnion, wantsMore, toldText } = await loadFlow()
    const granted = this.#credentials.tokens?.scopes ?? []
    if (wantsMore(scope, granted)) {
      this.#lackingScope = scope
      const lacking = scopeUnion(scope).filter((it) => !granted.includes(it))
      this.#standing.become({
        forbidden: true,
        error: `sign in again to grant what the server asks for: ${toldText(lacking.join(' '), [])}`,
      })
    } else {
      const why =
        error === 'insufficient_scope' ? 'the scopes do not suffice, and it names none that is missing' : '403'
      this.#standing.become({ forbidden: true, error: notLetIn(why) })
    }
    return false
  }

  /** MCP authorization, "Scope Selection Strategy"; more scopes are asked for on top of those that are granted. */
  #scopeToAsk(settings: ConfiguredClient): string | undefined {
    const { tokens } = this.#credentials
    if (this.#lackingScope === undefined) return settings.scope ?? this.#challengedScope
    const all = [settings.scope, ...(tokens?.scopes ?? []), this.#lackingScope].filter((it) => it !== undefined)
    return [...new Set(all.flatMap((it) => it.split(' ')))].join(' ')
  }

  #settings(): ConfiguredClient {
    return configuredClient(this.#options.oauth, this.#options.expand)
  }

  #fetch(signal: AbortSignal): FetchLike {
    const { url: upstream, clock, requestTimeoutMs: timeoutMs = defaultRequestTimeoutMs } = this.#options
    const fetch: FetchLike = this.#options.fetch ?? (async (url, init) => (await loadFlow()).proxiedFetch(url, init))
    const until = (end: AbortSignal) =>
      guardedFetch({ fetch, upstream, clock, timeoutMs, signal: AbortSignal.any([signal, end]) })
    const asking = until(this.#life.signal)
    const changing = until(this.#end.signal)
    return async (url, init) => {
      this.#life.signal.throwIfAborted()
      return await (init?.method === 'POST' ? changing : asking)(url, init)
    }
  }

  #log(level: 'info' | 'warn', message: string): void {
    this.#options.logger.log(level, `auth: ${message}`, { upstream: this.#options.upstream })
  }
}
