import type { ServerResponse } from 'node:http'
import type { Timeouts } from '../../shared/config.ts'
import type { Accepts } from './checks/media.ts'
import type { ClientRequest } from './message.ts'
import type { Target } from './targets.ts'

/** One HTTP request to /mcp or /mcp/<upstream> whose Host, Origin, token and body are in order. */
export interface Call {
  response: ServerResponse
  target: Target
  accepts: Accepts
  /** Of the request; lower-case names. */
  headers: NodeJS.Dict<string | string[]>
  /** Lowers the upstream's own for the requests of this POST. */
  timeouts?: Partial<Timeouts> | undefined
}

/** A header that must stand once; of several the first counts, as in Node for those it knows. */
export function headerOf(headers: Call['headers'], name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Equal for the same credentials: whoever has the token, or nobody in particular. */
export const principalOf = (headers: Call['headers']): string => headerOf(headers, 'authorization') ?? ''

/** The name of the tool of a `tools/call`. */
export function toolOf(request: ClientRequest): string | null {
  if (request.method !== 'tools/call') return null
  const params = request.paramsValue as { name?: unknown } | undefined
  return typeof params?.name === 'string' ? params.name : null
}
