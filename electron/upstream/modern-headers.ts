import { scanObject, sliceOf, spanAt, stringAt } from './envelope.ts'
import { argumentAt, type HeaderParam, headerParams, headerText, isMisdeclared } from './header-params.ts'
import { scanArray, splice } from './json-scan.ts'
import { isRecord, modernProtocolVersion, parsed } from './revisions.ts'
import type { JsonText } from './types.ts'

/** Which member of params the header Mcp-Name repeats (specification 2026-07-28, Streamable HTTP). */
const nameSources = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

const versionPath = ['_meta', 'io.modelcontextprotocol/protocolVersion']

/**
 * Headers that a modern message needs over HTTP, and not over stdio. Which arguments of a tool are repeated stands in its
 * schema: it is read from the lists of tools that pass through.
 */
export class ModernHeaders {
  /** Only tools that declare any. */
  readonly #declared = new Map<string, readonly HeaderParam[]>()

  /** @param params the text of the message's params, which the headers repeat */
  of(method: string, params: JsonText | undefined): Record<string, string> {
    const headers: Record<string, string> = {
      'MCP-Protocol-Version': (params && stringAt(params, spanAt(params, versionPath))) ?? modernProtocolVersion,
      'Mcp-Method': encodeHeader(method),
    }
    const source = nameSources.get(method)
    const name = source && params && stringAt(params, scanObject(params, [source])?.[0])
    if (name === undefined || params === undefined) return headers
    headers['Mcp-Name'] = encodeHeader(name)
    const declared = method === 'tools/call' ? this.#declared.get(name) : undefined
    const span = declared && scanObject(params, ['arguments'])?.[0]
    if (!declared || !span) return headers
    const args = parsed(sliceOf(params, span))
    for (const { path, header } of declared) {
      const value = headerText(argumentAt(args, path))
      if (value !== undefined) headers[`Mcp-Param-${header}`] = encodeHeader(value)
    }
    return headers
  }

  /**
   * Learns from the answer to a `tools/list`, the whole message.
   * @returns the message without the tools that clients must leave out; the same text when there are none
   */
  learn(message: JsonText): JsonText {
    // Nearly no tool declares headers: most lists need not be read.
    if (this.#declared.size === 0 && !message.includes('"x-mcp-header"')) return message
    const span = spanAt(message, ['result', 'tools'])
    const elements = span && scanArray(message, span)
    if (!elements) return message
    const kept = elements.map((element) => sliceOf(message, element)).filter((tool) => this.#take(parsed(tool)))
    return kept.length === elements.length ? message : splice(message, span, `[${kept.join(',')}]`)
  }

  /** @returns whether it can be called */
  #take(tool: unknown): boolean {
    if (!isRecord(tool) || typeof tool.name !== 'string') return true
    const isWrong = isMisdeclared(tool.inputSchema)
    const declared = isWrong ? [] : headerParams(tool.inputSchema)
    if (declared.length > 0) this.#declared.set(tool.name, declared)
    else this.#declared.delete(tool.name)
    return !isWrong
  }
}

/** A value that a header can not carry as it is travels in base64, marked as such. */
export function encodeHeader(value: string): string {
  const isPlain = /^[\t\x20-\x7e]+$/.test(value) && value === value.trim()
  const looksEncoded = value.startsWith('=?base64?') && value.endsWith('?=')
  return isPlain && !looksEncoded ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}
