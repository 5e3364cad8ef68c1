import {
  type OAuthClientInformationMixed,
  type OAuthClientProvider,
  type OAuthTokens,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { browse } from './browser.ts'
import type { Subject, SubjectOptions } from './subject.ts'

/** Nobody listens there: the person's browser stops before it. */
const redirectUrl = 'http://127.0.0.1:9/callback'

/** Remembers what it is given for as long as the program runs; credentials by issuer, as the SDK wants it. */
class Memory implements OAuthClientProvider {
  readonly redirectUrl = redirectUrl
  readonly clientMetadata = {
    client_name: 'conformance',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }
  readonly clientMetadataUrl?: string
  authorizationUrl: URL | undefined
  readonly #clients = new Map<string | undefined, OAuthClientInformationMixed>()
  readonly #registered: OAuthClientInformationMixed | undefined
  #tokens: OAuthTokens | undefined
  #verifier = ''

  constructor({ registered, clientMetadataUrl }: SubjectOptions) {
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl
    this.#registered = registered && { client_id: registered.clientId, client_secret: registered.clientSecret }
  }

  clientInformation = (context?: { issuer?: string }) => this.#registered ?? this.#clients.get(context?.issuer)
  saveClientInformation = (client: OAuthClientInformationMixed, context?: { issuer?: string }) =>
    void this.#clients.set(context?.issuer, client)
  tokens = () => this.#tokens
  saveTokens = (tokens: OAuthTokens) => {
    this.#tokens = tokens
  }
  redirectToAuthorization = (url: URL) => {
    this.authorizationUrl = url
  }
  saveCodeVerifier = (verifier: string) => {
    this.#verifier = verifier
  }
  codeVerifier = () => this.#verifier
}

/** The SDK's own client, without us: shows what the scenarios make of a good client. */
export function sdkSubject(options: SubjectOptions): Subject {
  const provider = new Memory(options)
  let transport: StreamableHTTPClientTransport | undefined
  return {
    async connect(newClient) {
      transport = new StreamableHTTPClientTransport(new URL(options.url), { authProvider: provider })
      const client = newClient()
      await client.connect(transport)
      return client
    },
    async signIn() {
      const url = provider.authorizationUrl
      if (!url || !transport) return false
      provider.authorizationUrl = undefined
      await transport.finishAuth((await browse(url, redirectUrl)).searchParams)
      return true
    },
    close: async () => transport?.close(),
  }
}
