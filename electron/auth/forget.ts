import type { FetchLike } from '@modelcontextprotocol/client'
import { AppError } from '../../shared/errors.ts'
import { KeptCredentials, secretsOf } from './credentials.ts'
import { guardedFetch } from './guarded-fetch.ts'
import { type ConfiguredClient, configuredClient } from './settings.ts'
import { type AuthOptions, defaultRequestTimeoutMs } from './types.ts'

/** Nobody looks at an upstream that is gone: its authorization server has this long to take back the tokens. */
export const revocationMs = 5_000

export type ForgetOptions = Pick<
  AuthOptions,
  'upstream' | 'url' | 'oauth' | 'expand' | 'store' | 'clock' | 'logger' | 'fetch'
> & {
  /** Ends the revocation; what is kept is deleted all the same. */
  signal: AbortSignal
}

/**
 * Forgets the sign-in of an upstream that is no more: deletes what is kept of it, tokens and client, then revokes the tokens
 * where the server offers it, within {@link revocationMs}. Nothing else may use them any more. Never rejects.
 */
export async function forgetSignIn(options: ForgetOptions): Promise<void> {
  const { upstream, url, oauth, expand, store, clock, logger, signal } = options
  const log = (level: 'info' | 'warn', message: string) => logger.log(level, `auth: ${message}`, { upstream })
  const credentials = new KeptCredentials(store, upstream, url, { log })
  await credentials.load()
  const { tokens, client } = credentials
  await credentials.change({ tokens: undefined, client: undefined })
  if (!tokens || !client) return
  const { revoke, authError, proxiedFetch } = await import('./flow.ts')
  const late = new AbortController()
  const timer = clock.after(revocationMs, () =>
    late.abort(new AppError('DEADLINE_EXCEEDED', `not within ${revocationMs / 1000} s`)),
  )
  let settings: ConfiguredClient | undefined
  try {
    settings = configuredClient(oauth, expand)
    const fetch: FetchLike = guardedFetch({
      fetch: options.fetch ?? proxiedFetch,
      upstream: url,
      clock,
      timeoutMs: defaultRequestTimeoutMs,
      signal: AbortSignal.any([signal, late.signal]),
    })
    const offered = await revoke(tokens, { client, settings, fetch })
    log('info', offered ? 'removed, and its tokens revoked' : 'removed; the server does not offer to revoke tokens')
  } catch (thrown) {
    const { message } = authError(thrown, secretsOf({ tokens, client }, settings))
    log('warn', `removed, but its tokens could not be revoked: ${message}`)
  } finally {
    timer.cancel()
  }
}
