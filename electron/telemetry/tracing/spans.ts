import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { GatewayEvents } from '../../gateway/types.ts'

/** Who is at the other end of a call of an upstream. */
export type Peer = { transport: 'pipe' } | { transport: 'tcp'; address: string; port: number }

/** A request that was served, as the gateway tells of it, and what came of it. */
export type ServedRequest = GatewayEvents['request.done']

const propagator = new W3CTraceContextPropagator()

/** A trace context is `traceparent` and `tracestate` in `params._meta` (MCP 2026-07-28, and OpenTelemetry's conventions). */
const metaGetter = {
  keys: (meta: Record<string, unknown>) => Object.keys(meta),
  get: (meta: Record<string, unknown>, key: string) => {
    const value = meta[key]
    return typeof value === 'string' ? value : undefined
  },
}

/**
 * Two spans for a request, made when it is over: ours as a server, and within it our call of the upstream. Names and
 * attributes are those of OpenTelemetry's conventions for MCP (status: development).
 *
 * @param endedAt epoch milliseconds
 * @param peer undefined when it is not known
 */
export function recordSpans(tracer: Tracer, served: ServedRequest, endedAt: number, peer?: Peer): void {
  const { method, reply, durationMs, request } = served
  const params = asObject(request?.paramsValue)
  const parent = propagator.extract(ROOT_CONTEXT, asObject(params._meta), metaGetter)
  const startTime = endedAt - durationMs
  const target = served.tool ?? (method === 'prompts/get' ? text(params.name) : undefined)
  const name = target === undefined ? method : `${method} ${target}`
  const attributes = attributesOf(served, params)
  const server = tracer.startSpan(
    name,
    {
      kind: SpanKind.SERVER,
      startTime,
      attributes: { ...attributes, 'network.transport': 'tcp', 'network.protocol.name': 'http' },
    },
    parent,
  )
  const call = { ...attributes, ...(peer && peerAttributes(peer)) }
  if (reply) recordCall(tracer, name, call, reply, startTime, trace.setSpan(parent, server), served)
  finish(server, served, endedAt)
}

function recordCall(
  tracer: Tracer,
  name: string,
  attributes: Attributes,
  { connectionId, timing }: NonNullable<ServedRequest['reply']>,
  requestedAt: number,
  within: Context,
  served: ServedRequest,
): void {
  const startTime = requestedAt + timing.queueMs
  const span = tracer.startSpan(
    name,
    {
      kind: SpanKind.CLIENT,
      startTime,
      attributes: {
        ...attributes,
        'poolscope.connection.id': connectionId,
        'poolscope.queue.duration': timing.queueMs / 1000,
        'poolscope.cold_start': timing.coldStart,
        'poolscope.attempts': timing.attempts,
      },
    },
    within,
  )
  finish(span, served, startTime + timing.callMs)
}

function finish(span: Span, { errorType }: ServedRequest, endTime: number): void {
  if (errorType !== null) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(endTime)
}

const peerAttributes = (peer: Peer): Attributes =>
  peer.transport === 'pipe'
    ? { 'network.transport': 'pipe' }
    : {
        'network.transport': 'tcp',
        'network.protocol.name': 'http',
        'server.address': peer.address,
        'server.port': peer.port,
      }

/** Never the id of a session: it is a secret. */
function attributesOf(served: ServedRequest, params: Record<string, unknown>): Attributes {
  const { method, tool, errorType, protocolVersion, request, upstream } = served
  return present({
    'mcp.method.name': method,
    'mcp.protocol.version': protocolVersion ?? undefined,
    'mcp.resource.uri': method.startsWith('resources/') ? text(params.uri) : undefined,
    'gen_ai.tool.name': tool ?? undefined,
    'gen_ai.operation.name': tool === null ? undefined : 'execute_tool',
    'gen_ai.prompt.name': method === 'prompts/get' ? text(params.name) : undefined,
    'jsonrpc.request.id': request && idText(request.id),
    'error.type': errorType ?? undefined,
    'rpc.response.status_code': errorType !== null && /^-?\d+$/.test(errorType) ? errorType : undefined,
    'poolscope.upstream': upstream,
  })
}

/** The convention wants a string, without the quotes of JSON. */
const idText = (id: string): string => (id.startsWith('"') ? String(JSON.parse(id)) : id)

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const present = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
