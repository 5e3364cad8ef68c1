import { createHash } from 'node:crypto'
import type { UpstreamConfig } from '../../../shared/config.ts'
import { AppError } from '../../../shared/errors.ts'
import { expand, type Variables } from '../../config/expand.ts'
import { redactor } from '../../kit/redact.ts'

export type HttpConfig = Extract<UpstreamConfig, { transport: 'http' | 'sse' }>

/** @throws AppError CONFIG_INVALID when a variable is not set, or no http URL comes of it */
export function expandedUrl({ url }: HttpConfig, variables: Variables): URL {
  const expanded = URL.parse(expand(url, variables, 'url'))
  if (expanded?.protocol === 'http:' || expanded?.protocol === 'https:') return expanded
  throw new AppError('CONFIG_INVALID', 'url: with its variables filled in it is no http or https URL', { path: 'url' })
}

/** @throws AppError CONFIG_INVALID when a variable is not set */
export function expandedHeaders({ headers }: HttpConfig, variables: Variables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, expand(value, variables, `headers.${name}`)]),
  )
}

/** Masks the secrets of the entry in a text. */
export const maskOf = (config: HttpConfig, variables: Variables): ((text: string) => string) =>
  redactor(config, (text) => {
    try {
      return expand(text, variables, '')
    } catch {
      return undefined // it can't be filled in, and the server never got it
    }
  })

/** What is reached, as a key for what was learnt about it. Hashed: headers hold secrets. */
export function serverKey(config: HttpConfig, variables: Variables): string {
  const headers = Object.entries(expandedHeaders(config, variables)).sort(([a], [b]) => (a < b ? -1 : 1))
  const reached = [config.transport, expandedUrl(config, variables).href, headers]
  return createHash('sha256').update(JSON.stringify(reached)).digest('base64')
}

/** Whether sessions of the one can't stand in for those of the other. */
export function reachesDifferently(a: HttpConfig, b: HttpConfig): boolean {
  const identity = ({ transport, url, headers, oauth }: HttpConfig) =>
    JSON.stringify([transport, url, Object.entries(headers).sort(), oauth])
  return identity(a) !== identity(b)
}

/** Whether the credentials of the one are not those of the other. Of the headers only an Authorization has to do with them. */
export function signsInDifferently(a: HttpConfig, b: HttpConfig): boolean {
  const identity = ({ url, headers, oauth }: HttpConfig) =>
    JSON.stringify([url, Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'), oauth])
  return identity(a) !== identity(b)
}
