import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Upstream } from '../upstream/types.ts'
import type { Call } from './call.ts'
import { acceptsOf, isJsonBody } from './checks/media.ts'
import { timeoutsOf } from './checks/timeouts.ts'
import { BodyError, discardBody, readBody } from './http/body.ts'
import type { JsonRpcEndpoint } from './jsonrpc-endpoint.ts'
import type { LegacyEndpoint } from './legacy/endpoint.ts'
import { type ClientMessage, type InvalidMessage, type MessageBody, parseBody } from './message.ts'
import { classify, isModernHeader } from './modern/classify.ts'
import type { ModernEndpoint } from './modern/endpoint.ts'
import { claimsModern, metaOf } from './modern/envelope.ts'
import { type Refuse, rpcCodes } from './rpc.ts'
import type { Targets } from './targets.ts'
import type { UpstreamDirectory } from './types.ts'

export interface McpEndpointDeps {
  upstreams: UpstreamDirectory
  targets: Targets
  maxBodyBytes: number
  refuse: Refuse
  /** One for each way that clients speak; the body decides which. */
  legacy: LegacyEndpoint
  modern: ModernEndpoint
  jsonrpc: JsonRpcEndpoint
}

/** What all of /mcp and /mcp/<upstream> has in common: the upstream, the HTTP method, the media types, the body. */
export class McpEndpoint {
  readonly #deps: McpEndpointDeps

  constructor(deps: McpEndpointDeps) {
    this.#deps = deps
  }

  /** @param name as it stands in the path, percent-encoded; undefined for all upstreams behind one URL */
  handle(request: IncomingMessage, response: ServerResponse, name: string | undefined): Promise<void> | undefined {
    const { refuse, targets } = this.#deps
    const upstream = name === undefined ? undefined : this.#upstream(name)
    if (name !== undefined && !upstream) {
      const shown = readable(name)
      if (this.#deps.upstreams.has?.(decode(name) ?? '')) {
        const stopped = `The upstream "${shown}" is stopped. Start it in the window or with upstream.start.`
        refuse(response, 503, rpcCodes.badTransport, stopped)
      } else
        refuse(response, 404, rpcCodes.badTransport, `There is no upstream "${shown}": the path is /mcp/<upstream>`)
      return undefined
    }
    const target = upstream ? targets.of(upstream) : targets.aggregate
    const call: Call = { response, target, accepts: acceptsOf(request.headers.accept), headers: request.headers }
    const plain = upstream?.config.protocol === 'jsonrpc' ? upstream : undefined
    if (request.method === 'POST') return this.#post(request, call, plain)
    this.#withoutBody(request.method, call, plain === undefined && !isModernHeader(request.headers))
    return undefined
  }

  /** GET and DELETE are for sessions, which neither modern clients nor plain JSON-RPC have. */
  #withoutBody(method: string | undefined, call: Call, sessions: boolean): void {
    const { refuse, legacy } = this.#deps
    if (method === 'GET' && sessions) legacy.get(call)
    else if (method === 'DELETE' && sessions) legacy.delete(call)
    else {
      const allow = sessions ? 'GET, POST, DELETE' : 'POST'
      refuse(call.response, 405, rpcCodes.badTransport, `Method not allowed: use ${allow}`, null, {
        headers: [['Allow', allow]],
      })
    }
  }

  /** @param plain the upstream, when it speaks plain JSON-RPC */
  async #post(request: IncomingMessage, call: Call, plain: Upstream | undefined): Promise<void> {
    const { refuse, maxBodyBytes } = this.#deps
    const { response, accepts } = call
    if (!isJsonBody(request.headers['content-type'])) {
      refuse(response, 415, rpcCodes.badTransport, 'Content-Type must be application/json')
      return
    }
    if (!accepts.json && !accepts.stream) {
      refuse(response, 406, rpcCodes.badTransport, 'Accept must allow application/json or text/event-stream')
      return
    }
    const lowered = timeoutsOf(request.headers)
    if (lowered && 'problem' in lowered) {
      refuse(response, 400, rpcCodes.badTransport, lowered.problem)
      return
    }
    call.timeouts = lowered?.timeouts
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
    const problem = body.kind === 'batch' ? batchProblem(body.messages) : invalidOf(body.message)
    if (problem) {
      refuse(response, 400, rpcCodes.invalidRequest, `Invalid request: ${problem.problem}`, problem.id)
      return
    }
    await this.#dispatch(call, body, plain)
  }

  #dispatch(call: Call, body: MessageBody, plain: Upstream | undefined): Promise<void> | undefined {
    const { legacy, modern, jsonrpc } = this.#deps
    if (plain) return jsonrpc.post(call, plain, body)
    if (body.kind === 'batch') return legacy.post(call, body)
    const { message } = body
    const verdict = classify(message, call.headers)
    if (verdict.era === 'legacy') return legacy.post(call, body)
    if (verdict.era === 'modern') return modern.post(call, message, verdict.envelope)
    modern.refuse(call, verdict.refusal, message.kind === 'request' ? message.id : null)
    return undefined
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

type Problem = Pick<InvalidMessage, 'problem' | 'id'>

const invalidOf = (message: ClientMessage): Problem | undefined => (message.kind === 'invalid' ? message : undefined)

/** Batches are of the legacy era alone. */
function batchProblem(messages: readonly ClientMessage[]): Problem | undefined {
  if (messages.length === 0) return { problem: 'A batch holds at least one message', id: null }
  for (const message of messages) {
    if (message.kind === 'invalid') return message
    if ('paramsValue' in message && claimsModern(metaOf(message.paramsValue)))
      return { problem: 'MCP 2026-07-28 has no batches', id: null }
  }
  return undefined
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
