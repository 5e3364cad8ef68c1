// A stdio MCP server that writes its lines by hand, because what is tested is bytes. --refuse: refuses initialize; with
// --huge it says so, or who it is, in a megabyte.
import { createInterface } from 'node:readline'

const write = (line) => process.stdout.write(`${line}\n`)

const tools = {
  // Numbers that JSON.parse would round, fields that nobody knows, an order of its own, and blanks.
  exact: (id) =>
    write(
      `{ "jsonrpc" : "2.0" , "result" : { "z":9007199254740993,"a":[1.0,1e2], "\\u0061":"\\u00e9" } , "id":${id} , "x":1}`,
    ),
  refuse: (id) => write(`{"error":{"code":-32602,"message":"no","data":9007199254740993},"id":${id},"jsonrpc":"2.0"}`),
  bothNull: (id) => write(`{"jsonrpc":"2.0","id":${id},"error":null,"result":{"content":[]}}`),
  nullId: () => write('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}'),
  wrongIds: (id) => {
    write(`{"jsonrpc":"2.0","id":"${id}","result":{"wrong":1}}`)
    write(`{"jsonrpc":"2.0","id":${id}.0,"result":{"wrong":2}}`)
    write(`{"jsonrpc":"2.0","id":${id + 1},"result":{"wrong":3}}`)
    write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[]}}`)
  },
  // What arrived, as it arrived.
  mirror: (id, line) => write(`{"jsonrpc":"2.0","id":${id},"result":{"line":${JSON.stringify(line)}}}`),
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, method, params } = JSON.parse(line)
    if (id === undefined) return
    if (method === 'tools/call') return tools[params.name](id, line)
    if (method !== 'initialize') return write(`{"jsonrpc":"2.0","id":${id},"result":{}}`)
    const more = process.argv.includes('--huge') ? 'x'.repeat(1024 * 1024) : ''
    if (process.argv.includes('--refuse')) {
      return write(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32022,"message":"modern only${more}"}}`)
    }
    const result = `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"bytes${more}","version":"1"}`
    write(`{"jsonrpc":"2.0","id":${id},"result":${result},"vendor":9007199254740993}}`)
  })
  .on('close', () => process.exit(0))
