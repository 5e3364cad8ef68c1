import type { JsonText, ServerRequest } from '../../upstream/types.ts'
import type { ClientResponse } from '../message.ts'
import { rpcCodes } from '../rpc.ts'

/** Writes a message to the client. @returns false when there is no stream that it could travel on */
type Send = (message: JsonText) => boolean

/**
 * What servers ask a session's client (sampling, elicitation, roots): each question gets an id of the session's own, and
 * the answer comes back in a POST of its own. Two processes may use the same id; the client never sees theirs.
 */
export class ServerRequests {
  readonly #asked = new Map<string, ServerRequest>()
  #lastId = 0

  get size(): number {
    return this.#asked.size
  }

  ask(request: ServerRequest, send: Send): void {
    if (request.gone.aborted) return
    const id = ++this.#lastId
    const params = request.params === undefined ? '' : `,"params":${request.params}`
    if (!send(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(request.method)}${params}}`)) {
      refuse(request, 'The client has no open stream that it could be asked on')
      return
    }
    const key = `n${id}`
    this.#asked.set(key, request)
    const onGone = () => {
      if (this.#asked.delete(key))
        send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`)
    }
    request.gone.addEventListener('abort', onGone, { once: true })
  }

  /** @returns false when nothing that is still awaited has this id */
  answer({ idKey, outcome, text }: ClientResponse): boolean {
    const request = this.#asked.get(idKey)
    if (!request) return false
    this.#asked.delete(idKey)
    return request.answer(outcome, text)
  }

  /** Nobody is left to answer. */
  close(): void {
    for (const request of this.#asked.values()) refuse(request, "The client's session has ended")
    this.#asked.clear()
  }
}

function refuse(request: ServerRequest, message: string): void {
  request.answer('error', JSON.stringify({ code: rpcCodes.internalError, message }))
}
