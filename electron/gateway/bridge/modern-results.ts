import { scanObject, sliceOf, splice } from '../../upstream/envelope.ts'
import type { Handshake, JsonText } from '../../upstream/types.ts'
import { append, elementsOf, memberOf, memberText, objectOf, withMember, without } from '../json/members.ts'
import { cacheableMethods, metaKeys, modernVersions } from '../modern/envelope.ts'

/** Tasks of 2025-11-25 have no counterpart. */
const isLegacyTasks = (key: string): boolean => key === 'tasks'

/** A DiscoverResult for a legacy server, from its InitializeResult; what it says of itself stays as it said it. */
export function discoverResult({ initializeResult }: Handshake): JsonText {
  const [capabilities, serverInfo, instructions] =
    scanObject(initializeResult, ['capabilities', 'serverInfo', 'instructions']) ?? []
  const members = [
    memberText('resultType', '"complete"'),
    memberText('supportedVersions', JSON.stringify(modernVersions)),
    memberText('capabilities', capabilities ? without(sliceOf(initializeResult, capabilities), isLegacyTasks) : '{}'),
  ]
  if (instructions) members.push(memberText('instructions', sliceOf(initializeResult, instructions)))
  members.push('"ttlMs":0', '"cacheScope":"private"')
  if (serverInfo) members.push(memberText('_meta', serverInfoMeta(sliceOf(initializeResult, serverInfo))))
  return `{${members.join(',')}}`
}

const serverInfoMeta = (serverInfo: JsonText): JsonText => `{${memberText(metaKeys.serverInfo, serverInfo)}}`

const reserved = new Set(['resultType', 'ttlMs', 'cacheScope'])

/** A legacy server's result as a modern client expects it: complete, not to be cached, with the server's name. */
export function modernResult(method: string, legacyText: JsonText, serverInfo: JsonText | undefined): JsonText {
  let text = method === 'tools/list' ? withoutTaskTools(legacyText) : legacyText
  // Vendor members of these names would be mistaken for the protocol's.
  if (text.includes('"resultType"') || text.includes('"ttlMs"') || text.includes('"cacheScope"'))
    text = without(text, (key) => reserved.has(key))
  const cache = cacheableMethods.has(method) ? ',"ttlMs":0,"cacheScope":"private"' : ''
  const withMeta = serverInfo === undefined ? text : withServerInfo(text, serverInfo)
  return append(withMeta, `"resultType":"complete"${cache}`)
}

function withServerInfo(text: JsonText, serverInfo: JsonText): JsonText {
  const span = text.includes('"_meta"') ? scanObject(text, ['_meta'])?.[0] : undefined
  if (!span) return append(text, memberText('_meta', serverInfoMeta(serverInfo)))
  const meta = sliceOf(text, span)
  if (!meta.startsWith('{') || meta.includes(metaKeys.serverInfo)) return text
  return splice(text, span, append(meta, memberText(metaKeys.serverInfo, serverInfo)))
}

/** A tool that can only be run as a task is of no use to a client that knows no such tasks. */
function withoutTaskTools(text: JsonText): JsonText {
  if (!text.includes('"taskSupport"')) return text
  const span = scanObject(text, ['tools'])?.[0]
  if (!span) return text
  const tools = elementsOf(sliceOf(text, span)).filter((tool) => {
    const { execution } = JSON.parse(tool) as { execution?: { taskSupport?: unknown } }
    return execution?.taskSupport !== 'required'
  })
  return splice(text, span, `[${tools.join(',')}]`)
}

const legacyMembers = new Set(['elicitationId', 'task'])

/** The text of an `InputRequiredResult`. */
export function inputRequired(requests: ReadonlyMap<string, JsonText>, requestState: string): JsonText {
  const inputRequests = objectOf([...requests].map(([key, request]) => ({ text: memberText(key, request) })))
  return `{"resultType":"input_required","inputRequests":${inputRequests},"requestState":${JSON.stringify(requestState)}}`
}

/**
 * A legacy server's request as part of an `input_required` result. Ids of URL elicitations and tasks are of the legacy
 * era alone, and nobody could tell its progress.
 */
export function embeddedRequest(method: string, params: JsonText | undefined): JsonText {
  const request = `{"method":${JSON.stringify(method)}}`
  if (params === undefined) return request
  const meta = memberOf(params, '_meta')
  const kept = meta?.startsWith('{') ? without(meta, (key) => key === 'progressToken') : undefined
  const own = without(params, (key) => legacyMembers.has(key) || (key === '_meta' && kept === '{}'))
  return withMember(request, 'params', kept === undefined || kept === '{}' ? own : withMember(own, '_meta', kept))
}
