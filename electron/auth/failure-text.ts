import {
  AuthorizationServerMismatchError,
  InsecureTokenEndpointError,
  IssuerMismatchError,
  OAuthError,
  RegistrationRejectedError,
} from '@modelcontextprotocol/client'
import { AppError, type ErrorCode } from '../../shared/errors.ts'
import { EndpointError } from './endpoints.ts'

const mask = '••••'
const longestText = 300

/** What a server says about a refusal, fit for a message: nothing that is secret, no control characters, not long. */
export function toldText(text: string, secrets: readonly (string | undefined)[]): string {
  const masked = secrets.reduce<string>((left, secret) => (secret ? left.replaceAll(secret, mask) : left), text)
  const plain = masked.replace(/\p{C}+/gu, ' ').trim()
  return plain.length > longestText ? `${plain.slice(0, longestText)}…` : plain
}

/**
 * Any failure of a sign-in, a refresh or a revocation as an error that a person can act on. Bodies and parsers' messages
 * stay out: they may quote tokens. No `cause` either, for the same reason.
 * @param secrets what must not show up, should a server echo it
 */
export function authError(error: unknown, secrets: readonly (string | undefined)[]): AppError {
  if (error instanceof AppError) return error
  if (error instanceof EndpointError) return new AppError(error.code, toldText(error.message, secrets), error.data)
  const { text, data } = explain(error)
  const code: ErrorCode = 'UPSTREAM_UNAUTHORIZED'
  return new AppError(code, toldText(text, secrets), data)
}

function explain(error: unknown): { text: string; data?: Record<string, unknown> } {
  // Whatever came with a foreign answer is the attacker's to choose: none of it is shown (RFC 9207, 2.4).
  if (error instanceof IssuerMismatchError)
    return error.kind === 'metadata'
      ? { text: `the authorization server's metadata names another issuer than the server it came from` }
      : {
          text: 'the answer came from another authorization server than the one that was asked; the sign-in was stopped',
        }
  if (error instanceof AuthorizationServerMismatchError)
    return {
      text: `the server now names ${error.currentIssuer} as its authorization server, but the client was registered with ${error.recordedIssuer}. Sign out first if that is right.`,
    }
  if (error instanceof InsecureTokenEndpointError)
    return { text: `the token endpoint ${error.tokenEndpoint} does not use https` }
  if (error instanceof RegistrationRejectedError)
    return {
      text: `the authorization server refuses to register us: ${oauthText(error.body) ?? `HTTP ${error.status}`}. Register a client there by hand, and put its id into the config as oauth.clientId.`,
      data: { status: error.status },
    }
  if (error instanceof OAuthError) {
    // What the SDK could not read, it quotes whole.
    if (error.message.includes('Raw body:'))
      return { text: 'the authorization server answered in a way that is not OAuth' }
    const said = error.message && error.message !== error.code ? ` (${error.message})` : ''
    return { text: `the authorization server refuses: ${error.code}${said}`, data: { error: error.code } }
  }
  // The SDK's own findings ("does not support response type code") are plain errors; parsers have classes of theirs.
  if (error instanceof Error && error.constructor === Error) return { text: error.message }
  return { text: 'the authorization server answered in a way that is not OAuth' }
}

function oauthText(body: string): string | undefined {
  try {
    const { error, error_description } = JSON.parse(body) as Record<string, unknown>
    if (typeof error !== 'string') return undefined
    return typeof error_description === 'string' ? `${error} (${error_description})` : error
  } catch {
    return undefined
  }
}
