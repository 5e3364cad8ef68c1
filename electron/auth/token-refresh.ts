import type { FetchLike } from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import { type KeptCredentials, secretsOf } from './credentials.ts'
import type { Standing } from './facts.ts'
import type { RefreshEnd } from './refresher.ts'
import type { ConfiguredClient } from './settings.ts'

/** Answers of a token endpoint after which only a person can help (RFC 6749, 5.2). */
const final = ['invalid_grant', 'invalid_client', 'unauthorized_client']

export interface TokenRefreshOptions {
  credentials: KeptCredentials
  standing: Standing
  clock: Clock
  /** @throws AppError CONFIG_INVALID */
  settings(): ConfiguredClient
  fetch(signal: AbortSignal): FetchLike
  /** Aborted when these credentials are closed: tokens that come afterwards are kept, a failure is nobody's any more. */
  life: AbortSignal
  /** There are tokens again where there were none that helped. */
  recovered(): void
  warn(message: string): void
}

/** One refresh, and what becomes of the tokens. Never rejects. @param signal aborted when other tokens count by now, or none */
export async function refreshTokens(options: TokenRefreshOptions, signal: AbortSignal): Promise<RefreshEnd> {
  const { credentials, standing, clock, fetch, recovered } = options
  const { refresh, authError } = await import('./flow.ts')
  const { tokens, client } = credentials
  if (signal.aborted || !tokens?.refreshToken) return { kind: 'superseded' }
  if (standing.facts.phase === null) standing.become({ phase: 'refreshing' })
  // Before the request: it may take a while, and the life of what it brings counts from somewhere in it.
  const now = clock.wall()
  let settings: ConfiguredClient | undefined
  try {
    settings = options.settings()
    const known = settings.clientId === undefined || settings.clientId === tokens.clientId ? client : undefined
    if (known?.clientId !== tokens.clientId)
      throw new AppError('UPSTREAM_UNAUTHORIZED', 'the tokens are of another client', { error: 'invalid_client' })
    const fresh = await refresh(tokens, { client: known, settings, fetch: fetch(signal), now })
    if (signal.aborted) return { kind: 'superseded' }
    await credentials.change({ tokens: fresh })
    if (signal.aborted) return { kind: 'superseded' }
    const { failed, needed, forbidden, error } = standing.facts
    standing.endRefresh({ needed: false, failed: false, error: forbidden ? error : null })
    if (failed || needed) recovered()
    return { kind: 'refreshed', tokens: fresh }
  } catch (thrown) {
    if (signal.aborted || options.life.aborted) return { kind: 'superseded' }
    return await notRefreshed(options, authError(thrown, secretsOf({ tokens, client }, settings)))
  }
}

async function notRefreshed(
  { credentials, standing, clock, warn }: TokenRefreshOptions,
  error: AppError,
): Promise<RefreshEnd> {
  const { tokens, client } = credentials
  const because = String(error.data?.error)
  warn(`the tokens could not be refreshed: ${error.message}`)
  if (final.includes(because)) {
    const unknown = because !== 'invalid_grant' && client?.source === 'registered'
    await credentials.change({ tokens: undefined, ...(unknown && { client: undefined }) })
    standing.endRefresh({ needed: true, failed: false, forbidden: false, error: `sign in again: ${error.message}` })
    return { kind: 'refused', error }
  }
  const expired = (tokens?.expiresAt ?? Number.POSITIVE_INFINITY) <= clock.wall()
  const failed = standing.facts.failed || expired
  standing.endRefresh({ failed, error: `the tokens could not be refreshed: ${error.message}` })
  return { kind: 'later', error }
}
