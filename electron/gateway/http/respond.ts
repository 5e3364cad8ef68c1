import type { ServerResponse } from 'node:http'
import type { JsonText } from '../../upstream/types.ts'

export interface SendOptions {
  headers?: readonly (readonly [name: string, value: string])[] | undefined
  /** False: the client has the whole answer, and the caller ends the response later. */
  end?: boolean | undefined
}

/** Writes one answer whole, with its length: head and body leave as one buffer. A client that is gone gets nothing. */
export function sendJson(response: ServerResponse, status: number, text: JsonText, options?: SendOptions): void {
  if (response.headersSent || response.destroyed) return
  const head = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(text))]
  for (const [name, value] of options?.headers ?? []) head.push(name, value)
  response.writeHead(status, head)
  if (options?.end === false) response.write(text)
  else response.end(text)
}

export function sendEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, ['Content-Length', '0'])
  response.end()
}
