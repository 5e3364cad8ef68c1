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
  /** Between two attempts to open a stream again, unless the gateway says otherwise; grows up to the cap. */
  retryMs: number
  retryCapMs: number
}

/** Clients wait two seconds for a server to end, and longer than `reachMs` for an answer. */
export const defaultBridgeLimits: BridgeLimits = { reachMs: 3_000, drainMs: 1_000, retryMs: 500, retryCapMs: 5_000 }
