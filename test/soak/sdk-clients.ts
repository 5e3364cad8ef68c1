import * as v2 from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Connect } from './clients.ts'

const info = { name: 'soak', version: '1.0.0' }
/** Above the soak's own patience: who gives up is the soak, and it counts. */
const options = { timeout: 60_000 }

interface ToolResult {
  content: { text?: string }[]
  isError?: boolean
}

const told = ({ content, isError }: ToolResult) => ({ text: content[0]?.text ?? '', isError: isError === true })
const authorized = (token: string) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } })

/** The SDK of the clients that are in use today. */
export const connectSdk1: Connect = async (endpoint, token) => {
  const client = new ClientV1(info)
  const transport = new TransportV1(new URL(endpoint), authorized(token))
  try {
    await client.connect(transport as Parameters<typeof client.connect>[0], options)
  } catch (error) {
    await client.close()
    throw error
  }
  return {
    call: async ({ name, arguments: args }, signal) =>
      told((await client.callTool({ name, arguments: args }, undefined, { ...options, signal })) as ToolResult),
    list: () => client.listTools(undefined, options),
    ping: () => client.ping(options),
    leave: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

/** The next one, speaking the legacy protocol. */
export const connectSdk2: Connect = async (endpoint, token) => {
  const client = new v2.Client(info, { versionNegotiation: { mode: 'legacy' } })
  const transport = new v2.StreamableHTTPClientTransport(new URL(endpoint), authorized(token))
  try {
    await client.connect(transport, options)
  } catch (error) {
    await client.close()
    throw error
  }
  return {
    call: async ({ name, arguments: args }, signal) =>
      told((await client.callTool({ name, arguments: args }, { ...options, signal })) as ToolResult),
    list: () => client.listTools(undefined, options),
    ping: () => client.ping(options),
    leave: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}
