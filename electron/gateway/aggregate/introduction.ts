import type { Era, Handshake, JsonText } from '../../upstream/types.ts'
import { newestLegacyVersion } from '../bridge/legacy-results.ts'
import { discoverResult } from '../bridge/modern-results.ts'
import { modernVersion } from '../modern/envelope.ts'

const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
}

const instructions =
  'Several MCP servers behind one URL: the name of a tool or prompt begins with its server’s name and "__", a URI with it and "+".'

/** What the common URL says of itself. It waits for no upstream: they may come later. */
export class Introduction {
  readonly serverInfo: JsonText
  readonly #legacy: Handshake

  constructor(version: string) {
    const serverInfo = { name: 'poolscope', title: 'Poolscope', version }
    this.serverInfo = JSON.stringify(serverInfo)
    this.#legacy = {
      era: 'legacy',
      protocolVersion: newestLegacyVersion,
      serverInfo,
      capabilities,
      initializeResult: JSON.stringify({
        protocolVersion: newestLegacyVersion,
        capabilities,
        serverInfo,
        instructions,
      }),
    }
  }

  handshake(era: Era): Handshake {
    if (era === 'legacy') return this.#legacy
    return { ...this.#legacy, era, protocolVersion: modernVersion, initializeResult: discoverResult(this.#legacy) }
  }
}
