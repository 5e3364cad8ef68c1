import type { Clock } from '../../kit/clock.ts'
import { type HeaderParam, headerParams } from '../../upstream/header-params.ts'
import type { JsonText } from '../../upstream/types.ts'
import { type Backend, type ClientContext, modernProfile } from '../backend.ts'
import type { Call } from '../call.ts'
import { memberText } from '../json/members.ts'
import { type ClientRequest, isObject } from '../message.ts'
import type { Refusal } from './classify.ts'
import { metaKeys } from './envelope.ts'
import { paramHeaderRefusal } from './param-headers.ts'

/** A server's tools may change without our hearing of it. */
const staleMs = 300_000
const maxPages = 100

class Known {
  /** Only tools that declare any. */
  readonly tools = new Map<string, readonly HeaderParam[]>()
  listedAt = Number.NEGATIVE_INFINITY
  listing: Promise<void> | undefined
}

/**
 * Which arguments of which tools are repeated in `Mcp-Param-*` headers. The declarations stand in the tools' schemas: a
 * server's tools are listed once before its first call, and now and then beside later ones.
 */
export class ToolHeaders {
  readonly #clock: Clock
  readonly #known = new WeakMap<Backend, Known>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Waits until the backend's tools have been listed once. @returns undefined when there is nothing to wait for */
  listed(backend: Backend, client: ClientContext): Promise<void> | undefined {
    const known = this.#known.get(backend) ?? new Known()
    this.#known.set(backend, known)
    const now = this.#clock.now()
    if (now - known.listedAt < staleMs) return undefined
    const first = known.listedAt === Number.NEGATIVE_INFINITY
    known.listing ??= this.#list(backend, client, known).finally(() => {
      known.listedAt = this.#clock.now()
      known.listing = undefined
    })
    return first ? known.listing : undefined
  }

  /** Why a `tools/call` is not served; undefined when its headers agree with its arguments. */
  refusal(backend: Backend, { paramsValue }: ClientRequest, headers: Call['headers']): Refusal | undefined {
    const tools = this.#known.get(backend)?.tools
    if (!tools || tools.size === 0 || !isObject(paramsValue) || typeof paramsValue.name !== 'string') return undefined
    const declared = tools.get(paramsValue.name)
    return declared && paramHeaderRefusal(declared, paramsValue.arguments, headers)
  }

  /** Learns from a result of `tools/list` on its way to a client. */
  learn(backend: Backend, result: JsonText): void {
    const known = this.#known.get(backend) ?? new Known()
    this.#known.set(backend, known)
    // Nearly no tool declares headers: most lists need not be read.
    if (known.tools.size > 0 || result.includes('"x-mcp-header"')) read(result, known)
  }

  async #list(backend: Backend, client: ClientContext, known: Known): Promise<void> {
    const capabilities = JSON.stringify(client.capabilities)
    const members = [
      memberText(metaKeys.protocolVersion, JSON.stringify(client.protocolVersion)),
      memberText(metaKeys.clientCapabilities, capabilities),
    ]
    if (client.info !== undefined) members.push(memberText(metaKeys.clientInfo, client.info))
    const meta = `{${members.join(',')}}`
    let cursor: unknown
    for (let page = 0; page < maxPages; page++) {
      const at = cursor === undefined ? '' : `"cursor":${JSON.stringify(cursor)},`
      const params = `{${at}"_meta":${meta}}`
      // A server that can't list its tools declares none; its calls are its own affair.
      const reply = await backend
        .request({ method: 'tools/list', params, profile: modernProfile, client })
        .catch(() => undefined)
      if (reply?.kind !== 'result') return
      cursor = read(reply.text, known)
      if (typeof cursor !== 'string') return
    }
  }
}

/** @returns the cursor of the next page */
function read(result: JsonText, { tools }: Known): unknown {
  const { tools: listed, nextCursor } = JSON.parse(result) as { tools?: unknown; nextCursor?: unknown }
  if (!Array.isArray(listed)) return undefined
  for (const tool of listed) {
    if (!isObject(tool) || typeof tool.name !== 'string') continue
    const declared = headerParams(tool.inputSchema)
    if (declared.length > 0) tools.set(tool.name, declared)
    else tools.delete(tool.name)
  }
  return nextCursor
}
