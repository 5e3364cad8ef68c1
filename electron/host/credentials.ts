import type { SecretStore } from '../auth/types.ts'
import { createAuth } from '../auth/upstream-auth.ts'
import { expand, type Variables } from '../config/expand.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'
import type { UpstreamDeps } from '../upstream/deps.ts'

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

/** Makes the credentials of remote upstreams. */
export const credentials =
  ({ variables, ...common }: CredentialsOptions): NonNullable<UpstreamDeps['auth']> =>
  (target) =>
    createAuth({ ...common, ...target, expand: (text, where) => expand(text, variables, where) })
