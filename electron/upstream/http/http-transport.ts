import type { UpstreamConfig } from '../../../shared/config.ts'
import { AppError } from '../../../shared/errors.ts'
import type { AuthView } from '../../../shared/state.ts'
import type { ConnectionOptions } from '../connection-types.ts'
import type { AuthTarget, UpstreamDeps } from '../deps.ts'
import { ModernHeaders } from '../modern-headers.ts'
import type { Transport, TransportHooks } from '../transport.ts'
import type { SignIn } from '../types.ts'
import type { LinkKind } from './handshaking.ts'
import { HttpClient } from './http-client.ts'
import {
  expandedHeaders,
  expandedUrl,
  type HttpConfig,
  maskOf,
  reachesDifferently,
  serverKey,
  signsInDifferently,
} from './http-config.ts'
import { HttpConnection } from './http-connection.ts'
import { keepAliveMs } from './keep-alive.ts'

type Auth = ReturnType<NonNullable<UpstreamDeps['auth']>>

export interface HttpTransportOptions {
  /** Default {@link keepAliveMs}. */
  keepAliveMs?: number
}

/** The transport of an `http` or `sse` entry. */
export const createHttpTransport = (
  config: HttpConfig,
  deps: UpstreamDeps,
  hooks: TransportHooks,
  options: HttpTransportOptions = {},
): Transport => new HttpTransport(config, deps, hooks, options)

/** Each connection is a client session of its own. */
class HttpTransport implements Transport {
  #config: HttpConfig
  readonly #deps: UpstreamDeps
  readonly #hooks: TransportHooks
  readonly #keepAliveMs: number
  /** Which arguments of the server's tools are repeated in headers: what one connection learnt serves all. */
  #modernHeaders = new ModernHeaders()
  #auth: Auth | undefined
  /** Of credentials that the config replaced. */
  #authClosed: Promise<void> = Promise.resolve()
  /** Counts the servers: what is found out about one before a change says nothing about the one after it. */
  #generation = 0
  #linkKind: LinkKind
  #blocked: { error: AppError; identity: string } | undefined
  readonly #live = new Set<HttpConnection>()

  constructor(config: HttpConfig, deps: UpstreamDeps, hooks: TransportHooks, options: HttpTransportOptions) {
    this.#config = config
    this.#deps = deps
    this.#hooks = hooks
    this.#keepAliveMs = options.keepAliveMs ?? keepAliveMs
    this.#linkKind = config.transport
  }

  get signIn(): SignIn | null {
    const auth = this.#credentials()
    if (!auth || auth.view().kind === 'header') return null
    return {
      get view() {
        return auth.view()
      },
      signIn: () => auth.signIn(),
      completeSignIn: (redirectUrl) => auth.completeSignIn(redirectUrl),
      cancelSignIn: () => void auth.cancelSignIn(),
      signOut: () => auth.signOut(),
    }
  }

  get auth(): AuthView | null {
    return this.#credentials()?.view() ?? null
  }

  get blocked(): AppError | undefined {
    if (!this.#blocked) return undefined
    // Another variable, another token: whoever changed it wants it tried.
    if (this.#currentIdentity() !== this.#blocked.identity) this.unblock()
    return this.#blocked?.error
  }

  unblock(): void {
    this.#blocked = undefined
    this.#auth?.unbarred()
  }

  reconfigure(config: UpstreamConfig): boolean {
    if (config.transport === 'stdio') {
      throw new AppError('INVALID_ARGUMENT', `${config.name}: another transport needs another upstream`)
    }
    const before = this.#config
    this.#config = config
    if (!reachesDifferently(before, config)) return false
    this.#generation++
    this.#linkKind = config.transport
    this.#modernHeaders = new ModernHeaders()
    this.unblock()
    if (this.#auth && signsInDifferently(before, config)) {
      this.#authClosed = Promise.all([this.#authClosed, this.#auth.close()]).then(() => undefined)
      this.#auth = undefined
    }
    return true
  }

  identity(): string {
    return serverKey(this.#config, this.#deps.variables)
  }

  open(options: ConnectionOptions): HttpConnection {
    const { clock, random, clientInfo, variables } = this.#deps
    const config = this.#config
    const generation = this.#generation
    const url = expandedUrl(config, variables)
    // Told at once and by its path, not as a failure of the first request.
    expandedHeaders(config, variables)
    const authorizer = this.#credentials()
    const mask = maskOf(config, variables)
    const connection = new HttpConnection({
      ...options,
      url,
      clientInfo,
      clock,
      random,
      modernHeaders: this.#modernHeaders,
      hooks: this.#hooks,
      keepAliveMs: this.#keepAliveMs,
      mask,
      linkKind: this.#linkKind,
      foundLink: (kind) => {
        if (generation === this.#generation) this.#linkKind = kind
      },
      connect: (to) =>
        new HttpClient({
          url: to,
          headers: () => expandedHeaders(config, variables),
          authorizer,
          mask,
          clock,
          connectTimeoutMs: () => this.#config.timeouts.connectTimeoutMs,
        }),
      refused: (error) => {
        if (generation !== this.#generation) return
        const status = error.code === 'UPSTREAM_FORBIDDEN' ? 403 : 401
        if (authorizer?.barred(status) !== false) this.#block(error)
      },
    })
    this.#live.add(connection)
    void connection.gone.then(() => this.#live.delete(connection))
    return connection
  }

  async close(): Promise<void> {
    await Promise.all([this.#authClosed, this.#auth?.close()])
  }

  /** Who has signed out is not served by what was opened before. The sessions end while their server still knows us. */
  async #signingOut(): Promise<void> {
    const { name } = this.#config
    const error = new AppError('UPSTREAM_UNAUTHORIZED', `signed out of ${name}: sign in to use it again`, {
      upstream: name,
    })
    this.#block(error)
    const live = [...this.#live]
    for (const connection of live) connection.signedOut(error)
    await Promise.all(live.map(({ gone }) => gone))
  }

  #block(error: AppError): void {
    this.#blocked = { error, identity: this.#currentIdentity() }
    this.#hooks.blocked(error)
  }

  #currentIdentity(): string {
    try {
      return this.identity()
    } catch {
      return ''
    }
  }

  /** Made when they are first asked for: a URL with a variable that is not set has none. */
  #credentials(): Auth | undefined {
    const { auth, variables } = this.#deps
    if (this.#auth || !auth) return this.#auth
    const { name, headers, oauth } = this.#config
    const url = URL.parse(this.#urlOrNothing(variables))
    if (!url) return undefined
    const target: AuthTarget = {
      upstream: name,
      url,
      headers,
      oauth,
      after: this.#authClosed,
      onChange: (view, before) => {
        this.#hooks.tell('auth.changed', { view, before: before.state })
        this.#hooks.changed()
      },
      onSignedIn: () => {
        this.unblock()
        this.#hooks.unblocked()
      },
      onSigningOut: () => this.#signingOut(),
    }
    this.#auth = auth(target)
    return this.#auth
  }

  #urlOrNothing(variables: UpstreamDeps['variables']): string {
    try {
      return expandedUrl(this.#config, variables).href
    } catch {
      return ''
    }
  }
}
