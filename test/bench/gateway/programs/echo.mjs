// The upstream of the bench: an MCP server over stdio that costs as little as one can, in both eras. Tool echo {text}.
import { appendFileSync } from 'node:fs'

// One line for each process, so that the bench can count them.
if (process.env.BENCH_STARTS) appendFileSync(process.env.BENCH_STARTS, `${process.pid}\n`)

const tool = { name: 'echo', description: 'Says what it was told', inputSchema: { type: 'object' } }
const serverInfo = { name: 'echo', version: '1.0.0' }
const capabilities = { tools: {} }
const modernVersion = '2026-07-28'

function answer({ method, params }) {
  const modern = params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined
  const complete = modern ? { resultType: 'complete' } : {}
  const cache = modern ? { ttlMs: 0, cacheScope: 'private' } : {}
  if (method === 'tools/call') return { content: [{ type: 'text', text: params.arguments.text }], ...complete }
  if (method === 'initialize') return { protocolVersion: params.protocolVersion, capabilities, serverInfo }
  if (method === 'server/discover')
    return { supportedVersions: [modernVersion], capabilities, serverInfo, ...complete, ...cache }
  if (method === 'tools/list') return { tools: [tool], ...complete, ...cache }
  if (method === 'ping') return {}
  return undefined
}

let rest = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  let out = ''
  for (const line of lines) {
    const message = JSON.parse(line)
    if (message.id === undefined || message.method === undefined) continue
    const result = answer(message)
    const outcome = result ? { result } : { error: { code: -32601, message: 'Method not found' } }
    out += `${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome })}\n`
  }
  if (out) process.stdout.write(out)
})
process.stdin.on('end', () => process.exit(0))
