import { asObject, type ClientLine } from './message.ts'

/** Which member of params the header Mcp-Name repeats (specification 2026-07-28, Streamable HTTP). */
const nameSources = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

/** One argument of a tool that clients repeat in a header. */
interface Mirrored {
  path: readonly string[]
  header: string
}

/**
 * Headers that a modern message needs over HTTP, and not over stdio. Which arguments of a tool are repeated stands in its
 * schema: it is read from the lists of tools that pass through.
 */
export class ModernHeaders {
  readonly #mirrored = new Map<string, Mirrored[]>()

  of({ method, params, claimedVersion }: ClientLine): Record<string, string> {
    if (claimedVersion === undefined || method === undefined) return {}
    const headers: Record<string, string> = { 'MCP-Protocol-Version': claimedVersion, 'Mcp-Method': method }
    const source = nameSources.get(method)
    const name = source === undefined ? undefined : params[source]
    if (typeof name === 'string') headers['Mcp-Name'] = encodeHeader(name)
    for (const { path, header } of (method === 'tools/call' && this.#mirrored.get(String(name))) || []) {
      const value = plainText(path.reduce((node, key) => asObject(node)[key], params.arguments))
      if (value !== undefined) headers[`Mcp-Param-${header}`] = encodeHeader(value)
    }
    return headers
  }

  /** @param result of a `tools/list` */
  learn(result: unknown): void {
    const { tools } = asObject(result)
    if (!Array.isArray(tools)) return
    for (const tool of tools.map(asObject)) {
      const found = mirroredIn(asObject(tool.inputSchema))
      if (found.length > 0) this.#mirrored.set(String(tool.name), found)
      else this.#mirrored.delete(String(tool.name))
    }
  }
}

/** Only properties of properties may say `x-mcp-header`. */
function mirroredIn(schema: Record<string, unknown>, path: readonly string[] = []): Mirrored[] {
  const header = schema['x-mcp-header']
  const here = path.length > 0 && typeof header === 'string' && isToken(header) ? [{ path, header }] : []
  const below = Object.entries(asObject(schema.properties))
  return [...here, ...below.flatMap(([key, child]) => mirroredIn(asObject(child), [...path, key]))]
}

/** RFC 9110, section 5.1. */
const isToken = (name: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)

function plainText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number' || (Number.isInteger(value) && !Number.isSafeInteger(value))) return undefined
  return String(value)
}

/** A value that a header can not carry as it is travels in base64, marked as such. */
export function encodeHeader(value: string): string {
  const isPlain = /^[\t\x20-\x7e]+$/.test(value) && value === value.trim()
  const looksEncoded = value.startsWith('=?base64?') && value.endsWith('?=')
  return isPlain && !looksEncoded ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}
