import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call } from './call.ts'
import { acceptsOf, isJsonBody } from './checks/media.ts'
import { BodyError, discardBody, readBody } from './http/body.ts'
import type { JsonRpcEndpoint } from './jsonrpc-endpoint.ts'
import type { LegacyEndpoint } from './legacy/endpoint.ts'
import { parseBody } from './message.ts'
import { type Refuse, rpcCodes } from './rpc.ts'
import type { UpstreamDirectory } from './types.ts'

export interface McpEndpointDeps {
  upstreams: UpstreamDirectory
  maxBodyBytes: number
  refuse: Refuse
  /** One for each way that clients speak; the body decides which. */
  legacy: LegacyEndpoint
  jsonrpc: JsonRpcEndpoint
}

/** What all of /mcp/<upstream> has in common: the upstream, the HTTP method, the media types, the body. */
export class McpEndpoint {
  readonly #deps: McpEndpointDeps

  constructor(deps: McpEndpointDeps) {
    this.#deps = deps
  }

  /** @param name as it stands in the path, percent-encoded */
  handle(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> | undefined {
    const { refuse, legacy } = this.#deps
    const upstream = this.#upstream(name)
    if (!upstream) {
      refuse(
        response,
        404,
        rpcCodes.badTransport,
        `There is no upstream "${readable(name)}": the path is /mcp/<upstream>`,
      )
      return undefined
    }
    const call: Call = { response, upstream, accepts: acceptsOf(request.headers.accept), headers: request.headers }
    const sessions = upstream.config.protocol !== 'jsonrpc'
    if (request.method === 'POST') return this.#post(request, call)
    if (request.method === 'GET' && sessions) legacy.get(call)
    else if (request.method === 'DELETE' && sessions) legacy.delete(call)
    else {
      const allow = sessions ? 'GET, POST, DELETE' : 'POST'
      refuse(response, 405, rpcCodes.badTransport, `Method not allowed: use ${allow}`, null, {
        headers: [['Allow', allow]],
      })
    }
    return undefined
  }

  async #post(request: IncomingMessage, call: Call): Promise<void> {
    const { refuse, maxBodyBytes, legacy, jsonrpc } = this.#deps
    const { response, accepts, upstream } = call
    if (!isJsonBody(request.headers['content-type'])) {
      refuse(response, 415, rpcCodes.badTransport, 'Content-Type must be application/json')
      return
    }
    if (!accepts.json && !accepts.stream) {
      refuse(response, 406, rpcCodes.badTransport, 'Accept must allow application/json or text/event-stream')
      return
    }
    let text: string
    try {
      text = await readBody(request, maxBodyBytes)
    } catch (error) {
      this.#refuseBody(request, response, error)
      return
    }
    const body = parseBody(text)
    if (body.kind === 'malformed') {
      refuse(response, 400, rpcCodes.parseError, `Parse error: ${body.problem}`)
      return
    }
    const messages = body.kind === 'batch' ? body.messages : [body.message]
    const invalid = messages.find((message) => message.kind === 'invalid')
    if (invalid || messages.length === 0) {
      const problem = invalid?.problem ?? 'A batch holds at least one message'
      refuse(response, 400, rpcCodes.invalidRequest, `Invalid request: ${problem}`, invalid?.id ?? null)
      return
    }
    await (upstream.config.protocol === 'jsonrpc' ? jsonrpc : legacy).post(call, body)
  }

  #refuseBody(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    // Anything else means that the client is gone: nobody to answer.
    if (!(error instanceof BodyError)) return
    const tooLarge = error.status === 413
    this.#deps.refuse(
      response,
      error.status,
      tooLarge ? rpcCodes.invalidRequest : rpcCodes.parseError,
      error.message,
      null,
      tooLarge ? { headers: [['Connection', 'close']], end: false } : undefined,
    )
    if (tooLarge) discardBody(request, response)
  }

  #upstream(encoded: string) {
    const name = decode(encoded)
    if (name === undefined) return undefined
    // Some clients end every URL with a slash; no name does.
    return this.#deps.upstreams.get(name.endsWith('/') ? name.slice(0, -1) : name)
  }
}

function decode(encoded: string): string | undefined {
  if (!encoded.includes('%')) return encoded
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

const readable = (encoded: string): string => (decode(encoded) ?? encoded).slice(0, 100)
