/**
 * The public MCP conformance suite. Server scenarios: against the fixture directly and against the same fixture as a stdio
 * server behind the gateway; none may be worse through the gateway than it is directly. Client scenarios: the host as
 * client of the suite's servers; all must pass.
 *
 *   node test/conformance/run.ts [--json FILE] [--side server|client]
 *        [--revision R] [--era legacy|modern|both] [--isolation shared|session]    of the server side
 *        [--subject host|sdk] [--only PART] [--verbose]                            of the client side
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runClientSide } from './client/side.ts'
import { runServerSide } from './server-side.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    side: { type: 'string' },
    revision: { type: 'string' },
    era: { type: 'string' },
    isolation: { type: 'string' },
    subject: { type: 'string', default: 'host' },
    only: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})
const { side, subject, only, verbose } = values
if (side !== undefined && side !== 'server' && side !== 'client') throw new Error(`${side} is no side`)
if (subject !== 'host' && subject !== 'sdk') throw new Error(`${subject} is no subject`)

const server = side === 'client' ? undefined : await runServerSide(values)
const client = side === 'server' ? undefined : await runClientSide({ subject, only, verbose })
const passed = (server?.passed ?? 0) + (client?.passed ?? 0)
const failed = (server?.failed ?? 0) + (client?.failed ?? 0)
if (values.json) writeFileSync(values.json, `${JSON.stringify({ passed, failed, server, client }, null, 2)}\n`)
process.exitCode = failed === 0 ? 0 : 1
