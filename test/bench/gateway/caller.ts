import { type BenchEra, RawClient } from './client.ts'

/** What a tool is told, and says again: 64 bytes. */
const payload = 'x'.repeat(64)

const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** An MCP client of one era that calls the echo tool. */
export class Caller {
  readonly #client: RawClient
  /** What each of its requests says in headers; a legacy session can be gone on with by them. */
  readonly session: string
  readonly #params: string
  #id = 1

  private constructor(client: RawClient, headers: string, params: string) {
    this.#client = client
    this.session = headers
    this.#params = params
  }

  /** @param session of an earlier caller, to go on with */
  static async open(url: string, era: BenchEra, headers: Record<string, string>, session?: string): Promise<Caller> {
    const client = await RawClient.open(new URL(url), headers)
    const args = { name: 'echo', arguments: { text: payload } }
    if (era === 'modern') {
      const own = 'MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n'
      return new Caller(client, own, JSON.stringify({ ...args, _meta: modernMeta }))
    }
    return new Caller(client, session ?? (await initialize(client)), JSON.stringify(args))
  }

  /** @throws when what comes back is not what was sent */
  async call(): Promise<void> {
    const id = this.#id++
    const { status, body } = await this.#client.post(
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${this.#params}}`,
      this.session,
    )
    if (status !== 200 || !body.includes(payload) || !body.includes(`"id":${id}`))
      throw new Error(`HTTP ${status}: ${body.slice(0, 300)}`)
  }

  close(): void {
    this.#client.close()
  }
}

/** @returns the headers of the session */
async function initialize(client: RawClient): Promise<string> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1.0.0' },
  }
  const { status, headers, body } = await client.post(
    JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  )
  if (status !== 200) throw new Error(`initialize: HTTP ${status}: ${body.slice(0, 300)}`)
  const id = /\r\nmcp-session-id: *([^\r\n]+)/i.exec(headers)?.[1]
  const session = `MCP-Protocol-Version: 2025-11-25\r\n${id ? `Mcp-Session-Id: ${id}\r\n` : ''}`
  await client.post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), session)
  return session
}
