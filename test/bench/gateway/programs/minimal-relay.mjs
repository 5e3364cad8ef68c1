// No product, but the floor for one: node:http, one pipe to one child, ids remapped, nothing else.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'

const child = spawn(process.execPath, process.argv.slice(2), { stdio: ['pipe', 'pipe', 'inherit'] })
const waiting = new Map()
let nextId = 1
let rest = ''
child.stdout.setEncoding('utf8')
child.stdout.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  for (const line of lines) {
    const message = JSON.parse(line)
    const { response, id } = waiting.get(message.id) ?? {}
    waiting.delete(message.id)
    if (!response) continue
    message.id = id
    const text = JSON.stringify(message)
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
    response.end(text)
  }
})

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    const message = JSON.parse(body)
    if (message.id === undefined) return response.writeHead(202).end()
    waiting.set(nextId, { response, id: message.id })
    message.id = nextId++
    child.stdin.write(`${JSON.stringify(message)}\n`)
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`))
process.on('SIGTERM', () => {
  child.kill()
  process.exit(0)
})
