import type { UpstreamConfig } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import { forgetSignIn } from '../auth/forget.ts'
import type { SecretStore } from '../auth/types.ts'
import { createAuth } from '../auth/upstream-auth.ts'
import { expand, type Variables } from '../config/expand.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'
import type { UpstreamDeps } from '../upstream/deps.ts'
import { expandedUrl } from '../upstream/http/http-config.ts'

/** What the sign-ins of all upstreams have in common. */
export interface CredentialsOptions {
  store: SecretStore
  /** Without it the address of a sign-in is only told: the page opens it, or a person elsewhere. */
  openBrowser: ((url: string) => Promise<void>) | undefined
  variables: Variables
  clock: Clock
  random: Random
  logger: Logger
}

/** The credentials of remote upstreams. */
export interface Credentials {
  /** Makes those of one. */
  of: NonNullable<UpstreamDeps['auth']>
  /** Those of one that is removed from the config, and has been closed. Settles when they are gone. Never rejects. */
  forget(config: UpstreamConfig): Promise<void>
  /** The host closes: no server is waited for. */
  hurry(): void
}

export function credentials({ variables, ...common }: CredentialsOptions): Credentials {
  const expanded = (text: string, where: string) => expand(text, variables, where)
  const hurry = new AbortController()
  return {
    of: (target) => createAuth({ ...common, ...target, expand: expanded }),
    forget: async (config) => {
      if (config.transport === 'stdio') return
      const { name: upstream, oauth } = config
      let url: URL
      try {
        url = expandedUrl(config, variables)
      } catch {
        return // Under no URL nothing was ever kept.
      }
      await forgetSignIn({ ...common, upstream, url, oauth, expand: expanded, signal: hurry.signal })
    },
    hurry: () => hurry.abort(new AppError('ABORTED', 'the host closes')),
  }
}
