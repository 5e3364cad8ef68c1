import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../kit/clock.ts'
import type { Unsubscribe } from '../kit/emitter.ts'
import type { Logger } from '../kit/logger.ts'
import type { JsonText, RequestOutcome, Upstream, UpstreamReply } from '../upstream/types.ts'

/** Where the gateway looks up the upstream that a URL names. The host owns it; it may change between two requests. */
export interface UpstreamDirectory {
  get(name: string): Upstream | undefined
  /** Whether the name is configured: without an Upstream, one that is stopped. */
  has?(name: string): boolean
  all(): Iterable<Upstream>
  /** Calls back when the set of upstreams that run has changed. Without it nobody hears of that. */
  onChange?(listener: () => void): Unsubscribe
}

export interface GatewaySettings {
  auth: 'none' | 'bearer'
  /** Bodies beyond this are answered with 413. */
  maxBodyBytes: number
}

export interface GatewayOptions {
  settings: GatewaySettings
  /** What clients send as `Authorization: Bearer <token>` when `settings.auth` is `bearer`. */
  token: string
  upstreams: UpstreamDirectory
  clock: Clock
  logger: Logger
  version: string
  limits?: Partial<GatewayLimits>
  /** Whatever is neither /mcp, /healthz nor /readyz, once Host and Origin are checked. The token is its own concern. */
  fallback?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
}

/** How a legacy session ended. */
export type SessionCloseReason = 'deleted' | 'idle' | 'evicted' | 'shutdown'

/** What the gateway tells; telemetry listens. Durations in milliseconds. A session is told by its number: its id is a secret. */
export interface GatewayEvents {
  'session.opened': {
    session: number
    upstream: string
    protocolVersion: string
    client: { name: string; version: string } | null
  }
  'session.closed': { session: number; upstream: string; reason: SessionCloseReason; lifeMs: number; requests: number }
  /** A JSON-RPC request was answered, by the upstream or by the gateway itself (`initialize`, `ping`, …). */
  'request.done': {
    upstream: string
    method: string
    /** The name of the tool of a `tools/call`. */
    tool: string | null
    outcome: RequestOutcome
    /** OpenTelemetry's `error.type`: the JSON-RPC code, or `tool_error`; null when all went well. */
    errorType: string | null
    /** From the parsed body to the answer handed to the socket. */
    durationMs: number
    /** What the session agreed on; null for an upstream without sessions. */
    protocolVersion: string | null
    /** As the client sent it; `id` is JSON text. */
    request: { id: JsonText; paramsValue: unknown }
    /** Null when the gateway answered by itself. */
    reply: Pick<UpstreamReply, 'connectionId' | 'timing'> | null
  }
  /** A request was refused before it reached an upstream: Host, Origin, token, body, session, … */
  'request.rejected': { status: number; reason: string }
  /** The number of sessions or of requests in flight changed. Fires often; carries nothing. */
  changed: undefined
}

export interface GatewayLimits {
  /** A session without a request in flight and without an open stream ends after this. */
  sessionIdleMs: number
  /** Beyond this the longest idle session ends for a new one; with none idle, the new one is refused. */
  maxSessions: number
  /** Period of the comments that keep streams open through proxies. */
  keepAliveMs: number
  /** A client has this long to send its headers, and then its whole request. */
  headersTimeoutMs: number
  receiveTimeoutMs: number
  /** A client that takes no byte of a pending answer for this long is cut off. */
  stalledReaderMs: number
  /** Messages in one batch (only clients of 2025-03-26 may send one). */
  maxBatch: number
  /** Unread bytes of one stream, its longest message apart, beyond which its connection is cut; the client may resume. */
  maxStreamBacklogBytes: number
  /** Events kept for clients that come back with Last-Event-ID: bytes over all sessions, and time after a stream's end. */
  replayBytes: number
  replayKeepMs: number
}

const minuteMs = 60_000
const mebibyte = 1024 * 1024

/** The session and keep-alive figures are PROTOCOL's and the issue's; the others guard the host's memory and sockets. */
export const defaultGatewayLimits: GatewayLimits = {
  sessionIdleMs: 30 * minuteMs,
  maxSessions: 10_000,
  keepAliveMs: 15_000,
  headersTimeoutMs: 10_000,
  receiveTimeoutMs: minuteMs,
  stalledReaderMs: minuteMs,
  maxBatch: 100,
  maxStreamBacklogBytes: 4 * mebibyte,
  replayBytes: 64 * mebibyte,
  replayKeepMs: minuteMs,
}
