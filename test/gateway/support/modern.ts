import type { JsonText } from '../../../electron/upstream/types.ts'
import { open, type Reply, type Sent, send } from './http.ts'

export const modernVersion = '2026-07-28'
export const metaKey = (name: string): string => `io.modelcontextprotocol/${name}`

export interface ModernOptions {
  id?: string | number
  capabilities?: Record<string, unknown>
  logLevel?: string
  version?: string
  /** Further members of `_meta`. */
  meta?: Record<string, unknown>
  headers?: Record<string, string | undefined>
}

let lastId = 0

/** The text of a modern request; `params` may be text, so that a test decides every byte but those of `_meta`. */
export function modernBody(method: string, params: object | JsonText = {}, options: ModernOptions = {}): string {
  const { id = `m${++lastId}`, capabilities = {}, logLevel, version = modernVersion, meta } = options
  const envelope = {
    ...meta,
    [metaKey('protocolVersion')]: version,
    [metaKey('clientInfo')]: { name: 'modern-test', version: '1' },
    [metaKey('clientCapabilities')]: capabilities,
    [metaKey('logLevel')]: logLevel,
  }
  const own = typeof params === 'string' ? params : JSON.stringify(params)
  const members = own.slice(1, -1)
  const text = `{${members}${members.trim() === '' ? '' : ','}"_meta":${JSON.stringify(envelope)}}`
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)},"params":${text}}`
}

export function modernSent(method: string, params: object | JsonText = {}, options: ModernOptions = {}): Sent {
  const values = (typeof params === 'string' ? JSON.parse(params) : params) as Record<string, unknown>
  const name = method === 'resources/read' ? values.uri : /^(tools\/call|prompts\/get)$/.test(method) && values.name
  return {
    body: modernBody(method, params, options),
    headers: {
      'mcp-protocol-version': options.version ?? modernVersion,
      'mcp-method': method,
      'mcp-name': typeof name === 'string' ? name : undefined,
      ...options.headers,
    },
  }
}

/** A conforming modern client, reduced to HTTP. */
export const modern = (endpoint: string) => ({
  post: (method: string, params?: object | JsonText, options?: ModernOptions): Promise<Reply> =>
    send(endpoint, modernSent(method, params, options)),
  open: (method: string, params?: object | JsonText, options?: ModernOptions) =>
    open(endpoint, modernSent(method, params, options)),
})
