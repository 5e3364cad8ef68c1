import * as v2 from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

export interface ToolAnswer {
  content: { type: string; text?: string }[]
  isError?: boolean
}

/** What the tests do with a client, the same for each of the SDK's. */
export interface SdkClient {
  tools(): Promise<string[]>
  call(
    name: string,
    args?: Record<string, unknown>,
    options?: { onprogress?: (step: { progress: number }) => void; signal?: AbortSignal },
  ): Promise<ToolAnswer>
  prompt(name: string, args?: Record<string, string>): Promise<unknown>
  prompts(): Promise<string[]>
  read(uri: string): Promise<unknown>
  templates(): Promise<string[]>
  complete(): Promise<unknown>
  onToolsChanged(listener: () => void): Promise<unknown>
  /** Only where the era has a level of its own for a whole session. */
  logs?: (level: 'debug' | 'error', listener: (data: unknown) => void) => Promise<unknown>
  close(): Promise<void>
}

const info = { name: 'sdk-client', version: '1.0.0' }
const capabilities = { sampling: {}, elicitation: {}, roots: {} }

/** What every client answers when a server asks. */
const sampled = {
  role: 'assistant' as const,
  model: 'test',
  content: { type: 'text' as const, text: 'sampled by the client' },
}
const filledIn = { action: 'accept' as const, content: { response: 'typed by the user', name: 'Ada', context: 'here' } }
const rooted = { roots: [{ uri: 'file:///of/the/client', name: 'root' }] }

const authorized = (token: string) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } })

async function connectV1(url: string, token: string): Promise<SdkClient> {
  const client = new ClientV1(info, { capabilities })
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled)
  client.setRequestHandler(ElicitRequestSchema, () => filledIn)
  client.setRequestHandler(ListRootsRequestSchema, () => rooted)
  const transport = new TransportV1(new URL(url), authorized(token))
  // The SDK types its optional sessionId in a way that exactOptionalPropertyTypes-free code does not mind.
  await client.connect(transport as Parameters<typeof client.connect>[0])
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, options) =>
      (await client.callTool({ name, arguments: args }, undefined, options)) as ToolAnswer,
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    read: (uri) => client.readResource({ uri }),
    templates: async () => (await client.listResourceTemplates()).resourceTemplates.map((it) => it.uriTemplate),
    complete: () =>
      client.complete({
        ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
        argument: { name: 'arg1', value: 'a' },
      }),
    onToolsChanged: async (listener) =>
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => listener()),
    logs: (level, listener) => {
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => listener(params.data))
      return client.setLoggingLevel(level)
    },
    close: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

const connectV2 =
  (mode: v2.VersionNegotiationMode) =>
  async (url: string, token: string): Promise<SdkClient> => {
    const isModern = mode !== 'legacy'
    const client = new v2.Client(info, { capabilities, versionNegotiation: { mode } })
    client.setRequestHandler('sampling/createMessage', () => sampled)
    client.setRequestHandler('elicitation/create', () => filledIn)
    client.setRequestHandler('roots/list', () => rooted)
    const transport = new v2.StreamableHTTPClientTransport(new URL(url), authorized(token))
    await client.connect(transport)
    const logs: SdkClient['logs'] = (level, listener) => {
      client.setNotificationHandler('notifications/message', ({ params }) => listener(params.data))
      return client.setLoggingLevel(level)
    }
    return {
      tools: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args = {}, options) =>
        (await client.callTool({ name, arguments: args }, options)) as ToolAnswer,
      prompt: (name, args) => client.getPrompt({ name, arguments: args }),
      prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
      read: (uri) => client.readResource({ uri }),
      templates: async () => (await client.listResourceTemplates()).resourceTemplates.map((it) => it.uriTemplate),
      complete: () =>
        client.complete({
          ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
          argument: { name: 'arg1', value: 'a' },
        }),
      onToolsChanged: async (listener) => {
        client.setNotificationHandler('notifications/tools/list_changed', () => listener())
        if (isModern) await client.listen({ toolsListChanged: true })
      },
      ...(!isModern && { logs }),
      close: async () => {
        if (!isModern) await transport.terminateSession()
        await client.close()
      },
    }
  }

export const sdkClients: Record<string, (url: string, token: string) => Promise<SdkClient>> = {
  'SDK 1': connectV1,
  'SDK 2, legacy': connectV2('legacy'),
  'SDK 2, auto': connectV2('auto'),
  'SDK 2, modern': connectV2({ pin: '2026-07-28' }),
}
