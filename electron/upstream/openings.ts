import type { ProcessSpec } from '../process/types.ts'
import type { StdioConnectionOptions } from './connection-options.ts'
import type { UpstreamDeps } from './deps.ts'
import { type EraVerdict, type EraVerdicts, verdictKey } from './era-verdicts.ts'
import { kindAfter, openingOf, sessionOpening } from './kinds.ts'
import { processSpec, type StdioConfig } from './process-spec.ts'
import type { Session } from './sessions.ts'

/** How the next process is started and spoken to first, by what is known of the server. */
export class Openings {
  readonly #deps: UpstreamDeps
  readonly #config: () => StdioConfig
  readonly #eras: EraVerdicts
  #key: string | undefined

  constructor(options: { deps: UpstreamDeps; config: () => StdioConfig; eras: EraVerdicts }) {
    this.#deps = options.deps
    this.#config = options.config
    this.#eras = options.eras
  }

  /** The configuration has changed. */
  forget(): void {
    this.#key = undefined
  }

  /** @param running processes of it run @throws AppError CONFIG_INVALID when a variable is not set */
  verdict(running = false): EraVerdict {
    if (this.#key === undefined) this.spec()
    return this.#eras.get(this.#key ?? '', running)
  }

  /** What to run now. @throws AppError CONFIG_INVALID when a variable is not set */
  spec(): ProcessSpec {
    const config = this.#config()
    const spec = processSpec(config, this.#deps.variables, this.#deps.environment())
    this.#key = verdictKey(spec, Object.keys(config.env), this.#deps.clientInfo.version)
    return spec
  }

  /** @param session the client session that the kind is of */
  of(
    kind: string,
    session: Session | undefined,
  ): Pick<StdioConnectionOptions, 'opening' | 'kind' | 'kindAfter' | 'verdict' | 'learn' | 'session'> {
    const verdict = this.verdict()
    const key = this.#key ?? ''
    return {
      ...(session
        ? { opening: sessionOpening(session.initialize), session: session.listener }
        : openingOf(kind, this.#config(), verdict, this.#deps.clientInfo)),
      kindAfter,
      verdict,
      learn: (found) => this.#eras.learn(key, found),
    }
  }
}
