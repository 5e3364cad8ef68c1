import { onTestFinished } from 'vitest'
import { Gateway } from '../../../electron/gateway/gateway.ts'
import type { GatewayOptions } from '../../../electron/gateway/types.ts'
import { systemClock } from '../../../electron/kit/clock.ts'
import { silentLogger } from '../../../electron/kit/logger.ts'
import type { Upstream } from '../../../electron/upstream/types.ts'
import { type Reply, type Sent, send } from './http.ts'

export interface Started {
  gateway: Gateway
  url: string
  /** By name; a test may change it as the host would. */
  upstreams: Map<string, Upstream>
}

export interface StartOptions extends Partial<Omit<GatewayOptions, 'upstreams' | 'settings'>> {
  upstreams?: Upstream[]
  /** Instead of the map of `upstreams`. */
  directory?: GatewayOptions['upstreams']
  settings?: Partial<GatewayOptions['settings']>
}

/** A gateway on a free port, closed when the test is over. */
export async function startGateway(options: StartOptions = {}): Promise<Started> {
  const upstreams = new Map((options.upstreams ?? []).map((upstream) => [upstream.name, upstream]))
  const gateway = new Gateway({
    token: 'secret',
    clock: systemClock,
    logger: silentLogger,
    version: '0.0.0-test',
    ...options,
    settings: { auth: 'none', maxBodyBytes: 1024 * 1024, ...options.settings },
    upstreams: options.directory ?? { get: (name) => upstreams.get(name), all: () => upstreams.values() },
  })
  onTestFinished(() => gateway.close({ drainMs: 0 }))
  const { url } = await gateway.listen(0)
  return { gateway, url, upstreams }
}

let lastId = 0

export const rpc = (method: string, params?: unknown, id: string | number = ++lastId): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

export const note = (method: string, params?: unknown): string => JSON.stringify({ jsonrpc: '2.0', method, params })

export const initialize = (
  protocolVersion = '2025-11-25',
  id: string | number = ++lastId,
  capabilities: Record<string, unknown> = {},
): string => rpc('initialize', { protocolVersion, capabilities, clientInfo: { name: 'test', version: '1' } }, id)

/** A client's session, reduced to HTTP. */
export interface ClientSession {
  endpoint: string
  headers: Record<string, string>
  initialized: Reply
  post(body: string, more?: Sent): Promise<Reply>
}

export async function openSession(
  endpoint: string,
  protocolVersion = '2025-11-25',
  capabilities?: Record<string, unknown>,
): Promise<ClientSession> {
  const initialized = await send(endpoint, { body: initialize(protocolVersion, undefined, capabilities) })
  const headers = { 'mcp-session-id': String(initialized.headers['mcp-session-id']) }
  return {
    endpoint,
    headers,
    initialized,
    post: (body, more) => send(endpoint, { ...more, body, headers: { ...headers, ...more?.headers } }),
  }
}
