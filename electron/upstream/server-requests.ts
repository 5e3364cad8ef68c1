import type { JsonText, ServerRequest } from './types.ts'

interface Open {
  readonly gone: AbortController
  readonly owner: object | undefined
  /** It is answered, or nobody waits for the answer any more. */
  readonly settled: () => void
}

/** Why the answer will never come: the server must not wait for it. */
const ended = '{"code":-32603,"message":"the request that this belonged to has ended"}'

/** Requests of the server's own that wait for their answer, by the text of their ids. */
export class ServerRequests {
  readonly #write: (line: string) => void
  readonly #open = new Map<string, Open>()

  /** @param write writes one line, or throws with nothing written */
  constructor(write: (line: string) => void) {
    this.#write = write
  }

  /**
   * Hands a request to its holder.
   * @param owner what it belongs to; see {@link end}
   */
  offer(
    id: JsonText,
    { method, params }: { method: string; params: JsonText | undefined },
    holder: (request: ServerRequest) => void,
    owner: object | undefined,
    settled: () => void,
  ): void {
    const open: Open = { gone: new AbortController(), owner, settled }
    this.#open.set(id, open)
    const answer = (kind: 'result' | 'error', text: JsonText): boolean => {
      if (this.#open.get(id) !== open) return false
      this.#settle(id, open)
      return this.reply(id, kind, text)
    }
    try {
      holder({ method, params, answer, gone: open.gone.signal })
    } catch (error) {
      answer('error', ended)
      throw error
    }
  }

  /** @returns false when it could not be written: the connection's own end is told by the process */
  reply(id: JsonText, kind: 'result' | 'error', text: JsonText): boolean {
    try {
      this.#write(`{"jsonrpc":"2.0","id":${id},"${kind}":${text}}`)
      return true
    } catch {
      return false
    }
  }

  /** The server cancelled it: it awaits no answer. */
  cancel(id: JsonText): void {
    const open = this.#open.get(id)
    if (!open) return
    this.#settle(id, open)
    open.gone.abort(new Error('the server cancelled its request'))
  }

  /** What they belonged to has ended. */
  end(owner: object): void {
    for (const [id, open] of this.#open) {
      if (open.owner !== owner) continue
      this.#settle(id, open)
      this.reply(id, 'error', ended)
      open.gone.abort(new Error('the request that it belonged to has ended'))
    }
  }

  /** The connection has ended. */
  fail(error: Error): void {
    for (const [id, open] of this.#open) {
      this.#settle(id, open)
      open.gone.abort(error)
    }
  }

  #settle(id: JsonText, open: Open): void {
    this.#open.delete(id)
    open.settled()
  }
}
