/**
 * The client scenarios of the public MCP conformance suite, with the host as the client.
 *
 *   node test/conformance/client/main.ts [--subject host|sdk] [--only PART] [--verbose] [--json FILE]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { reportClientResult, summarize } from './report.ts'
import { runClientSide } from './side.ts'

const { values } = parseArgs({
  options: {
    subject: { type: 'string', default: 'host' },
    only: { type: 'string' },
    verbose: { type: 'boolean' },
    json: { type: 'string' },
  },
})
const subject = values.subject === 'sdk' ? 'sdk' : 'host'
const results = await runClientSide({
  subject,
  only: values.only,
  say: (result) => reportClientResult(result, values.verbose === true),
})
const summary = { ...summarize(results), results }
if (values.json) writeFileSync(values.json, `${JSON.stringify(summary, null, 2)}\n`)
process.exitCode = summary.failed === 0 ? 0 : 1
