// The floor for exclusive leases: node:http, a few pipes, one call at a time on each, first come first served, nothing else.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'

const [count, ...command] = process.argv.slice(2)
const idle = []
const queue = []
const children = []
let nextId = 1

for (let i = 0; i < Number(count); i++) {
  const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  idle.push(child)
  let rest = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      const message = JSON.parse(line)
      const { call } = child
      if (!call) continue
      child.call = undefined
      const next = queue.shift()
      if (next) give(child, next)
      else idle.push(child)
      message.id = call.id
      const text = JSON.stringify(message)
      call.response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
      call.response.end(text)
    }
  })
}

function give(child, call) {
  child.call = call
  call.message.id = nextId++
  child.stdin.write(`${JSON.stringify(call.message)}\n`)
}

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    const message = JSON.parse(body)
    if (message.id === undefined) return response.writeHead(202).end()
    const call = { response, message, id: message.id }
    const child = idle.pop()
    if (child) give(child, call)
    else queue.push(call)
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`))
process.on('SIGTERM', () => {
  for (const child of children) child.kill()
  process.exit(0)
})
