import { type Envelope, scanEnvelope, scanObject, singleLine, sliceOf } from '../upstream/envelope.ts'
import type { JsonText } from '../upstream/types.ts'
import { elementsOf } from './json/members.ts'

/** A request as its client sent it. `id` and `params` are the client's own text; `paramsValue` is for reading only. */
export interface ClientRequest {
  kind: 'request'
  id: JsonText
  /** Equal for equal ids, however they were written; `1` and `"1"` differ. */
  idKey: string
  method: string
  /** One line, so that it can travel over stdio. */
  params: JsonText | undefined
  paramsValue: unknown
}

export interface ClientNotification {
  kind: 'notification'
  method: string
  params: JsonText | undefined
  paramsValue: unknown
}

/** An answer to a request that the server sent. */
export interface ClientResponse {
  kind: 'response'
  idKey: string
  outcome: 'result' | 'error'
  /** The text of `result` or of `error`, one line. */
  text: JsonText
}

export interface InvalidMessage {
  kind: 'invalid'
  /** The text of its id where one could be read: errors echo it. */
  id: JsonText | null
  problem: string
}

export type ClientMessage = ClientRequest | ClientNotification | ClientResponse | InvalidMessage

/** What a well-formed body holds. */
export type MessageBody = { kind: 'single'; message: ClientMessage } | { kind: 'batch'; messages: ClientMessage[] }
export type ParsedBody = MessageBody | { kind: 'malformed'; problem: string }

/**
 * Reads a body into messages. JSON.parse judges whether it is JSON at all (nothing else may reach a child's stdin);
 * what is relayed are ranges of the text, so that no number is rounded and no member lost.
 */
export function parseBody(text: string): ParsedBody {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { kind: 'malformed', problem: error instanceof Error ? error.message : String(error) }
  }
  if (!Array.isArray(value)) return { kind: 'single', message: toMessage(text, value) }
  const elements = elementsOf(text)
  return { kind: 'batch', messages: value.map((element, i) => toMessage(elements[i] ?? '', element)) }
}

const invalid = (problem: string, id: JsonText | null = null): InvalidMessage => ({ kind: 'invalid', id, problem })

/** @param text valid JSON, @param value what it parses to */
function toMessage(text: string, value: unknown): ClientMessage {
  const envelope = isObject(value) ? scanEnvelope(text) : undefined
  if (!isObject(value) || !envelope) return invalid('A JSON-RPC message is an object')
  const idText = isId(value.id) && envelope.id ? sliceOf(text, envelope.id) : null
  if (value.jsonrpc !== '2.0') return invalid('"jsonrpc" must be "2.0"', idText)
  if (value.method === undefined)
    return toResponse(text, value.id, idText, envelope) ?? invalid('A request needs a "method"', idText)
  if (typeof value.method !== 'string') return invalid('"method" must be a string', idText)
  const paramsValue = value.params
  if (paramsValue !== undefined && (paramsValue === null || typeof paramsValue !== 'object'))
    return invalid('"params" must be an object or an array', idText)
  const params = envelope.params && singleLine(sliceOf(text, envelope.params))
  if (value.id === undefined) return { kind: 'notification', method: value.method, params, paramsValue }
  if (idText === null || !isId(value.id)) return invalid('"id" must be a string or a number')
  return { kind: 'request', id: idText, idKey: idKeyOf(value.id, idText), method: value.method, params, paramsValue }
}

function toResponse(
  text: string,
  id: unknown,
  idText: JsonText | null,
  { result, error }: Envelope,
): ClientResponse | undefined {
  const span = error ?? result
  if (!span || idText === null || !isId(id)) return undefined
  const outcome = error ? 'error' : 'result'
  return { kind: 'response', idKey: idKeyOf(id, idText), outcome, text: singleLine(sliceOf(text, span)) }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isId = (id: unknown): id is string | number => typeof id === 'string' || typeof id === 'number'

/** Beyond 2^53 two different ids may parse to the same number: there the text decides. */
function idKeyOf(id: string | number, text: JsonText): string {
  if (typeof id === 'string') return `s${id}`
  return Number.isSafeInteger(id) ? `n${id}` : `t${text}`
}

/** The key of an id that stands in another message (`requestId` of a cancel), given the text of that message's params. */
export function idKeyIn(params: JsonText | undefined, member: string, value: unknown): string | undefined {
  if (!params || !isId(value)) return undefined
  const span = scanObject(params, [member])?.[0]
  return span && idKeyOf(value, sliceOf(params, span))
}
