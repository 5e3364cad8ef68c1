import type { UpstreamConfig } from '../../shared/config.ts'
import type { ConnectionOptions } from './connection-types.ts'
import type { EraVerdict, EraVerdicts } from './era-verdicts.ts'
import type { ClientInfo } from './handshake.ts'
import { kindAfter, openingOf, sessionOpening } from './kinds.ts'
import type { Session } from './sessions.ts'

export interface OpeningsOptions {
  readonly clientInfo: ClientInfo
  readonly eras: EraVerdicts
  config(): UpstreamConfig
  /** See {@link Transport.identity}. */
  identity(): string
}

/** How the next connection is spoken to first, by what is known of the server. */
export class Openings {
  readonly #options: OpeningsOptions
  #key: string | undefined

  constructor(options: OpeningsOptions) {
    this.#options = options
  }

  /** The configuration has changed. */
  forget(): void {
    this.#key = undefined
  }

  /** @param running connections of it live @throws AppError CONFIG_INVALID when it can't be opened as configured */
  verdict(running = false): EraVerdict {
    this.#key ??= this.#identity()
    return this.#options.eras.get(this.#key, running)
  }

  /**
   * @param session the client session that the kind is of
   * @throws AppError CONFIG_INVALID when it can't be opened as configured
   */
  of(
    kind: string,
    session: Session | undefined,
  ): Pick<ConnectionOptions, 'opening' | 'kind' | 'kindAfter' | 'verdict' | 'learn' | 'session'> {
    const { eras, config, clientInfo } = this.#options
    // Asked anew: variables may have another value than the last time.
    const key = this.#identity()
    this.#key = key
    const verdict = eras.get(key)
    return {
      ...(session
        ? { opening: sessionOpening(session.initialize), session: session.listener }
        : openingOf(kind, config(), verdict, clientInfo)),
      kindAfter,
      verdict,
      learn: (found) => eras.learn(key, found),
    }
  }

  /** What a server says may depend on who asks. */
  #identity(): string {
    return `${this.#options.identity()} ${this.#options.clientInfo.version}`
  }
}
