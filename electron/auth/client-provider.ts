import type {
  OAuthClientInformationContext,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
} from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import type { Client } from './credentials.ts'

/** What the config says of us, `${VAR}` filled in. */
export interface ClientSettings {
  clientId?: string | undefined
  clientSecret?: string | undefined
  clientMetadataUrl?: string | undefined
}

/** One sign-in as the SDK's `auth()` sees it, up to the moment when the browser is to be opened. Keeps what the rest of it needs. */
export class ClientProvider implements OAuthClientProvider {
  readonly redirectUrl: string
  readonly clientMetadataUrl?: string
  readonly #settings: ClientSettings
  readonly #known: Client | undefined
  readonly #state: string
  readonly #registering: () => void
  readonly #discovery: OAuthDiscoveryState
  #client: Client | undefined
  #verifier: string | undefined
  #authorizationUrl: URL | undefined
  #resource: string | null = null

  constructor(options: {
    redirectUrl: string
    settings: ClientSettings
    /** Of an earlier sign-in. */
    known: Client | undefined
    state: string
    discovery: OAuthDiscoveryState
    /** We are about to register ourselves. */
    registering: () => void
  }) {
    this.redirectUrl = options.redirectUrl
    if (options.settings.clientMetadataUrl !== undefined) this.clientMetadataUrl = options.settings.clientMetadataUrl
    this.#settings = options.settings
    this.#known = options.known
    this.#state = options.state
    this.#discovery = options.discovery
    this.#registering = options.registering
  }

  /** RFC 7591, section 2; a native app (RFC 8252) is a public client where the server has such. */
  get clientMetadata(): OAuthClientMetadata {
    const offered = this.#discovery.authorizationServerMetadata?.token_endpoint_auth_methods_supported
    const method = ['none', 'client_secret_basic', 'client_secret_post'].find((it) => offered?.includes(it) ?? true)
    return {
      client_name: 'Poolscope',
      redirect_uris: [this.redirectUrl],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      ...(method ? { token_endpoint_auth_method: method } : {}),
    }
  }

  state(): string {
    return this.#state
  }

  discoveryState(): OAuthDiscoveryState {
    return this.#discovery
  }

  clientInformation(context?: OAuthClientInformationContext): StoredOAuthClientInformation | undefined {
    const issuer = context?.issuer ?? ''
    this.#client ??= this.#configured(issuer) ?? this.#usable(issuer)
    if (this.#client) return clientInformation(this.#client, this.#settings)
    const { authorizationServerMetadata: metadata } = this.#discovery
    const byDocument = metadata?.client_id_metadata_document_supported === true && this.clientMetadataUrl
    if (metadata && !metadata.registration_endpoint && !byDocument)
      throw new AppError(
        'UPSTREAM_UNAUTHORIZED',
        `${issuer} does not register clients by itself. Register one there by hand, and put its id into the config as oauth.clientId.`,
      )
    if (!byDocument) this.#registering()
    return undefined
  }

  saveClientInformation(information: StoredOAuthClientInformation, context?: OAuthClientInformationContext): void {
    const { client_id, client_secret } = information
    const { token_endpoint_auth_method: authMethod, client_secret_expires_at } =
      'redirect_uris' in information ? information : {}
    this.#client = {
      issuer: context?.issuer ?? '',
      clientId: client_id,
      redirectUri: this.redirectUrl,
      source: client_id === this.clientMetadataUrl ? 'document' : 'registered',
      ...(client_secret === undefined ? {} : { clientSecret: client_secret }),
      ...(authMethod === undefined ? {} : { authMethod }),
      ...(client_secret_expires_at === undefined ? {} : { secretExpiresAt: client_secret_expires_at }),
    }
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    if (this.#verifier === undefined) throw new Error('no authorization request was made')
    return this.#verifier
  }

  saveResourceUrl(resource: string): void {
    this.#resource = resource
  }

  redirectToAuthorization(url: URL): void {
    this.#authorizationUrl = url
  }

  /** A sign-in gets new tokens, whatever there is. */
  tokens(): undefined {
    return undefined
  }

  saveTokens(): void {
    throw new Error('tokens are saved by who asks for them')
  }

  /** What the authorization request was made of. */
  get request(): { url: URL; client: Client; verifier: string; resource: string | null } {
    if (!this.#authorizationUrl || !this.#client) throw new Error('no authorization request was made')
    return {
      url: this.#authorizationUrl,
      client: this.#client,
      verifier: this.codeVerifier(),
      resource: this.#resource,
    }
  }

  /** Bound to the issuer that it was used at first: a server that names another one gets neither the id nor the secret. */
  #configured(issuer: string): Client | undefined {
    const { clientId } = this.#settings
    if (clientId === undefined) return undefined
    const bound = this.#known?.source === 'config' && this.#known.clientId === clientId ? this.#known.issuer : issuer
    if (bound !== issuer)
      throw new AppError(
        'UPSTREAM_UNAUTHORIZED',
        `the server now names ${issuer} as its authorization server; oauth.clientId was used with ${bound} so far, and is not sent elsewhere. Sign out first if that is right.`,
      )
    return { issuer, clientId, source: 'config', redirectUri: this.redirectUrl }
  }

  #usable(issuer: string): Client | undefined {
    const known = this.#known
    if (known?.issuer !== issuer || known.source === 'config') return undefined
    if (this.clientMetadataUrl !== undefined) return known.clientId === this.clientMetadataUrl ? known : undefined
    return known.source === 'registered' && known.redirectUri === this.redirectUrl ? known : undefined
  }
}

/** A client as the SDK takes it; the secret of one from the config comes from there. */
export function clientInformation(client: Client, settings: ClientSettings): StoredOAuthClientInformation {
  const secret = client.source === 'config' ? settings.clientSecret : client.clientSecret
  return {
    client_id: client.clientId,
    issuer: client.issuer,
    redirect_uris: [client.redirectUri],
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(client.authMethod === undefined ? {} : { token_endpoint_auth_method: client.authMethod }),
  }
}
