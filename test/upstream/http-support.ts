import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { afterEach, expect, vi } from 'vitest'
import { type Clock, systemClock } from '../../electron/kit/clock.ts'
import { createUpstream } from '../../electron/upstream/create.ts'
import type { UpstreamDeps } from '../../electron/upstream/deps.ts'
import { createHttpTransport, type HttpTransportOptions } from '../../electron/upstream/http/http-transport.ts'
import { PooledUpstream } from '../../electron/upstream/pooled-upstream.ts'
import type { ServerNotification, Upstream, UpstreamEvents } from '../../electron/upstream/types.ts'
import {
  defaultPoolLimits,
  defaultTimeouts,
  type PoolLimits,
  type Timeouts,
  type UpstreamConfig,
} from '../../shared/config.ts'
import type { StreamSnapshot } from '../../shared/state.ts'
import { type HttpServerOptions, type HttpTestServer, startHttpServer } from '../fixtures/http/index.ts'
import { deps } from './support.ts'

export type HttpConfig = Extract<UpstreamConfig, { transport: 'http' | 'sse' }>

export interface HttpOverrides extends Partial<Omit<HttpConfig, 'pool' | 'timeouts'>> {
  pool?: Partial<PoolLimits>
  timeouts?: Partial<Timeouts>
}

export const httpConfig = (url: string, { pool, timeouts, ...overrides }: HttpOverrides = {}): HttpConfig => ({
  name: 'remote',
  enabled: true,
  protocol: 'auto',
  isolation: 'shared',
  transport: 'http',
  url,
  headers: {},
  pool: { ...defaultPoolLimits, healthCheckIntervalMs: 20, maxConnections: 1, ...pool },
  timeouts: { ...defaultTimeouts, ...timeouts },
  ...overrides,
})

/** Names of events whose payloads are kept. */
const kept = [
  'connection.opening',
  'connection.ready',
  'connection.failed',
  'connection.closing',
  'connection.dead',
  'stream.dropped',
  'stream.recovered',
  'stream.stopped',
  'request.done',
  'notification',
  'line.invalid',
  'breaker.opened',
  'maintenance.error',
  'auth.changed',
] as const satisfies readonly (keyof UpstreamEvents)[]
type Told = { [K in (typeof kept)[number]]: UpstreamEvents[K][] }

export interface Remote {
  upstream: Upstream
  told: Told
}

const open: { close(): Promise<void> }[] = []
const upstreams: { close(): Promise<void> }[] = []

/** Closed after the test, in the opposite order of their start. */
export function closedAfterTest<T extends { close(): Promise<void> }>(it: T): T {
  open.push(it)
  return it
}

/** Timers that are armed, of all upstreams. */
let timers = new Set<object>()

/** The system's clock, whose timers are counted. */
const countedClock: Clock = {
  ...systemClock,
  after(ms, callback, options) {
    const timer = systemClock.after(
      ms,
      () => {
        timers.delete(timer)
        callback()
      },
      options,
    )
    timers.add(timer)
    return {
      cancel: () => {
        timers.delete(timer)
        timer.cancel()
      },
    }
  },
}

/** Connections of our own that are open; the servers of the tests have theirs. */
const sockets = new Set<Socket>()
subscribe('undici:client:connected', (message) => {
  const { socket } = message as { socket: Socket }
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
})

afterEach(async () => {
  for (const upstream of upstreams.splice(0)) await upstream.close()
  // Before the servers end, which would take them with them.
  expect(sockets.size, 'sockets left').toBe(0)
  expect(timers.size, 'timers left').toBe(0)
  timers = new Set()
  for (const it of open.splice(0).reverse()) await it.close()
})

export async function serve(options: HttpServerOptions = {}): Promise<HttpTestServer> {
  return closedAfterTest(await startHttpServer(options))
}

/** An upstream over HTTP that is closed after the test; then nothing of it may be left. */
export function reach(
  url: string,
  overrides: HttpOverrides = {},
  dependencies: Partial<UpstreamDeps> = {},
  options?: HttpTransportOptions,
): Remote {
  const config = httpConfig(url, overrides)
  const given = deps({ clock: countedClock, ...dependencies })
  const upstream = options
    ? new PooledUpstream(config, given, (hooks) => createHttpTransport(config, given, hooks, options))
    : createUpstream(config, given)
  const told = Object.fromEntries(kept.map((name) => [name, [] as unknown[]])) as unknown as Told
  for (const name of kept) upstream.events.on(name, (payload) => (told[name] as unknown[]).push(payload))
  upstreams.push({
    close: async () => {
      await upstream.close('shutdown', 5_000)
      expect(told['maintenance.error']).toEqual([])
      const { pool } = upstream.view()
      expect(pool).toMatchObject({ idle: 0, leased: 0, spawning: 0, returning: 0, draining: 0, waiting: 0 })
    },
  })
  return { upstream, told }
}

/** A watch, and what it was told. */
export async function watching(upstream: Upstream, what: Parameters<Upstream['watch']>[0]) {
  const told: ServerNotification[] = []
  const watch = await upstream.watch(what, (notification) => void told.push(notification))
  if (!('stop' in watch)) throw new Error(watch.refused)
  return { told, stop: watch.stop }
}

export const streamsOf = (upstream: Upstream): StreamSnapshot[] =>
  upstream.view().connections.flatMap(({ streams }) => streams)

/** The stream of this kind, once it is in this state. */
export function stream(upstream: Upstream, kind: StreamSnapshot['kind'], state: StreamSnapshot['state']) {
  return vi.waitFor(
    () => {
      const found = streamsOf(upstream).find((each) => each.kind === kind)
      expect(found?.state).toBe(state)
      return found as StreamSnapshot
    },
    { timeout: 10_000, interval: 5 },
  )
}

export const diaryOf = (upstream: Upstream): string[] =>
  upstream
    .view()
    .connections.flatMap(({ id }) => upstream.logs(id)?.lines ?? [])
    .map(({ text }) => text)
