import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GatewayState } from '../../shared/state.ts'
import type { Timer } from '../kit/clock.ts'
import { Emitter, type Unsubscribe } from '../kit/emitter.ts'
import { Announcements } from './announcements.ts'
import type { Conversation } from './bridge/conversation.ts'
import type { UrlRetry } from './bridge/modern-over-legacy.ts'
import { Parked } from './bridge/parked.ts'
import { isAllowedHost, isAllowedOrigin } from './checks/origin.ts'
import { type BearerCheck, bearerCheck } from './checks/token.ts'
import { notReady } from './health.ts'
import { Holders } from './holders.ts'
import { listenError, loopbackAddress } from './http/address.ts'
import { sendJson } from './http/respond.ts'
import { createHttpServer } from './http/server.ts'
import { SseConnections } from './http/sse.ts'
import { JsonRpcEndpoint } from './jsonrpc-endpoint.ts'
import { LegacyEndpoint } from './legacy/endpoint.ts'
import { ServerNotifications } from './legacy/server-notifications.ts'
import { Sessions } from './legacy/sessions.ts'
import { McpEndpoint } from './mcp-endpoint.ts'
import { ModernEndpoint } from './modern/endpoint.ts'
import { Listeners } from './modern/listen.ts'
import { ToolHeaders } from './modern/tool-headers.ts'
import { Relay } from './relay.ts'
import { errorText, type Refuse, rpcCodes } from './rpc.ts'
import { Targets } from './targets.ts'
import { defaultGatewayLimits, type GatewayEvents, type GatewayLimits, type GatewayOptions } from './types.ts'

const aggregatePath = '/mcp'
const mcpPrefix = '/mcp/'

/** How often idle sessions are looked for: far finer than the timeout. */
const sweepIntervalMs = 10_000

/** The loopback HTTP server that MCP clients talk to. */
export class Gateway {
  readonly events = new Emitter<GatewayEvents>()
  readonly #options: GatewayOptions
  readonly #limits: GatewayLimits
  readonly #isBearer: BearerCheck
  readonly #server: Server
  readonly #sessions: Sessions
  readonly #serverNotifications: ServerNotifications
  readonly #streams: SseConnections
  readonly #relay: Relay
  readonly #mcp: McpEndpoint
  readonly #targets: Targets
  readonly #listeners: Listeners
  readonly #unlisten: Unsubscribe | undefined
  readonly #timers: Timer[] = []
  #posts = 0
  #onLastPost: (() => void) | undefined
  #url = ''
  #state: GatewayState['state'] = 'stopped'
  #error: string | null = null
  #closing: Promise<void> | undefined

  constructor(options: GatewayOptions) {
    const { settings, upstreams, clock, logger } = options
    this.#options = options
    this.#limits = { ...defaultGatewayLimits, ...options.limits }
    this.#isBearer = bearerCheck(options.token)
    this.#streams = new SseConnections(this.#limits.maxStreamBacklogBytes)
    this.#relay = new Relay(this.events, clock, logger)
    this.#sessions = new Sessions(clock, this.#limits, {
      opened: ({ number, upstream, protocolVersion, client }) => {
        this.events.emit('session.opened', { session: number, upstream, protocolVersion, client })
        this.events.emit('changed', undefined)
      },
      closed: ({ number, upstream, openedAt, requests }, reason) => {
        if (this.#sessions.countOf(upstream) === 0) this.#serverNotifications.unwatch(upstream)
        const lifeMs = clock.now() - openedAt
        this.events.emit('session.closed', { session: number, upstream, reason, lifeMs, requests })
        this.events.emit('changed', undefined)
      },
    })
    this.#serverNotifications = new ServerNotifications(this.#sessions)
    const announcements = new Announcements()
    const holders = new Holders(clock)
    const parked = new Parked<Conversation | UrlRetry>(clock, holders)
    this.#targets = new Targets(upstreams, options.version, { clock, announcements, holders, parked })
    this.#listeners = new Listeners(this.#relay, this.#streams)
    this.#unlisten = upstreams.onChange?.(() => this.#listeners.endOf((target) => !this.#targets.leadsTo(target)))
    const shared = { relay: this.#relay, streams: this.#streams, refuse: this.#refuse, clock }
    this.#mcp = new McpEndpoint({
      upstreams,
      targets: this.#targets,
      maxBodyBytes: settings.maxBodyBytes,
      refuse: this.#refuse,
      legacy: new LegacyEndpoint({
        ...shared,
        sessions: this.#sessions,
        serverNotifications: this.#serverNotifications,
        announcements,
        limits: this.#limits,
      }),
      modern: new ModernEndpoint({ ...shared, listeners: this.#listeners, toolHeaders: new ToolHeaders(clock) }),
      jsonrpc: new JsonRpcEndpoint(shared),
    })
    this.#server = createHttpServer(this.#limits, (request, response) => this.#serve(request, response))
  }

  state(): GatewayState {
    return {
      state: this.#state,
      url: this.#url,
      auth: this.#options.settings.auth,
      sessions: this.#sessions.size,
      requestsInFlight: this.#relay.inFlight,
      error: this.#error,
    }
  }

  /**
   * @param port 0 picks a free one
   * @param host a loopback address
   * @throws AppError ADDRESS_IN_USE when another program has the port; INVALID_ARGUMENT (`data.errno`) when the system
   * denies it, and for another host
   */
  async listen(port: number, host = '127.0.0.1'): Promise<{ port: number; url: string }> {
    const address = loopbackAddress(host)
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException) => {
        const error = listenError(address, port, cause)
        this.#state = 'failed'
        this.#error = error.message
        this.events.emit('changed', undefined)
        reject(error)
      }
      this.#server.once('error', onError)
      this.#server.listen({ port, host: address }, () => {
        this.#server.off('error', onError)
        resolve()
      })
    })
    const actual = (this.#server.address() as AddressInfo).port
    this.#url = `http://${address.includes(':') ? `[${address}]` : address}:${actual}`
    this.#state = 'listening'
    this.#error = null
    const { clock } = this.#options
    this.#timers.push(
      clock.every(this.#limits.keepAliveMs, () => this.#streams.keepAlive()),
      clock.every(sweepIntervalMs, () => this.#sessions.sweep()),
    )
    this.events.emit('changed', undefined)
    return { port: actual, url: this.#url }
  }

  /**
   * Stops accepting, gives what is in flight up to `drainMs`, ends every stream, session and socket. Idempotent: later
   * calls join the first.
   */
  close({ drainMs }: { drainMs: number }): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async #close(drainMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#sessions.endStandaloneStreams()
    this.#listeners.close()
    await this.#drained(drainMs)
    for (const timer of this.#timers.splice(0)) timer.cancel()
    // Aborts what is still under way: each of those requests settles with an error, and is answered.
    this.#sessions.closeAll()
    this.#serverNotifications.close()
    this.#targets.close()
    this.#unlisten?.()
    await new Promise((resolve) => setImmediate(resolve))
    this.#server.closeAllConnections()
    await closed
    this.#state = 'stopped'
    this.events.emit('changed', undefined)
  }

  /** Resolves when no POST is in flight, or after `drainMs`. */
  #drained(drainMs: number): Promise<void> {
    if (this.#posts === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(drainMs, resolve, { ref: true })
      this.#onLastPost = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /** What a drain waits for. The fallback's count too; streams of GETs would never end by themselves. */
  #countPost(response: ServerResponse): void {
    this.#posts++
    response.once('close', () => {
      if (--this.#posts === 0) this.#onLastPost?.()
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const failed = (error: unknown) => {
      this.#options.logger.log('error', 'The gateway failed to answer', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      })
      if (response.headersSent) response.destroy()
      else this.#refuse(response, 500, rpcCodes.internalError, 'Internal error')
    }
    try {
      this.#route(request, response)?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #route(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const url = request.url ?? ''
    if (!isAllowedHost(request.headers.host)) {
      this.#refuse(response, 403, rpcCodes.badTransport, 'Forbidden Host: only loopback names are served')
      return undefined
    }
    if (!isAllowedOrigin(request.headers.origin)) {
      this.#refuse(response, 403, rpcCodes.badTransport, 'Forbidden Origin: only loopback origins are served')
      return undefined
    }
    const query = url.indexOf('?')
    const path = query === -1 ? url : url.slice(0, query)
    if (path === aggregatePath || path.startsWith(mcpPrefix)) return this.#serveMcp(request, response, path)
    if (path === '/healthz') sendJson(response, 200, JSON.stringify({ ok: true, version: this.#options.version }))
    else if (path === '/readyz') this.#ready(response)
    else if (this.#options.fallback) {
      if (request.method === 'POST') this.#countPost(response)
      this.#options.fallback(request, response)
    } else this.#refuse(response, 404, rpcCodes.badTransport, 'Not found')
    return undefined
  }

  #serveMcp(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> | undefined {
    const { settings } = this.#options
    const { authorization } = request.headers
    if (settings.auth === 'bearer' && !this.#isBearer(authorization)) {
      const challenge = authorization ? 'Bearer error="invalid_token"' : 'Bearer'
      this.#refuse(response, 401, rpcCodes.badTransport, 'Unauthorized: send Authorization: Bearer <token>', null, {
        headers: [['WWW-Authenticate', challenge]],
      })
      return undefined
    }
    if (this.#closing) {
      this.#refuse(response, 503, rpcCodes.badTransport, 'The gateway is closing', null, {
        headers: [['Connection', 'close']],
      })
      return undefined
    }
    if (request.method === 'POST') this.#countPost(response)
    const name = path.slice(mcpPrefix.length)
    return this.#mcp.handle(request, response, name === '' ? undefined : name)
  }

  #ready(response: ServerResponse): void {
    const blocked = notReady(this.#options.upstreams)
    const closing = this.#closing !== undefined
    const ready = blocked.length === 0 && !closing
    sendJson(response, ready ? 200 : 503, JSON.stringify({ ready, closing, notReady: blocked }))
  }

  readonly #refuse: Refuse = (response, status, code, message, id = null, options) => {
    this.events.emit('request.rejected', { status, reason: message })
    sendJson(response, status, errorText(id, { code, message, data: options?.data }), options)
  }
}
