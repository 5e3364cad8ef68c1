import { scanEnvelope, singleLine, sliceOf } from '../upstream/envelope.ts'
import type { JsonText } from '../upstream/types.ts'

const versionKey = 'io.modelcontextprotocol/protocolVersion'

/** One line of the client. `text` travels as it is; the rest is for reading only. */
export interface ClientLine {
  text: JsonText
  /** Absent for responses and batches. */
  method: string | undefined
  params: Record<string, unknown>
  /** The texts of the ids that must be answered: one for a request, several for a batch. */
  ids: JsonText[]
  /** What the message claims in its own `_meta`: then it is of the modern era. */
  claimedVersion: string | undefined
}

/** @returns undefined when the line is no JSON */
export function readLine(text: string): ClientLine | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const message = asObject(value)
  const params = asObject(message.params)
  const claimed = asObject(params._meta)[versionKey]
  return {
    text,
    method: typeof message.method === 'string' ? message.method : undefined,
    params,
    ids: Array.isArray(value) ? value.flatMap((each) => idsOf(each, JSON.stringify(each))) : idsOf(value, text),
    claimedVersion: typeof claimed === 'string' ? claimed : undefined,
  }
}

/** The id of a request, as it was written. */
function idsOf(value: unknown, text: JsonText): JsonText[] {
  const { id, method } = asObject(value)
  if (method === undefined || (typeof id !== 'string' && typeof id !== 'number')) return []
  const span = scanEnvelope(text)?.id
  return span ? [sliceOf(text, span)] : []
}

const repeatableMethods = new Set([
  'initialize',
  'server/discover',
  'ping',
  'tools/list',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
])

/** Whether it may be sent twice: reads, and what sets something to a value. A tool may do anything. */
export const isRepeatable = ({ method, ids }: ClientLine): boolean =>
  ids.length === 0 || (method !== undefined && repeatableMethods.has(method))

export const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

/** The id that an answer is for. @returns undefined when the text is no answer */
export function answeredId(text: JsonText): JsonText | undefined {
  const envelope = scanEnvelope(text)
  if (!envelope?.id || envelope.method) return undefined
  return sliceOf(text, envelope.id)
}

/** Equal for ids that are equal as JSON values, however they were written. */
export function idKey(text: JsonText): string {
  const value: unknown = JSON.parse(text)
  // Beyond 2^53 two different numbers may parse to the same one.
  return typeof value === 'number' && !Number.isSafeInteger(value) ? text.trim() : JSON.stringify(value)
}

/** The gateway refuses some requests before it reads their id: then its error is the answer to ours. */
export function refusalFor(id: JsonText, body: string): JsonText | undefined {
  const envelope = scanEnvelope(body)
  if (!envelope?.error) return undefined
  return `{"jsonrpc":"2.0","id":${id},"error":${singleLine(sliceOf(body, envelope.error))}}`
}

export const errorLine = (id: JsonText, code: number, message: string, data?: Record<string, unknown>): JsonText =>
  `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message, data })}}`
