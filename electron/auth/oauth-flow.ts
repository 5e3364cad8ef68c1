import {
  auth,
  computeScopeUnion,
  discoverAuthorizationServerMetadata,
  discoverOAuthServerInfo,
  exchangeAuthorization,
  extractWWWAuthenticateParams,
  type FetchLike,
  isStrictScopeSuperset,
  type OAuthServerInfo,
  type OAuthTokens,
  refreshAuthorization,
  validateAuthorizationResponseIssuer,
} from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import { ClientProvider, type ClientSettings, clientInformation } from './client-provider.ts'
import type { Client, Tokens } from './credentials.ts'
import { checkedEndpoint, EndpointError } from './endpoints.ts'
import { toldText } from './failure-text.ts'

/**
 * The steps of MCP's authorization (OAuth 2.1, authorization code with PKCE) on the SDK's functions. The SDK's own way through
 * all of them, `auth()`, is used up to the browser only: afterwards, and for a refresh, it would start a new authorization by
 * itself, redeem a code twice, and write what servers say to the console.
 */

/** What a refusal asks for. */
export interface Challenge {
  resourceMetadataUrl: URL | undefined
  scope: string | undefined
  error: string | undefined
  /** What the server wants instead of a token: credentials that no sign-in brings. */
  otherScheme: string | undefined
}

/** Schemes that are no OAuth; of others nobody knows (RFC 9110, 16.4.1 has their registry). */
const otherSchemes = /(?<=^|,\s*)(?:basic|digest|negotiate|ntlm)\b/i

/** Of several challenges in the header the Bearer one counts. */
export function challengeOf(wwwAuthenticate: string | null): Challenge {
  const at = wwwAuthenticate?.search(/(?<=^|,\s*)bearer\s/i) ?? -1
  const headers = at < 0 ? undefined : { 'WWW-Authenticate': wwwAuthenticate?.slice(at) ?? '' }
  const { resourceMetadataUrl, scope, error } = extractWWWAuthenticateParams(new Response(null, headers && { headers }))
  const otherScheme = /(?<=^|,\s*)bearer\b/i.test(wwwAuthenticate ?? '')
    ? undefined
    : wwwAuthenticate?.match(otherSchemes)?.[0]
  return { resourceMetadataUrl, scope, error, otherScheme }
}

export const scopeUnion = (...scopes: readonly (string | undefined)[]): string[] =>
  computeScopeUnion(...scopes)?.split(' ') ?? []

/** Whether `wanted` has a scope that is not among the granted ones. */
export const wantsMore = (wanted: string | undefined, granted: readonly string[]): boolean =>
  isStrictScopeSuperset(wanted, granted.join(' '))

/** An authorization request that waits for its answer. */
export interface Asked {
  authorizationUrl: URL
  state: string
  redirectUri: string
  client: Client
  verifier: string
  resource: string | null
  server: OAuthServerInfo
}

/** Discovery, registration where it is needed, and the URL for the browser. */
export async function ask(options: {
  upstream: URL
  settings: ClientSettings
  known: Client | undefined
  scope: string | undefined
  resourceMetadataUrl: URL | undefined
  redirectUri: string
  state: string
  fetch: FetchLike
  registering: () => void
}): Promise<Asked> {
  const { upstream, settings, known, scope, resourceMetadataUrl, redirectUri, state, fetch, registering } = options
  const server = await discoverOAuthServerInfo(upstream, { resourceMetadataUrl, fetchFn: fetch })
  const discovery = { ...server, resourceMetadataUrl: resourceMetadataUrl?.href }
  const provider = new ClientProvider({ redirectUrl: redirectUri, settings, known, state, discovery, registering })
  try {
    await auth(provider, {
      serverUrl: upstream,
      scope,
      resourceMetadataUrl,
      fetchFn: fetch,
      forceReauthorization: true,
    })
  } catch (error) {
    const described = server.resourceMetadata !== undefined || server.authorizationServerMetadata !== undefined
    throw described || settings.clientId !== undefined || isOfTheWay(error) ? error : noSignIn()
  }
  const { url, client, verifier, resource } = provider.request
  const authorizationUrl = checkedEndpoint(url, upstream)
  return { authorizationUrl, state, redirectUri, client, verifier, resource, server }
}

/** Whether it says nothing about what the server offers: it was not reached, or nobody waits any more. */
const isOfTheWay = (error: unknown): boolean =>
  error instanceof AppError || (error instanceof EndpointError && error.code !== 'HTTP_STATUS')

/** Without metadata the places of MCP 2025-03-26 were tried, and they are not there either. */
const noSignIn = (): AppError =>
  new AppError(
    'UPSTREAM_UNAUTHORIZED',
    'the server describes no sign-in (OAuth) and registers no clients: put the credentials that it wants into its headers in the config. If it has a sign-in all the same, register a client there by hand, and put its id into the config as oauth.clientId.',
  )

/**
 * The answer that the browser brought, for tokens.
 * @throws AppError UPSTREAM_UNAUTHORIZED when it is a refusal; whatever the SDK throws
 */
export async function redeem(
  asked: Asked,
  answer: URLSearchParams,
  options: { settings: ClientSettings; fetch: FetchLike; now: number },
): Promise<Tokens> {
  const { server, client, verifier } = asked
  const metadata = server.authorizationServerMetadata
  const iss = answer.get('iss') ?? undefined
  // Before anything else of the answer is looked at.
  validateAuthorizationResponseIssuer({
    iss,
    expectedIssuer: metadata?.issuer,
    issParameterSupported: metadata?.authorization_response_iss_parameter_supported === true,
  })
  const code = answer.get('code')
  if (!code) throw refusal(answer, [asked.state])
  const issued = await exchangeAuthorization(server.authorizationServerUrl, {
    ...(metadata && { metadata }),
    clientInformation: clientInformation(client, options.settings),
    authorizationCode: code,
    ...(iss !== undefined && { iss }),
    codeVerifier: verifier,
    redirectUri: asked.redirectUri,
    ...(asked.resource !== null && { resource: asked.resource }),
    fetchFn: options.fetch,
  })
  return tokensOf(issued, {
    issuer: client.issuer,
    authorizationServerUrl: server.authorizationServerUrl,
    resource: asked.resource,
    clientId: client.clientId,
    // Left out: just what was asked for (RFC 6749, 5.1).
    asked: asked.authorizationUrl.searchParams.get('scope') ?? undefined,
    now: options.now,
  })
}

/** @throws whatever the SDK throws: an OAuthError of code invalid_grant means that a person must sign in again */
export async function refresh(
  tokens: Tokens,
  options: { client: Client; settings: ClientSettings; fetch: FetchLike; now: number },
): Promise<Tokens> {
  const { authorizationServerUrl, refreshToken, resource } = tokens
  if (refreshToken === null) throw new Error('there is no refresh token')
  const metadata = await discoverAuthorizationServerMetadata(authorizationServerUrl, { fetchFn: options.fetch })
  const issued = await refreshAuthorization(authorizationServerUrl, {
    ...(metadata && { metadata }),
    clientInformation: clientInformation(options.client, options.settings),
    refreshToken,
    ...(resource !== null && { resource }),
    fetchFn: options.fetch,
  })
  return tokensOf(issued, { ...tokens, asked: tokens.scopes.join(' '), now: options.now })
}

function tokensOf(
  issued: OAuthTokens,
  about: Pick<Tokens, 'issuer' | 'authorizationServerUrl' | 'resource' | 'clientId'> & {
    asked: string | undefined
    now: number
  },
): Tokens {
  const { issuer, authorizationServerUrl, resource, clientId, asked, now } = about
  if (issued.token_type.toLowerCase() !== 'bearer')
    throw new AppError(
      'UPSTREAM_UNAUTHORIZED',
      `the authorization server issues tokens of type ${JSON.stringify(toldText(issued.token_type, []))}; only Bearer is known here`,
    )
  // It becomes part of a header (RFC 6750, 2.1).
  if (!/^[\x21-\x7e]+$/.test(issued.access_token))
    throw new AppError('UPSTREAM_UNAUTHORIZED', 'the authorization server issued a token that no header can carry')
  return {
    issuer,
    authorizationServerUrl,
    resource,
    clientId,
    accessToken: issued.access_token,
    refreshToken: issued.refresh_token ?? null,
    scopes: scopeUnion(issued.scope ?? asked),
    issuedAt: now,
    expiresAt: issued.expires_in === undefined ? null : now + Math.max(0, issued.expires_in) * 1000,
  }
}

/** RFC 6749, 4.1.2.1. */
function refusal(answer: URLSearchParams, secrets: readonly string[]): AppError {
  const error = toldText(answer.get('error') ?? '', secrets)
  if (error === 'access_denied')
    return new AppError('UPSTREAM_UNAUTHORIZED', 'access was denied at the authorization server', { error })
  const said = toldText(answer.get('error_description') ?? '', secrets)
  const what = error
    ? `the authorization server refuses: ${error}${said ? ` (${said})` : ''}`
    : 'the answer holds no code'
  return new AppError('UPSTREAM_UNAUTHORIZED', what, error ? { error } : undefined)
}
