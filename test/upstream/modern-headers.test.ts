import { expect, test } from 'vitest'
import { ModernHeaders } from '../../electron/upstream/modern-headers.ts'

const tool = (name: string, properties: object) =>
  `{ "name":"${name}", "x-big":12345678901234567890, "inputSchema":{"type":"object","properties":${JSON.stringify(properties)}} }`
const listOf = (...tools: string[]) => `{"jsonrpc":"2.0","id":7,"result":{"tools":[${tools.join(' , ')}],"x-one":1.0}}`
const callOf = (name: string, args: object) => JSON.stringify({ name, arguments: args })
const string = (header: unknown) => ({ type: 'string', 'x-mcp-header': header })

const good = tool('good', { region: string('Region') })
const plain = tool('plain', { region: { type: 'string' } })

test('a list whose tools are all well declared is the same text', () => {
  const headers = new ModernHeaders()
  for (const list of [listOf(), listOf(plain), listOf(good, plain)]) expect(headers.learn(list)).toBe(list)
  expect(headers.of('tools/call', callOf('good', { region: 'eu' }))).toMatchObject({ 'Mcp-Param-Region': 'eu' })
})

test.each([
  ['an empty name', { value: string('') }],
  ['a name that is no token', { value: string('Region:Primary') }],
  ['a name with a control character', { value: string('Region\t1') }],
  ['a name that is no text', { value: string(1) }],
  ['one name for two arguments, whatever its case', { a: string('Region'), b: string('REGION') }],
  ['an object', { value: { type: 'object', 'x-mcp-header': 'Value' } }],
  ['a number that may have a fraction', { value: { type: 'number', 'x-mcp-header': 'Value' } }],
  ['an element of an array', { value: { type: 'array', items: string('Value') } }],
])('a tool that declares %s for a header is left out, and every byte of the others stays', (_, properties) => {
  const headers = new ModernHeaders()
  const bad = tool('bad', properties)
  const kept = (...tools: string[]) => `{"jsonrpc":"2.0","id":7,"result":{"tools":[${tools.join(',')}],"x-one":1.0}}`
  expect(headers.learn(listOf(good, bad, plain))).toBe(kept(good, plain))
  expect(headers.learn(listOf(bad))).toBe(kept())
  expect(Object.keys(headers.of('tools/call', callOf('bad', { value: 1 })))).not.toContain('Mcp-Param-Value')
  expect(headers.of('tools/call', callOf('good', { region: 'eu' }))).toMatchObject({ 'Mcp-Param-Region': 'eu' })
})

test('what is no list of tools is passed on as it is', () => {
  const headers = new ModernHeaders()
  const odd = [
    '{"x-mcp-header":1}',
    '{"result":{"tools":{"x-mcp-header":1}}}',
    '{"result":{"tools":[1,"x-mcp-header",null]}}',
  ]
  for (const text of odd) expect(headers.learn(`${text} `)).toBe(`${text} `)
})
