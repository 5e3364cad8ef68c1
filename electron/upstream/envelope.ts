import { type Span, scanObject, sliceOf, spanAt, stringAt } from './json-scan.ts'

export { type Span, scanObject, sliceOf, spanAt, splice, stringAt } from './json-scan.ts'

/** The top-level members of one JSON-RPC message, as spans of its text. */
export interface Envelope {
  readonly id: Span | undefined
  readonly method: Span | undefined
  readonly params: Span | undefined
  readonly result: Span | undefined
  readonly error: Span | undefined
}

const members = ['id', 'method', 'params', 'result', 'error'] as const

/** @returns undefined when the text is not one JSON object */
export function scanEnvelope(text: string): Envelope | undefined {
  const found = scanObject(text, members)
  if (!found) return undefined
  const [id, method, params, result, error] = found
  return { id, method, params, result, error }
}

const digits = /^\d{1,15}$/

/** The id of a message when it is one that we minted: a non-negative integer. */
export function mintedId(text: string, span: Span | undefined): number | undefined {
  if (!span) return undefined
  const raw = sliceOf(text, span)
  return digits.test(raw) ? Number(raw) : undefined
}

const tokenPath = ['_meta', 'progressToken'] as const

/**
 * Span of `_meta.progressToken` in the text of a request's params, when it is a string or a number (the types that the
 * specification allows; anything else is left alone).
 */
export function progressTokenSpan(params: string): Span | undefined {
  // Most requests carry none; looking for the word is far cheaper than a scan. A key may hide behind an escape.
  if (!params.includes('progressToken') && !params.includes('\\u')) return undefined
  const span = spanAt(params, tokenPath)
  if (!span) return undefined
  const c = params.charCodeAt(span.start)
  return c === 0x22 || c === 0x2d || (c >= 0x30 && c <= 0x39) ? span : undefined
}

const subscriptionPath = ['_meta', 'io.modelcontextprotocol/subscriptionId'] as const

/** Span of the id of the `subscriptions/listen` that a notification or a result is for (MCP 2026-07-28). */
export function subscriptionIdSpan(text: string, within: Span | undefined): Span | undefined {
  if (!within || !text.includes('subscriptionId')) return undefined
  return spanAt(text, subscriptionPath, within)
}

/**
 * One line of valid JSON: outside of strings a line break is mere whitespace, and in strings it can't stand raw.
 * A raw CR would also end a line of server-sent events.
 */
export function singleLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]/g, ' ') : json
}

/** Whether a CallToolResult says `isError: true`: the tool failed, the protocol did not. */
export function isToolError(result: string): boolean {
  if (!result.includes('isError')) return false
  const span = spanAt(result, ['isError'])
  return span !== undefined && sliceOf(result, span) === 'true'
}

/** `params.name` of a tools/call. */
export function toolName(params: string | undefined): string | null {
  return (params && stringAt(params, scanObject(params, ['name'])?.[0])) ?? null
}

const methodAtHead = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"method"\s*:/
const answerIdAtHead = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,/
const answerIdAtEnd = /,\s*"id"\s*:\s*(\d{1,15})\s*\}\s*$/

/** Whether a line that was skipped, of which only the head is left, is a request or a notification. */
export const isMethodAt = (head: string): boolean => methodAtHead.test(head)

/** The minted id of an answer that was skipped: serialisers put it first or last. */
export function answerIdOf(head: string, tail: string): number | undefined {
  const id = answerIdAtHead.exec(head)?.[1] ?? answerIdAtEnd.exec(tail)?.[1]
  return id === undefined ? undefined : Number(id)
}
