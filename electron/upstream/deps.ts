import type { Clock, Random } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'
import type { PermitBudget } from '../pool/budget.ts'
import type { TreeGuard } from '../process/types.ts'
import type { EraVerdicts } from './era-verdicts.ts'

/** What an upstream needs from the host. */
export interface UpstreamDeps {
  clock: Clock
  random: Random
  logger: Logger
  /** The cap over all upstreams. */
  budget: PermitBudget
  /** Watchdog and ledger; without it children outlive a host that is killed. */
  guard?: TreeGuard | undefined
  /** Looks up a variable for ${VAR} in command, args, env and cwd; asked at each spawn. */
  variables: (name: string) => string | undefined
  /** The environment that children inherit; asked at each spawn. */
  environment: () => Record<string, string>
  /** What is known of servers' eras; shared over all upstreams, and over their restarts. Default: the upstream's own. */
  eras?: EraVerdicts | undefined
  /** How the gateway introduces itself in the handshake. */
  clientInfo: { name: string; version: string }
}
