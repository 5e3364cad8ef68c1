import { Client, type ClientOptions } from '@modelcontextprotocol/client'

/** Who is tested: whoever sends the requests that the suite's server sees. */
export interface Subject {
  /** A client that speaks to the server through it. @throws when the server refuses, also for want of a sign-in */
  connect(newClient: () => Client): Promise<Client>
  /**
   * What a person does who is told that a sign-in is needed.
   * @returns true when it succeeded and is worth another try; false when none is offered
   */
  signIn(): Promise<boolean>
  close(): Promise<void>
}

export interface SubjectOptions {
  url: string
  /** Which era the host is to find, or to take. */
  protocol: 'auto' | 'modern'
  /** Of a client that was registered by hand. */
  registered: { clientId: string; clientSecret: string } | undefined
  /** Where its metadata document is. */
  clientMetadataUrl: string | undefined
}

const capabilities = { sampling: {}, roots: {}, elicitation: { form: { applyDefaults: true } } }

/** What the person answers when the server asks; nothing filled in, so that defaults must do. */
export type Elicited = (message: string) => Promise<Record<string, string | number | boolean>>

export function newClient(era: 'legacy' | 'modern', elicited: Elicited): Client {
  const mode: NonNullable<ClientOptions['versionNegotiation']>['mode'] =
    era === 'legacy' ? 'legacy' : { pin: '2026-07-28' }
  const client = new Client({ name: 'conformance', version: '1.0.0' }, { capabilities, versionNegotiation: { mode } })
  client.setRequestHandler('elicitation/create', async ({ params }) => ({
    action: 'accept' as const,
    content: await elicited(params.message),
  }))
  client.setRequestHandler('roots/list', () => ({ roots: [] }))
  client.setRequestHandler('sampling/createMessage', () => ({
    role: 'assistant' as const,
    model: 'none',
    content: { type: 'text' as const, text: 'sampled' },
  }))
  return client
}
