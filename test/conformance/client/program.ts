/**
 * The client that the conformance suite tests: it starts the host with the suite's server as an upstream, and is a client
 * of the host's gateway, and the person in front of it. The suite's own arguments come in its environment.
 *
 *   node test/conformance/client/program.ts --subject host|sdk --client legacy|modern URL
 */
import { parseArgs } from 'node:util'
import type { Client } from '@modelcontextprotocol/client'
import { driveFor, type Use } from './drives.ts'
import { hostSubject } from './host-subject.ts'
import { sdkSubject } from './sdk-subject.ts'
import { newClient, type SubjectOptions } from './subject.ts'

/** How often the person signs in for one thing; who is refused again then gives up. */
const mostSignIns = 2

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { subject: { type: 'string', default: 'host' }, client: { type: 'string', default: 'modern' } },
})
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? ''
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as Record<string, unknown>
const drive = driveFor(scenario)
const era = values.client === 'legacy' ? 'legacy' : 'modern'
const options: SubjectOptions = {
  url: positionals[0] ?? '',
  // The suite's modern servers answer `initialize` too, and with `auto` a legacy client is given whoever does.
  protocol: era === 'legacy' && process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28' ? 'modern' : 'auto',
  registered:
    typeof context.client_id === 'string' && typeof context.client_secret === 'string'
      ? { clientId: context.client_id, clientSecret: context.client_secret }
      : undefined,
  // The scenario knows this address by heart.
  clientMetadataUrl: scenario === 'auth/basic-cimd' ? 'https://conformance-test.local/client-metadata.json' : undefined,
}
const subject = await (values.subject === 'sdk' ? sdkSubject(options) : hostSubject(options))

let client: Client | undefined
const use: Use = async (act) => {
  for (let signIns = 0; ; signIns++) {
    try {
      client ??= await subject.connect(() => newClient(era, elicited))
      return await act(client)
    } catch (error) {
      if (signIns === mostSignIns || !(await subject.signIn())) throw error
    }
  }
}
const elicited = drive.elicited?.(use) ?? (async () => ({}))

try {
  await drive.run(use, context)
} finally {
  await client?.close()
  await subject.close()
}
