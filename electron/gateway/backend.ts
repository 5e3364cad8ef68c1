import type {
  Handshake,
  JsonText,
  ProcessProfile,
  Upstream,
  UpstreamReply,
  UpstreamRequest,
  Wait,
} from '../upstream/types.ts'
import type { LogLevel } from './log-level.ts'

/** What a request's own client has said of itself: with each request (modern), or once in `initialize` (legacy). */
export interface ClientContext {
  /** Equal for the same credentials: who may go on with what was parked. */
  principal: string
  /** As it declared them. */
  capabilities: Record<string, unknown>
  /** The text of its `clientInfo`. */
  info: JsonText | undefined
  logLevel: LogLevel | undefined
  protocolVersion: string
}

export interface BackendRequest extends UpstreamRequest {
  client: ClientContext
}

export interface HandshakeRequest extends Wait {
  profile?: ProcessProfile | undefined
  client: ClientContext
}

/**
 * What answers the requests of clients of one era, in that era. An upstream whose processes speak it is one itself, so
 * that nothing stands between; for the others there are the bridges. Requests and answers are texts of the client's era.
 */
export interface Backend {
  readonly name: string
  readonly config: { readonly enabled: boolean }
  /** @throws AppError: see {@link Upstream.request} */
  request(request: BackendRequest): Promise<UpstreamReply>
  /** `initializeResult` is an InitializeResult for legacy clients and a DiscoverResult for modern ones. */
  handshake(request: HandshakeRequest): Promise<Handshake>
  watch: Upstream['watch']
}

/** What serves one legacy session, until it is closed. */
export interface SessionBackend extends Backend {
  /** Which of the upstream's processes may serve; undefined when it has one of its own. */
  readonly profile: ProcessProfile | undefined
  /** Whether a connection that served before still can; absent where nothing is pinned to one. */
  isLive?(connectionId: string): boolean
  /** A notification of the client's own, for a process that serves nobody else. */
  notify?(method: string, params: JsonText | undefined): void
  /** For a process that serves nobody else; those that are shared say everything, and are filtered. */
  setLogLevel?(level: LogLevel): void
  close(): void
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}

/** Equal for equal values, however their members are ordered. */
export const canonicalJson = (value: unknown): JsonText => JSON.stringify(sorted(value)) ?? 'null'

export const modernProfile: ProcessProfile = { era: 'modern', capabilities: '{}' }
