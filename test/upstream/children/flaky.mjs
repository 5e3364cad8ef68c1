// Exits with code 7 upon each request (the handshake apart) until the file --count=FILE has --failures=N bytes; each
// request adds one. Then it answers with the number of requests that were seen, over all processes.
import { appendFileSync, existsSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'

const option = (name) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3)
const count = option('count')
const failures = Number(option('failures'))

const answer = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, method } = JSON.parse(line)
    if (id === undefined) return
    if (method === 'initialize') return answer(id, { protocolVersion: '2025-06-18', capabilities: {} })
    const seen = existsSync(count) ? statSync(count).size : 0
    appendFileSync(count, 'x')
    if (seen < failures) process.exit(7)
    answer(id, { seen: seen + 1 })
  })
  .on('close', () => process.exit(0))
