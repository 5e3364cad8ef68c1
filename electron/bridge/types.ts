import type { ReconnectOptions, ReconnectPolicy } from '../../shared/reconnect.ts'
import type { JsonText } from '../upstream/types.ts'

/** Where the gateway is, and what it wants to see. */
export interface Endpoint {
  /** Of the upstream, or of all of them: http://127.0.0.1:PORT/mcp/<upstream> */
  url: URL
  token: string | undefined
}

/** Asked anew whenever the gateway does not answer: it may come back elsewhere. @throws AppError HOST_UNREACHABLE */
export type Locate = () => Promise<Endpoint>

/** One thing of a stream of events: a message, or the id from which the stream can be gone on with. */
export type StreamItem = { message: JsonText } | { id: string }

export interface BridgeLimits {
  /** How long a message waits for a gateway that can not be reached. */
  reachMs: number
  /** After the client has closed its side, its calls get this long to end. */
  drainMs: number
  /** How streams that were lost are opened again. */
  reconnect: ReconnectPolicy
}

/**
 * Clients wait two seconds for a server to end, and longer than `reachMs` for an answer. The gateway is on this machine:
 * the cap is lower than that of a remote server, so that it is found within seconds of its return.
 */
export const defaultBridgeLimits: BridgeLimits = {
  reachMs: 3_000,
  drainMs: 1_000,
  reconnect: { baseMs: 500, capMs: 5_000, floorMs: 100, maxServerWaitMs: 5_000 },
}

/** Of every loop of the bridge. */
export type Reconnect = Pick<ReconnectOptions, 'scheduler' | 'random' | 'policy'>
