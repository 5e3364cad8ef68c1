import { asObject, type ClientLine } from './message.ts'

/**
 * What makes a session of the legacy era: its id, what was agreed on, and what the client has asked for, so that a new
 * session can take the place of one that the gateway does not know any more.
 */
export class LegacySession {
  #initialize: ClientLine | undefined
  #initialized: ClientLine | undefined
  /** What a new session must be told as well, by what it is about. */
  readonly #standing = new Map<string, ClientLine>()
  #id: string | undefined
  #version: string | undefined
  #isLost = false

  get isOpen(): boolean {
    return this.#id !== undefined
  }

  get id(): string | undefined {
    return this.#id
  }

  /** The gateway has forgotten the session that the client still has. */
  get isLost(): boolean {
    return this.#isLost
  }

  get headers(): Record<string, string> {
    return {
      ...(this.#id !== undefined && { 'Mcp-Session-Id': this.#id }),
      ...(this.#version !== undefined && { 'MCP-Protocol-Version': this.#version }),
    }
  }

  /** @param answer the text of the answer to `initialize` */
  begin(initialize: ClientLine, id: string | undefined, answer: string): void {
    const { protocolVersion } = asObject(asObject(JSON.parse(answer)).result)
    this.#initialize = initialize
    this.#isLost = false
    this.#id = id
    this.#version = typeof protocolVersion === 'string' ? protocolVersion : undefined
  }

  /** The gateway does not know it any more. What it takes to open another one is kept. */
  lose(): void {
    this.#id = undefined
    this.#version = undefined
    this.#isLost = this.#initialize !== undefined
  }

  /** Remembers what outlives a single request: the level of the log, and which resources are followed. */
  note(line: ClientLine): void {
    const uri = `uri ${String(line.params.uri)}`
    if (line.method === 'notifications/initialized') this.#initialized = line
    else if (line.method === 'logging/setLevel') this.#standing.set('level', line)
    else if (line.method === 'resources/subscribe') this.#standing.set(uri, line)
    else if (line.method === 'resources/unsubscribe') this.#standing.delete(uri)
  }

  /** What to send for a session in place of this one: first `initialize`. Empty when there never was one. */
  get opening(): ClientLine[] {
    if (!this.#initialize) return []
    return [this.#initialize, ...(this.#initialized ? [this.#initialized] : []), ...this.#standing.values()]
  }
}
