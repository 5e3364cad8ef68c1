import type { JsonText } from '../upstream/types.ts'
import { asObject } from './message.ts'

const acknowledged = 'notifications/subscriptions/acknowledged'

/** What the client follows, as the gateway confirmed it; undefined when the message is none of that kind. */
function honouredBy(message: JsonText): { notifications: Record<string, unknown>; meta: unknown } | undefined {
  if (!message.includes(acknowledged)) return undefined
  const { method, params } = asObject(JSON.parse(message))
  if (method !== acknowledged) return undefined
  const { notifications, _meta: meta } = asObject(params)
  return { notifications: asObject(notifications), meta }
}

/**
 * A subscription was taken up again, and nobody can say what changed meanwhile: there is no replay in the modern era
 * (MCP 2026-07-28). The client knows that it is subscribed; it has to hear that what it knows may be old.
 * @param message the first that the new stream brings
 * @returns what to tell the client in its place: a change of everything that it follows; undefined when it is no
 *   acknowledgement
 */
export function changesInsteadOf(message: JsonText): JsonText[] | undefined {
  const honoured = honouredBy(message)
  if (!honoured) return undefined
  const { notifications, meta } = honoured
  const tell = (method: string, params: object = {}) =>
    JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, ...(meta !== undefined && { _meta: meta }) } })
  const uris = Array.isArray(notifications.resourceSubscriptions) ? notifications.resourceSubscriptions : []
  return [
    ...(['tools', 'prompts', 'resources'] as const)
      .filter((list) => notifications[`${list}ListChanged`] === true)
      .map((list) => tell(`notifications/${list}/list_changed`)),
    ...uris.map((uri) => tell('notifications/resources/updated', { uri })),
  ]
}
