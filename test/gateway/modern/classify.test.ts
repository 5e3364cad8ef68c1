import { classifyInboundRequest } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { parseBody } from '../../../electron/gateway/message.ts'
import { classify } from '../../../electron/gateway/modern/classify.ts'
import { metaKey } from '../support/modern.ts'

type Headers = Record<string, string | undefined>

const verdict = (body: unknown, headers: Headers) => {
  const parsed = parseBody(JSON.stringify(body))
  if (parsed.kind !== 'single') throw new Error('one message')
  const found = classify(parsed.message, headers)
  return found.era === 'refused' ? { status: found.refusal.status, code: found.refusal.code } : found.era
}

const sdkVerdict = (body: unknown, headers: Headers) => {
  const found = classifyInboundRequest({
    httpMethod: 'POST',
    body,
    ...(headers['mcp-protocol-version'] !== undefined && { protocolVersionHeader: headers['mcp-protocol-version'] }),
    ...(headers['mcp-method'] !== undefined && { mcpMethodHeader: headers['mcp-method'] }),
    ...(headers['mcp-name'] !== undefined && { mcpNameHeader: headers['mcp-name'] }),
  })
  return found.kind === 'reject' ? { status: found.httpStatus, code: found.code } : found.kind
}

const meta = (version: unknown, more: Record<string, unknown> = {}) => ({
  _meta: { [metaKey('protocolVersion')]: version, [metaKey('clientCapabilities')]: {}, ...more },
})
const request = (method: string, params?: unknown) => ({ jsonrpc: '2.0', id: 1, method, params })
const note = (method: string, params?: unknown) => ({ jsonrpc: '2.0', method, params })

const versions = ['2026-07-28', ' 2026-07-28\t', '2025-11-25', 'v999.0.0', '1999-01-01', '']
const bodies: [string, unknown][] = [
  ['a plain legacy request', request('tools/list', {})],
  ['a request without params', request('tools/list')],
  ['initialize', request('initialize', { protocolVersion: '2025-11-25', capabilities: {} })],
  ['initialize with a modern envelope', request('initialize', meta('2026-07-28'))],
  ['initialize with an envelope of a legacy revision', request('initialize', meta('2025-11-25'))],
  ['initialize with a malformed envelope', request('initialize', { _meta: { [metaKey('protocolVersion')]: 7 } })],
  ['a modern request', request('tools/list', meta('2026-07-28'))],
  ['an envelope of an unknown revision', request('tools/list', meta('v999.0.0'))],
  ['an envelope of a legacy revision', request('tools/list', meta('2025-11-25'))],
  ['an envelope without capabilities', request('x', { _meta: { [metaKey('protocolVersion')]: '2026-07-28' } })],
  ['an envelope without a version', request('x', { _meta: { [metaKey('clientCapabilities')]: {} } })],
  ['an envelope whose version is a number', request('x', meta(7))],
  ['an envelope with a wrong log level', request('x', meta('2026-07-28', { [metaKey('logLevel')]: 'loud' }))],
  ['an envelope with wrong client info', request('x', meta('2026-07-28', { [metaKey('clientInfo')]: { name: 1 } }))],
  ['a plain notification', note('notifications/initialized')],
  ['a modern notification', note('notifications/x', meta('2026-07-28'))],
  ['a notification whose version is a number', note('notifications/x', meta(7))],
  ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
]

test.each(bodies)('%s is judged as by the SDK, whatever the headers', (_, body) => {
  const method = (body as { method?: string }).method ?? ''
  const headers = [
    {},
    { 'mcp-method': method },
    ...versions.flatMap((version) => [
      { 'mcp-protocol-version': version },
      { 'mcp-protocol-version': version, 'mcp-method': method },
      { 'mcp-protocol-version': version, 'mcp-method': 'another/method' },
    ]),
  ]
  for (const sent of headers) {
    const sdk = sdkVerdict(body, sent)
    const ours = verdict(body, sent)
    // An unknown revision and missing headers are found by the SDK's entry after its classification.
    if (sdk === 'modern' && typeof ours === 'object') expect([-32020, -32022]).toContain(ours.code)
    else expect({ sent, verdict: ours }).toEqual({ sent, verdict: sdk })
  }
})

test('a body with version v999.0.0 and the same header is -32022, with the header 2026-07-28 it is -32020', () => {
  const body = request('server/discover', meta('v999.0.0'))
  const withVersion = (version: string) =>
    verdict(body, { 'mcp-protocol-version': version, 'mcp-method': 'server/discover' })
  expect(withVersion('v999.0.0')).toEqual({ status: 400, code: -32022 })
  expect(withVersion('2026-07-28')).toEqual({ status: 400, code: -32020 })
})
