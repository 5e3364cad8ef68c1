import type { Upstream } from '../upstream/types.ts'
import type { ClientContext } from './backend.ts'
import type { Call } from './call.ts'
import { Exchange } from './exchange.ts'
import type { SseConnections } from './http/sse.ts'
import type { MessageBody } from './message.ts'
import type { Relay } from './relay.ts'
import { type Refuse, rpcCodes } from './rpc.ts'

/** Plain JSON-RPC knows nothing of its client. */
const nobody: ClientContext = {
  principal: '',
  capabilities: {},
  info: undefined,
  logLevel: undefined,
  protocolVersion: '',
}

/**
 * An upstream with `protocol: "jsonrpc"` speaks plain JSON-RPC lines: any request by POST, no handshake, no session.
 * Nobody could fetch the answer of a request whose client has gone, so that a dropped connection cancels it.
 */
export class JsonRpcEndpoint {
  readonly #relay: Relay
  readonly #streams: SseConnections
  readonly #refuse: Refuse

  constructor({ relay, streams, refuse }: { relay: Relay; streams: SseConnections; refuse: Refuse }) {
    this.#relay = relay
    this.#streams = streams
    this.#refuse = refuse
  }

  async post(call: Call, upstream: Upstream, body: MessageBody): Promise<void> {
    if (body.kind === 'batch') {
      this.#refuse(
        call.response,
        400,
        rpcCodes.invalidRequest,
        'Send one request for each POST: batches are not supported',
      )
      return
    }
    const request = body.message
    if (request.kind !== 'request') {
      // A pool has no one process that a notification could be meant for; 202 would claim that it was delivered.
      this.#refuse(call.response, 400, rpcCodes.invalidRequest, 'Only requests (with an "id") reach this upstream')
      return
    }
    const { response, accepts, timeouts } = call
    const exchange = new Exchange({ response, accepts, streams: this.#streams, expected: 1, batch: false })
    const gone = new AbortController()
    const onClose = () => gone.abort()
    response.once('close', onClose)
    await this.#relay.relay(upstream, request, {
      signal: gone.signal,
      timeouts,
      protocolVersion: null,
      client: nobody,
      onNotification: (notification) => exchange.notify(notification.message),
      settle: (answer) => {
        response.off('close', onClose)
        exchange.settle(answer)
      },
    })
  }
}
