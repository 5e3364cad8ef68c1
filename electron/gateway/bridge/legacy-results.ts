import { scanObject, sliceOf, splice } from '../../upstream/envelope.ts'
import type { Handshake, JsonText, UpstreamReply } from '../../upstream/types.ts'
import { elementsOf, membersOf, memberText, objectOf, withMember, without } from '../json/members.ts'
import { metaKeys } from '../modern/envelope.ts'
import { rpcCodes } from '../rpc.ts'
import { errorCode, ownReply } from './replies.ts'

/** The newest legacy revision: what a modern server can be presented as. */
export const newestLegacyVersion = '2025-11-25'

const modernTasks = 'io.modelcontextprotocol/tasks'

/** An InitializeResult for a modern server, from its DiscoverResult. */
export function initializeResult({ initializeResult: discover, serverInfo }: Handshake): JsonText {
  const [capabilities, instructions, meta] = scanObject(discover, ['capabilities', 'instructions', '_meta']) ?? []
  const told = meta && scanObject(discover, [metaKeys.serverInfo], meta)?.[0]
  const members = [
    memberText('protocolVersion', JSON.stringify(newestLegacyVersion)),
    memberText('capabilities', capabilities ? withoutTasks(sliceOf(discover, capabilities)) : '{}'),
    memberText('serverInfo', told ? sliceOf(discover, told) : JSON.stringify(serverInfo)),
  ]
  if (instructions) members.push(memberText('instructions', sliceOf(discover, instructions)))
  return `{${members.join(',')}}`
}

function withoutTasks(capabilities: JsonText): JsonText {
  const span = capabilities.includes(modernTasks) ? scanObject(capabilities, ['extensions'])?.[0] : undefined
  if (!span) return capabilities
  const extensions = without(sliceOf(capabilities, span), (key) => key === modernTasks)
  return splice(capabilities, span, extensions)
}

const reserved = new Set(['resultType', 'ttlMs', 'cacheScope'])

/** A modern server's result without what legacy clients don't know: an empty one is `{}` again. */
export function legacyResult(method: string, modernText: JsonText): JsonText {
  const members = membersOf(modernText).flatMap((member) => {
    if (reserved.has(member.key)) return []
    if (member.key !== '_meta' || !member.value.startsWith('{')) return [member]
    const value = without(member.value, (key) => key === metaKeys.serverInfo)
    return value === '{}' ? [] : [{ ...member, value, text: memberText('_meta', value) }]
  })
  const text = objectOf(members)
  if (method === 'tools/list') return withObjectSchemas(text)
  return method === 'tools/call' ? withObjectContent(text) : text
}

/** Legacy clients take only object schemas for a tool's output; the tool works without one. */
function withObjectSchemas(text: JsonText): JsonText {
  const span = text.includes('"outputSchema"') ? scanObject(text, ['tools'])?.[0] : undefined
  if (!span) return text
  const tools = elementsOf(sliceOf(text, span)).map((tool) => {
    const schema = scanObject(tool, ['outputSchema'])?.[0]
    if (!schema || isObjectSchema(sliceOf(tool, schema))) return tool
    return without(tool, (key) => key === 'outputSchema')
  })
  return splice(text, span, `[${tools.join(',')}]`)
}

function isObjectSchema(schema: JsonText): boolean {
  const span = scanObject(schema, ['type'])?.[0]
  return span !== undefined && sliceOf(schema, span) === '"object"'
}

/** Structured content that is no object becomes a text, unless the server sent one along. */
function withObjectContent(text: JsonText): JsonText {
  const [structured, content] = text.includes('"structuredContent"')
    ? (scanObject(text, ['structuredContent', 'content']) ?? [])
    : []
  if (!structured || text[structured.start] === '{') return text
  const value = sliceOf(text, structured)
  const plain = without(text, (key) => key === 'structuredContent')
  const blocks = content ? elementsOf(sliceOf(text, content)) : []
  if (blocks.some((block) => (JSON.parse(block) as { type?: unknown }).type === 'text')) return plain
  return withMember(plain, 'content', `[${[...blocks, `{"type":"text","text":${JSON.stringify(value)}}`].join(',')}]`)
}

const modernOnlyCodes = new Set<number>([
  rpcCodes.headerMismatch,
  rpcCodes.missingCapability,
  rpcCodes.unsupportedVersion,
])

/** An error that legacy clients know; a failed tool is told to the model, not to the program. */
export function legacyError(method: string, reply: UpstreamReply): UpstreamReply {
  const code = errorCode(reply.text)
  if (code === undefined || !modernOnlyCodes.has(code)) return reply
  const { message } = JSON.parse(reply.text) as { message?: unknown }
  const text = typeof message === 'string' ? message : 'The server needs more than this client can do'
  if (code === rpcCodes.missingCapability) return { ...reply, ...inputFailed(method, text) }
  return { ...reply, text: withMember(reply.text, 'code', String(rpcCodes.internalError)) }
}

/** What the server asked for can't be had from this client. */
export function inputFailed(method: string, message: string): UpstreamReply {
  if (method === 'tools/call')
    return ownReply('result', JSON.stringify({ content: [{ type: 'text', text: message }], isError: true }))
  return ownReply('error', JSON.stringify({ code: rpcCodes.internalError, message }))
}
