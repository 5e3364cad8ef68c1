import type { FetchLike } from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import type { AuthView } from '../../shared/state.ts'
import type { Refusal } from '../kit/authorizer.ts'
import { KeptCredentials, secretsOf } from './credentials.ts'
import { isProtected } from './endpoints.ts'
import { type AuthMode, type Facts, noFacts, viewOf } from './facts.ts'
import { guardedFetch } from './guarded-fetch.ts'
import type { Challenge } from './oauth-flow.ts'
import { raced } from './raced.ts'
import { type RefreshEnd, Refresher } from './refresher.ts'
import { type ConfiguredClient, configuredClient } from './settings.ts'
import type { SignIn, SignInEnd } from './sign-in.ts'
import { type AuthOptions, defaultRequestTimeoutMs, defaultSignInTimeoutMs, type UpstreamAuth } from './types.ts'

const loadFlow = () => import('./flow.ts')

/** @returns the credentials of one http or sse upstream: tokens that are kept are in use at once */
export const createAuth = (options: AuthOptions): UpstreamAuth => new OAuthUpstreamAuth(options)

/** Answers of a token endpoint after which only a person can help (RFC 6749, 5.2). */
const final = ['invalid_grant', 'invalid_client', 'unauthorized_client']

class OAuthUpstreamAuth implements UpstreamAuth {
  readonly #options: AuthOptions
  readonly #mode: AuthMode
  readonly #credentials: KeptCredentials
  readonly #refresher: Refresher
  readonly #loading: Promise<void>
  readonly #life = new AbortController()
  #loaded = false
  #facts = noFacts
  #view: AuthView
  #signIn: { attempt: SignIn; over: Promise<SignInEnd> } | undefined
  #resourceMetadataUrl: URL | undefined
  /** What the last 401 named. */
  #challengedScope: string | undefined
  /** What a 403 named, as long as we don't have it. */
  #lackingScope: string | undefined

  constructor(options: AuthOptions) {
    this.#options = options
    const { headers, oauth, store, upstream, url, clock, random } = options
    const header = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')
    this.#mode = header ? 'header' : oauth === false ? 'off' : 'oauth'
    this.#credentials = new KeptCredentials(store, upstream, url, {
      log: (level, message, fields) => options.logger.log(level, `auth: ${message}`, { upstream, ...fields }),
    })
    this.#refresher = new Refresher({ clock, random, refresh: (signal) => this.#refresh(signal) })
    this.#view = { ...this.#seen(), since: clock.wall() }
    this.#loading = this.#load()
  }

  view(): AuthView {
    return this.#view
  }

  async authorization(signal: AbortSignal): Promise<string | undefined> {
    if (!this.#loaded) await raced(this.#loading, signal)
    const { tokens } = this.#credentials
    if (tokens && this.#refresher.due(tokens)) await raced(this.#refresher.run(), signal)
    return this.#credentials.bearer
  }

  async refused(refusal: Refusal, signal: AbortSignal): Promise<boolean> {
    if (this.#mode !== 'oauth') return this.#refusedForGood(refusal.status)
    if (!this.#loaded) await raced(this.#loading, signal)
    // Others have seen to it while this request was under way.
    if (this.#credentials.bearer !== undefined && refusal.used !== this.#credentials.bearer) return true
    const { challengeOf } = await raced(loadFlow(), signal)
    const challenge = challengeOf(refusal.wwwAuthenticate)
    this.#resourceMetadataUrl = challenge.resourceMetadataUrl ?? this.#resourceMetadataUrl
    if (refusal.status === 403) return await this.#forbidden(challenge)
    this.#challengedScope = challenge.scope
    const { tokens } = this.#credentials
    if (!tokens?.refreshToken) {
      // Without a refresh token only a person can get another.
      if (tokens) await this.#credentials.change({ tokens: undefined })
      this.#become({ needed: true, ...(!this.#signIn && { failed: false, error: 'the server wants you to sign in' }) })
      return false
    }
    if (await raced(this.#refresher.run(), signal)) return true
    if (this.#credentials.tokens === tokens)
      this.#become({ failed: true, error: this.#facts.error ?? 'the server refuses tokens that were just refreshed' })
    return false
  }

  accepted(used: string | undefined): void {
    if (used !== this.#credentials.bearer) return
    this.#refresher.proven()
    // Scopes that are missing are still missing when another request goes through.
    if ((this.#facts.failed || this.#facts.forbidden) && this.#lackingScope === undefined)
      this.#become({ failed: false, forbidden: false, error: null })
  }

  async signIn(): Promise<{ authorizationUrl: string; opened: boolean }> {
    this.#mustBeOffered()
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

  async signOut(): Promise<void> {
    if (this.#mode !== 'oauth') return
    this.cancelSignIn()
    await Promise.all([this.#loading, this.#signIn?.over])
    this.#refresher.stop()
    const { tokens, client } = this.#credentials
    // A client of the config is not bound to its issuer any longer; one that we registered may serve again.
    await this.#credentials.change({ tokens: undefined, ...(client?.source === 'config' && { client: undefined }) })
    this.#lackingScope = undefined
    this.#become({ ...noFacts, needed: true })
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
      if (this.#facts.error === null)
        this.#become({ error: `the tokens could not be revoked at the server: ${message}` })
    }
  }

  async close(): Promise<void> {
    const reason = new AppError('ABORTED', 'this upstream is closed')
    this.#life.abort(reason)
    this.#refresher.stop()
    this.#signIn?.attempt.cancel(reason)
    await Promise.all([this.#loading, this.#signIn?.over])
    await this.#credentials.written()
  }

  async #load(): Promise<void> {
    if (this.#mode === 'oauth') await this.#credentials.load()
    this.#loaded = true
    const { tokens } = this.#credentials
    if (!tokens || this.#life.signal.aborted) return
    this.#refresher.watch(tokens)
    this.#become({})
  }

  #start(Attempt: typeof SignIn): { attempt: SignIn; over: Promise<SignInEnd> } {
    const { url, openBrowser, clock, signInTimeoutMs } = this.#options
    const settings = this.#settings()
    const before = this.#facts
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
      step: (phase) => this.#become({ phase, authorizationUrl: null, error: null }),
      waiting: (authorizationUrl, client) => {
        void this.#credentials.change({ client })
        this.#become({ phase: 'waiting-for-browser', authorizationUrl })
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
      this.#become(noFacts)
      this.#log('info', 'signed in')
      this.#options.onSignedIn?.()
    } else if (end.error.code === 'ABORTED') this.#become({ ...before, needed: true, phase: null })
    else {
      this.#become({ phase: null, authorizationUrl: null, needed: true, failed: !old, error: end.error.message })
      this.#log('warn', `the sign-in failed: ${end.error.message}`)
    }
    return end
  }

  async #refresh(signal: AbortSignal): Promise<RefreshEnd> {
    const { refresh, authError } = await loadFlow()
    const { tokens, client } = this.#credentials
    if (signal.aborted || !tokens?.refreshToken) return { kind: 'superseded' }
    if (!this.#signIn) this.#become({ phase: 'refreshing' })
    const now = this.#options.clock.wall()
    let settings: ConfiguredClient | undefined
    try {
      settings = this.#settings()
      const known = settings.clientId === undefined || settings.clientId === tokens.clientId ? client : undefined
      if (known?.clientId !== tokens.clientId)
        throw new AppError('UPSTREAM_UNAUTHORIZED', 'the tokens are of another client', { error: 'invalid_client' })
      const fresh = await refresh(tokens, { client: known, settings, fetch: this.#fetch(signal), now })
      if (signal.aborted) return { kind: 'superseded' }
      const before = this.#facts
      await this.#credentials.change({ tokens: fresh })
      if (signal.aborted) return { kind: 'superseded' }
      this.#refresher.watch(fresh)
      this.#become({
        ...this.#notRefreshing(),
        needed: false,
        failed: false,
        error: this.#lackingScope ? before.error : null,
      })
      if (before.failed || before.needed) this.#options.onSignedIn?.()
      return { kind: 'refreshed' }
    } catch (thrown) {
      if (signal.aborted) return { kind: 'superseded' }
      const error = authError(thrown, secretsOf({ tokens, client }, settings))
      return await this.#notRefreshed(error)
    }
  }

  async #notRefreshed(error: AppError): Promise<RefreshEnd> {
    const { tokens, client } = this.#credentials
    const because = String(error.data?.error)
    this.#log('warn', `the tokens could not be refreshed: ${error.message}`)
    if (final.includes(because)) {
      const unknown = because !== 'invalid_grant' && client?.source === 'registered'
      await this.#credentials.change({ tokens: undefined, ...(unknown && { client: undefined }) })
      this.#become({ ...this.#notRefreshing(), needed: true, failed: false, error: `sign in again: ${error.message}` })
      return { kind: 'refused', error }
    }
    const expired = (tokens?.expiresAt ?? Number.POSITIVE_INFINITY) <= this.#options.clock.wall()
    const failed = this.#facts.failed || expired
    this.#become({ ...this.#notRefreshing(), failed, error: `the tokens could not be refreshed: ${error.message}` })
    return { kind: 'later', error }
  }

  /** A sign-in that is under way goes on showing its own step. */
  #notRefreshing(): Partial<Facts> {
    return this.#facts.phase === 'refreshing' ? { phase: null } : {}
  }

  async #forbidden({ scope, error }: Challenge): Promise<false> {
    const { scopeUnion, wantsMore, toldText } = await loadFlow()
    const granted = this.#credentials.tokens?.scopes ?? []
    if (wantsMore(scope, granted)) {
      this.#lackingScope = scope
      const lacking = scopeUnion(scope).filter((it) => !granted.includes(it))
      this.#become({
        forbidden: true,
        error: `sign in again to grant what the server asks for: ${toldText(lacking.join(' '), [])}`,
      })
    } else {
      const why =
        error === 'insufficient_scope' ? 'the scopes do not suffice, and it names none that is missing' : '403'
      this.#become({ forbidden: true, error: `the server does not let you in (${why})` })
    }
    return false
  }

  /** What the config gives is all there is. */
  #refusedForGood(status: 401 | 403): false {
    const what = this.#mode === 'header' ? 'the Authorization header of the config' : 'requests without credentials'
    const todo = this.#mode === 'header' ? 'check its token' : 'the config switches the sign-in off (oauth: false)'
    this.#become({
      failed: status === 401,
      forbidden: status === 403,
      error: `the server refuses ${what} (${status}): ${todo}`,
    })
    return false
  }

  #mustBeOffered(): void {
    const refuse = (why: string) => new AppError('INVALID_ARGUMENT', why)
    if (this.#mode === 'header') throw refuse('the config gives an Authorization header; remove it to sign in instead')
    if (this.#mode === 'off') throw refuse('the config switches the sign-in off (oauth: false)')
    if (!isProtected(this.#options.url))
      throw refuse('a sign-in needs an https URL: over plain http everybody on the way could read the tokens')
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
    return guardedFetch({ fetch, upstream, clock, timeoutMs, signal: AbortSignal.any([signal, this.#life.signal]) })
  }

  #log(level: 'info' | 'warn', message: string): void {
    this.#options.logger.log(level, `auth: ${message}`, { upstream: this.#options.upstream })
  }

  #seen(): Omit<AuthView, 'since'> {
    const { tokens, kept } = this.#credentials
    const { oauth, store } = this.#options
    const storage = kept ? store.kind : 'memory'
    return viewOf(this.#facts, { mode: this.#mode, configured: oauth !== undefined, tokens, storage })
  }

  /** The one place where the state changes. */
  #become(change: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...change }
    const before = this.#view
    const seen = this.#seen()
    this.#view = { ...seen, since: seen.state === before.state ? before.since : this.#options.clock.wall() }
    this.#options.onChange?.(this.#view, before)
  }
}
