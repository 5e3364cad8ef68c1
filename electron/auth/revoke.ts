import {
  discoverAuthorizationServerMetadata,
  type FetchLike,
  selectClientAuthMethod,
} from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import { type ClientSettings, clientInformation } from './client-provider.ts'
import type { Client, Tokens } from './credentials.ts'

/**
 * Tells the authorization server that these tokens are done with (RFC 7009; the SDK's client has no such function).
 * @returns false when the server does not offer it
 * @throws AppError HTTP_STATUS when it refuses; what `fetch` throws
 */
export async function revoke(
  tokens: Tokens,
  options: { client: Client; settings: ClientSettings; fetch: FetchLike },
): Promise<boolean> {
  const { client, settings, fetch } = options
  const metadata = await discoverAuthorizationServerMetadata(tokens.authorizationServerUrl, { fetchFn: fetch })
  if (!metadata || !('revocation_endpoint' in metadata) || !metadata.revocation_endpoint) return false
  const { revocation_endpoint: endpoint, token_endpoint_auth_methods_supported: methods = [] } = metadata
  const supported = metadata.revocation_endpoint_auth_methods_supported ?? methods
  const { client_id, client_secret } = clientInformation(client, settings)
  const method = selectClientAuthMethod(clientInformation(client, settings), supported)
  const revokeOne = async (token: string, hint: string) => {
    const headers = new Headers({ accept: 'application/json' })
    const body = new URLSearchParams({ token, token_type_hint: hint })
    // RFC 6749, 2.3.1, as the SDK does it at the token endpoint.
    if (method === 'client_secret_basic')
      headers.set('authorization', `Basic ${Buffer.from(`${client_id}:${client_secret ?? ''}`).toString('base64')}`)
    else {
      body.set('client_id', client_id)
      if (method === 'client_secret_post' && client_secret !== undefined) body.set('client_secret', client_secret)
    }
    const response = await fetch(endpoint, { method: 'POST', headers, body })
    if (!response.ok)
      throw new AppError('HTTP_STATUS', `the revocation endpoint answered HTTP ${response.status}`, {
        status: response.status,
      })
  }
  // The one that could make others first; with it the server should end the rest too (RFC 7009, 2.1), but need not.
  if (tokens.refreshToken !== null) await revokeOne(tokens.refreshToken, 'refresh_token')
  await revokeOne(tokens.accessToken, 'access_token')
  return true
}
