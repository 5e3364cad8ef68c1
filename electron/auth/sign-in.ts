import { createHash, timingSafeEqual } from 'node:crypto'
import type { FetchLike } from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import { deferred } from '../kit/deferred.ts'
import { randomHandle } from '../kit/ids.ts'
import type { ClientSettings } from './client-provider.ts'
import type { Client, Tokens } from './credentials.ts'
import { authError } from './failure-text.ts'
import { LoopbackRedirect, type Verdict } from './loopback-redirect.ts'
import { type Asked, ask, redeem } from './oauth-flow.ts'

export interface SignInOptions {
  upstream: URL
  settings: ClientSettings
  /** Of the config; 0 for any. */
  redirectPort: number
  known: Client | undefined
  scope: string | undefined
  resourceMetadataUrl: URL | undefined
  /** Requests of this sign-in, ended by its signal. */
  fetch(signal: AbortSignal): FetchLike
  openBrowser: ((url: string) => Promise<void>) | undefined
  clock: Clock
  timeoutMs: number
  step(phase: 'discovering' | 'registering' | 'exchanging'): void
  /** A client is to be kept: it is known to the server from now on. */
  waiting(authorizationUrl: string, client: Client): void
  browserFailed(error: unknown): void
}

/** A browser takes a moment to start; an opener that says nothing for this long leaves it to the person. */
const openerMs = 5_000

/** How a sign-in ended. `unanswered`: the browser never came back, maybe because the server does not know us any more. */
export type SignInEnd = { tokens: Tokens } | { error: AppError; unanswered: boolean }

/** One sign-in, from the click to the tokens. */
export class SignIn {
  /** Once the browser is to be used; rejects when it does not come to that. */
  readonly started: Promise<{ authorizationUrl: string; opened: boolean }>
  /** Never rejects. */
  readonly done: Promise<SignInEnd>
  readonly #options: SignInOptions
  readonly #state = randomHandle(256)
  readonly #aborter = new AbortController()
  readonly #answer = deferred<URLSearchParams>()
  readonly #started = deferred<{ authorizationUrl: string; opened: boolean }>()
  readonly #verdict = deferred<Verdict>()
  #asked: Asked | undefined
  #code: string | undefined

  constructor(options: SignInOptions) {
    this.#options = options
    this.started = this.#started.promise
    // Who only waits for the end does not have to listen here as well.
    this.started.catch(() => undefined)
    this.#answer.promise.catch(() => undefined)
    this.#aborter.signal.addEventListener('abort', () => this.#answer.reject(this.#aborter.signal.reason), {
      once: true,
    })
    this.done = this.#run()
  }

  /** The first reason counts. */
  cancel(reason: AppError): void {
    this.#aborter.abort(reason)
  }

  /** Opens the browser once more, when it is its turn. */
  async again(): Promise<{ authorizationUrl: string; opened: boolean }> {
    if (!this.#started.settled) return await this.started
    const first = await this.started
    return this.#answer.settled ? first : { ...first, opened: await this.#open(first.authorizationUrl) }
  }

  /** @throws AppError INVALID_ARGUMENT when it is not the answer that is waited for */
  complete(redirectUrl: string): void {
    const asked = this.#asked
    if (!asked) throw new AppError('INVALID_ARGUMENT', 'the sign-in does not wait for an answer yet')
    const url = URL.canParse(redirectUrl.trim()) ? new URL(redirectUrl.trim()) : undefined
    if (!url || `${url.origin}${url.pathname}` !== asked.redirectUri)
      throw new AppError(
        'INVALID_ARGUMENT',
        `paste the whole address at which the browser ended: it begins with ${asked.redirectUri}`,
      )
    if (!this.#take(url.searchParams))
      throw new AppError('INVALID_ARGUMENT', 'this answer does not belong to the sign-in that waits, or came before')
  }

  async #run(): Promise<SignInEnd> {
    const { clock, timeoutMs, step, fetch, settings } = this.#options
    const { signal } = this.#aborter
    let redirect: LoopbackRedirect | undefined
    const timer = clock.after(timeoutMs, () => {
      const seconds = Math.round(timeoutMs / 1000)
      this.cancel(new AppError('DEADLINE_EXCEEDED', `the sign-in was not finished within ${seconds} s`))
    })
    const end = await (async (): Promise<SignInEnd> => {
      try {
        step('discovering')
        redirect = await this.#listen()
        const asked = await this.#ask(redirect.uri)
        const url = asked.authorizationUrl.href
        this.#options.waiting(url, asked.client)
        // Not waited for: some openers stay as long as the browser does.
        void this.#open(url).then((opened) => this.#started.resolve({ authorizationUrl: url, opened }))
        const answer = await this.#answer.promise
        step('exchanging')
        const tokens = await redeem(asked, answer, { settings, fetch: fetch(signal), now: clock.wall() })
        signal.throwIfAborted()
        return { tokens }
      } catch (thrown) {
        const error = authError(signal.aborted ? signal.reason : thrown, this.#secrets())
        this.#started.reject(error)
        return { error, unanswered: this.#asked !== undefined && signal.aborted }
      }
    })()
    timer.cancel()
    this.#verdict.resolve('tokens' in end ? { ok: true } : { ok: false, message: `${end.error.message}.` })
    await redirect?.close()
    return end
  }

  /** At the port that the server knows us by, as long as we may choose: it may compare redirect URIs to the letter. */
  async #listen(): Promise<LoopbackRedirect> {
    const { redirectPort, known } = this.#options
    const take = (answer: URLSearchParams) => (this.#take(answer) ? this.#verdict.promise : undefined)
    if (redirectPort !== 0) return await LoopbackRedirect.listen(redirectPort, take)
    const before = known?.source === 'registered' ? Number(new URL(known.redirectUri).port) : 0
    if (before === 0) return await LoopbackRedirect.listen(0, take)
    return await LoopbackRedirect.listen(before, take).catch(() => LoopbackRedirect.listen(0, take))
  }

  async #ask(redirectUri: string): Promise<Asked> {
    const { upstream, settings, known, scope, resourceMetadataUrl, fetch, step } = this.#options
    const { signal } = this.#aborter
    signal.throwIfAborted()
    const asked = await ask({
      upstream,
      settings,
      known,
      scope,
      resourceMetadataUrl,
      redirectUri,
      state: this.#state,
      fetch: fetch(signal),
      registering: () => step('registering'),
    })
    signal.throwIfAborted()
    this.#asked = asked
    return asked
  }

  /** @returns whether it is known to be open, after {@link openerMs} at the latest; at once when the sign-in goes on or ends */
  async #open(url: string): Promise<boolean> {
    const { openBrowser, browserFailed, clock } = this.#options
    if (!openBrowser) return false
    const opened = deferred<boolean>()
    const leave = () => opened.resolve(false)
    const timer = clock.after(openerMs, leave)
    this.#answer.promise.then(leave, leave)
    const open = async () => openBrowser(url)
    open().then(
      () => opened.resolve(true),
      (error: unknown) => {
        if (!this.#answer.settled) browserFailed(error)
        leave()
      },
    )
    return await opened.promise.finally(() => timer.cancel())
  }

  /** @returns whether it is the answer that is waited for; only the first counts */
  #take(answer: URLSearchParams): boolean {
    if (!this.#asked || this.#answer.settled || !sameText(answer.get('state') ?? '', this.#state)) return false
    this.#code = answer.get('code') ?? undefined
    this.#answer.resolve(answer)
    return true
  }

  #secrets(): (string | undefined)[] {
    const { settings, known } = this.#options
    const { client, verifier } = this.#asked ?? {}
    return [settings.clientSecret, known?.clientSecret, client?.clientSecret, verifier, this.#state, this.#code]
  }
}

/** In a time that does not depend on where they differ. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
