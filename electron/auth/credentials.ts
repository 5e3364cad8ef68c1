import { z } from 'zod'
import type { Logger } from '../kit/logger.ts'
import type { SecretStore } from './types.ts'

/** How we are known at one authorization server. Its secret is kept only when that server gave it to us. */
const clientSchema = z.object({
  issuer: z.string(),
  clientId: z.string(),
  clientSecret: z.string().optional(),
  authMethod: z.string().optional(),
  /** config: its id stands there; document: a client metadata document; registered: by ourselves, for one redirect URI. */
  source: z.enum(['config', 'document', 'registered']),
  redirectUri: z.string(),
  /** Epoch seconds; 0 = never (RFC 7591, 3.2.1). */
  secretExpiresAt: z.number().optional(),
})
export type Client = z.infer<typeof clientSchema>

const tokensSchema = z.object({
  issuer: z.string(),
  authorizationServerUrl: z.string(),
  /** The resource indicator (RFC 8707), as the server's metadata spells it. */
  resource: z.string().nullable(),
  clientId: z.string(),
  accessToken: z.string(),
  refreshToken: z.string().nullable(),
  scopes: z.array(z.string()),
  /** Epoch milliseconds; null when the server did not say. */
  issuedAt: z.number(),
  expiresAt: z.number().nullable(),
})
export type Tokens = z.infer<typeof tokensSchema>

const recordSchema = z.object({ client: clientSchema.optional(), tokens: tokensSchema.optional() })
type Credentials = z.infer<typeof recordSchema>

/**
 * What is kept of one upstream's sign-in. The key holds the upstream's name, origin and path, the record the issuer: when the
 * config's URL changes, or the server names another authorization server, nothing of this goes there.
 */
export class KeptCredentials {
  readonly #store: SecretStore
  readonly #key: string
  readonly #logger: Logger
  #now: Credentials = {}
  #bearer: string | undefined
  #kept = true
  #writing: Promise<void> = Promise.resolve()

  constructor(store: SecretStore, upstream: string, url: URL, logger: Logger) {
    this.#store = store
    this.#key = `oauth ${upstream} ${url.origin}${url.pathname}`
    this.#logger = logger
  }

  get tokens(): Tokens | undefined {
    return this.#now.tokens
  }

  /** The tokens as a request carries them. */
  get bearer(): string | undefined {
    return this.#bearer
  }

  get client(): Client | undefined {
    return this.#now.client
  }

  /** Whether the store has what is used: else it is lost at the end of this process. */
  get kept(): boolean {
    return this.#kept
  }

  /** What can't be read counts as nothing: a person signs in again. */
  async load(): Promise<void> {
    try {
      const text = await this.#store.get(this.#key)
      if (text === undefined) return
      const parsed = recordSchema.safeParse(JSON.parse(text))
      if (parsed.success) this.#use(parsed.data)
      else this.#logger.log('warn', 'the kept sign-in is not in a form that is known; it is not used')
    } catch (error) {
      this.#warn('the kept sign-in could not be read', error)
    }
  }

  /** In use at once. Never rejects: what could not be kept is in use all the same. */
  change(change: Partial<Credentials>): Promise<void> {
    this.#use({ ...this.#now, ...change })
    this.#writing = this.#write(this.#now, this.#writing)
    return this.#writing
  }

  /** When everything is written. */
  written(): Promise<void> {
    return this.#writing
  }

  #use(credentials: Credentials): void {
    this.#now = credentials
    this.#bearer = credentials.tokens && `Bearer ${credentials.tokens.accessToken}`
  }

  async #write({ client, tokens }: Credentials, before: Promise<void>): Promise<void> {
    await before
    try {
      if (client || tokens) await this.#store.set(this.#key, JSON.stringify({ client, tokens }))
      else await this.#store.delete(this.#key)
      this.#kept = true
    } catch (error) {
      this.#kept = false
      this.#warn('the sign-in could not be kept and is lost when Poolscope ends', error)
    }
  }

  /** Of an error only its kind: a parser's message may quote what it read. */
  #warn(what: string, error: unknown): void {
    const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
    this.#logger.log('warn', what, { cause: String(code ?? name ?? 'unknown') })
  }
}

/** What of these must not show up anywhere. */
export function secretsOf(
  { client, tokens }: Credentials,
  settings?: { clientSecret?: string | undefined },
): (string | undefined)[] {
  return [tokens?.accessToken, tokens?.refreshToken ?? undefined, client?.clientSecret, settings?.clientSecret]
}
