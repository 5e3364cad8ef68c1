import type { UpstreamConfig } from '../../../shared/config.ts'
import { AppError } from '../../../shared/errors.ts'
import { spawnTree } from '../../process/spawn.ts'
import type { ProcessSpec } from '../../process/types.ts'
import type { ConnectionOptions } from '../connection-types.ts'
import type { UpstreamDeps } from '../deps.ts'
import type { Transport } from '../transport.ts'
import { processKey, processSpec, runsDifferently, type StdioConfig } from './process-spec.ts'
import { StdioConnection } from './stdio-connection.ts'

/** Each connection is a process tree of its own. */
export class StdioTransport implements Transport {
  readonly signIn = null
  readonly auth = null
  readonly blocked = undefined
  #config: StdioConfig
  readonly #deps: UpstreamDeps

  constructor(config: StdioConfig, deps: UpstreamDeps) {
    this.#config = config
    this.#deps = deps
  }

  reconfigure(config: UpstreamConfig): boolean {
    if (config.transport !== 'stdio') {
      throw new AppError('INVALID_ARGUMENT', `${config.name}: another transport needs another upstream`)
    }
    const replaced = runsDifferently(this.#config, config)
    this.#config = config
    return replaced
  }

  identity(): string {
    return processKey(this.#spec(), Object.keys(this.#config.env))
  }

  unblock(): void {}

  open(options: ConnectionOptions): StdioConnection {
    const { clock, guard, clientInfo } = this.#deps
    const spec = this.#spec()
    const tree = spawnTree(spec, { clock, guard })
    try {
      return new StdioConnection({ ...options, tree, spec, clock, clientInfo })
    } catch (error) {
      // Nobody else knows of it.
      void tree.terminate('kill')
      throw error
    }
  }

  async close(): Promise<void> {}

  /** @throws AppError CONFIG_INVALID when a variable is not set */
  #spec(): ProcessSpec {
    return processSpec(this.#config, this.#deps.variables, this.#deps.environment())
  }
}
