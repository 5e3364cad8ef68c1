import type { Outgoing } from '../channel.ts'
import { spanAt, stringAt } from '../envelope.ts'
import type { ModernHeaders } from '../modern-headers.ts'
import type { Era } from '../types.ts'
import type { HttpReply } from './http-client.ts'

/** MCP 2025-11-25, "Session Management": visible ASCII. A longer one than this is no id. */
const sessionId = /^[\x21-\x7e]{1,1024}$/

/** What the messages of one connection over Streamable HTTP say of themselves in their headers. */
export class HttpSession {
  readonly #modernHeaders: ModernHeaders
  /** Of the handshake, once it is known; plain JSON-RPC has none. */
  #era: Era | 'none'
  /** Legacy: as the server gave it; undefined where it has none. */
  id: string | undefined
  #version: string | undefined

  constructor(modernHeaders: ModernHeaders, isMcp: boolean) {
    this.#modernHeaders = modernHeaders
    // Until a server has been initialized, what is said to it is of the modern era.
    this.#era = isMcp ? 'modern' : 'none'
  }

  get isLegacy(): boolean {
    return this.#era === 'legacy'
  }

  get isModern(): boolean {
    return this.#era === 'modern'
  }

  /** The answer to `initialize` has come. */
  initialized(reply: HttpReply, message: string): void {
    const version = stringAt(message, spanAt(message, ['result', 'protocolVersion']))
    if (version === undefined) return
    this.#era = 'legacy'
    this.#version = version
    const given = reply.headers.get('mcp-session-id')
    this.id = given !== null && sessionId.test(given) ? given : undefined
  }

  /** The era that both agreed on: a server of both may have been asked in both. */
  settle(era: Era): void {
    this.#era = era
  }

  /** Of a POST. */
  headers({ method, params }: Outgoing): Record<string, string> {
    if (this.isLegacy) return this.ownHeaders()
    // The revision is what `initialize` is to agree on.
    if (this.#era === 'none' || method === undefined || method === 'initialize') return {}
    return this.#modernHeaders.of(method, params)
  }

  /** Legacy: of whatever belongs to the session. */
  ownHeaders(): Record<string, string> {
    return {
      ...(this.#version !== undefined && { 'MCP-Protocol-Version': this.#version }),
      ...(this.id !== undefined && { 'Mcp-Session-Id': this.id }),
    }
  }
}
