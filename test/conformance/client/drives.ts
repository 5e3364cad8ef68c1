import { type Client, SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
import type { Elicited } from './subject.ts'

/** What a client does, and a person with it, so that a scenario sees what it wants to see. */
export interface Drive {
  run(use: Use, context: Record<string, unknown>): Promise<void>
  elicited?: (use: Use) => Elicited
}

/** Does something with a connected client; signs in where that is needed, and does it again. */
export type Use = <T>(act: (client: Client) => Promise<T>) => Promise<T>

const call = (use: Use, name: string, args: Record<string, unknown> = {}) =>
  use((client) => client.callTool({ name, arguments: args }))
const list = (use: Use) => use((client) => client.listTools())

const listOnly: Drive = { run: async (use) => void (await list(use)) }

/** Lists, and calls each tool that it is told of. */
const callAll: Drive = {
  async run(use) {
    const { tools } = await list(use)
    for (const { name, inputSchema } of tools) await call(use, name, argumentsFor(inputSchema))
  },
}

/** Lists, and calls one. */
const callOne = (name: string, args: Record<string, unknown> = {}): Drive => ({
  async run(use) {
    await list(use)
    await call(use, name, args)
  },
})

const echoSchema: Drive = {
  async run(use) {
    const { tools } = await list(use)
    const [focal] = tools
    await call(use, 'json_schema_echo', { schema: focal?.inputSchema })
  },
}

const everyMethod: Drive = {
  async run(use) {
    const { tools } = await list(use)
    for (const { name } of tools) await call(use, name)
    const { resources } = await use((client) => client.listResources())
    for (const { uri } of resources) await use((client) => client.readResource({ uri }))
    const { prompts } = await use((client) => client.listPrompts())
    for (const { name } of prompts) await use((client) => client.getPrompt({ name }))
  },
}

interface ToolCall {
  name: string
  arguments: Record<string, unknown>
}

/** The calls that the suite hands over. */
const callsOfContext: Drive = {
  async run(use, context) {
    await list(use)
    for (const { name, arguments: args } of context.toolCalls as ToolCall[]) await call(use, name, args)
  },
}

/** Rounds of input; another tool is called while the first one waits for its answer. */
const inputRounds: Drive = {
  async run(use) {
    await list(use)
    for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state']) await call(use, name)
    await call(use, 'test_mrtr_no_result_type').catch(orStrict)
  },
  elicited: (use) => async () => {
    await call(use, 'test_mrtr_unrelated')
    return { confirmed: true }
  },
}

/** The SDK's client takes no modern result without a resultType, where the scenario wants it taken as complete. */
function orStrict(error: unknown): void {
  if (!(error instanceof SdkError) || error.code !== SdkErrorCode.InvalidResult) throw error
}

const drives: Record<string, Drive> = {
  initialize: listOnly,
  tools_call: callOne('add_numbers', { a: 5, b: 3 }),
  'elicitation-sep1034-client-defaults': callOne('test_client_elicitation_defaults'),
  'sse-retry': callOne('test_reconnection'),
  // Its server offers nothing, and answers everything: lists that a client spares itself show no capabilities.
  'request-metadata': callOne('anything'),
  'sep-2322-client-request-state': inputRounds,
  'http-standard-headers': everyMethod,
  'http-custom-headers': callsOfContext,
  'http-invalid-tool-headers': callAll,
  'json-schema-ref-no-deref': listOnly,
  'json-schema-2020-12-preservation': echoSchema,
}

const callTestTool = callOne('test-tool')

/** @throws for a scenario that nobody knows */
export function driveFor(scenario: string): Drive {
  const drive = scenario.startsWith('auth/') ? callTestTool : drives[scenario]
  if (!drive) throw new Error(`Nobody knows how to drive ${scenario}`)
  return drive
}

const examples: Record<string, unknown> = {
  string: 'text',
  integer: 1,
  number: 1,
  boolean: true,
  object: {},
  array: [],
  null: null,
}

/** What a schema asks for, at least by its types. */
function argumentsFor(schema: { properties?: Record<string, unknown> | undefined }): Record<string, unknown> {
  const properties = Object.entries(schema.properties ?? {}) as [string, { type?: string }][]
  return Object.fromEntries(properties.map(([key, { type }]) => [key, examples[type ?? 'string']]))
}
