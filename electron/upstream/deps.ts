import type { AuthOptions, UpstreamAuth } from '../auth/types.ts'
import type { Clock, Random } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'
import type { PermitBudget } from '../pool/budget.ts'
import type { TreeGuard } from '../process/types.ts'
import type { EraVerdicts } from './era-verdicts.ts'

/** What the credentials of an upstream depend on of its own; the rest is the host's: stores, browser, time. */
export type AuthTarget = Pick<
  AuthOptions,
  'upstream' | 'url' | 'headers' | 'oauth' | 'after' | 'onChange' | 'onSignedIn' | 'onSigningOut'
>

/** What an upstream needs from the host. */
export interface UpstreamDeps {
  clock: Clock
  random: Random
  logger: Logger
  /** The cap over all upstreams. */
  budget: PermitBudget
  /** Watchdog and ledger; without it children outlive a host that is killed. */
  guard?: TreeGuard | undefined
  /** Looks up a variable for ${VAR} in command, args, env and cwd, url and headers; asked at each use. */
  variables: (name: string) => string | undefined
  /** The environment that children inherit; asked at each spawn. */
  environment: () => Record<string, string>
  /** What is known of servers' eras; shared over all upstreams, and over their restarts. Default: the upstream's own. */
  eras?: EraVerdicts | undefined
  /** The credentials of a server that is reached over HTTP; without it there is no sign-in, and a 401 is final. */
  auth?: ((target: AuthTarget) => UpstreamAuth) | undefined
  /** How the gateway introduces itself in the handshake. */
  clientInfo: { name: string; version: string }
}
