import { setTimeout as delay } from 'node:timers/promises'
import { type HttpTestServer, startHttpServer } from '../../fixtures/http/index.ts'
import { Dice } from '../../soak/dice.ts'
import { type SoakHost, startHost } from '../../soak/soak-host.ts'
import { cpuMicros, rssMiB } from '../process-cost.ts'
import { ChurnListener } from './listener.ts'

export interface ChurnOptions {
  streams: number
  /** Of the calm before, in which nothing is dropped: what the notifications alone cost. */
  calmMs: number
  churnMs: number
  seed: number
  /** Each stream lives for a random time between these. */
  lifeMs: readonly [number, number]
  /** Of each stream. */
  updatesPerSecond: number
  /** How many figures the churn is cut into. */
  slices: number
  onSlice?: (slice: Slice) => void
}

export interface Slice {
  ms: number
  /** Of one core, by the host's own process; null where the system does not tell. */
  cpuPercent: number | null
  reconnects: number
  rssMiB: number | null
  /** Bytes, after a collection. */
  heap: number
  /** Of classes of which a host at rest has a fixed number. */
  objects: Record<string, number>
}

export interface ChurnReport {
  streams: number
  seed: number
  lifeMs: readonly [number, number]
  calm: Slice
  churn: Slice[]
  /** What the churn costs on top of the calm, for each stream that was opened anew; null where CPU is not told. */
  cpuMicrosPerReconnect: number | null
  drops: number
  /** GET requests for streams, refused ones included. */
  attempts: number
  opened: number
  /** The most streams that any session had at the same time. */
  peakPerSession: number
  /** How often each session subscribed, the most. */
  peakSubscriptions: number
  sessions: number
  sent: number
  delivered: number
  duplicates: number
  losses: number
  /** Streams of the gateway's clients that ended, with the reason. */
  broken: string[]
}

/** What was sent is waited for this long at the end; the longest wait of a reconnect is shorter as long as messages come. */
const settleMs = 30_000
const mark = `churn-${process.pid}`

/** The built host with one session, and one stream, for each of many clients, at a server that drops every stream all the time. */
export async function runChurn(options: ChurnOptions): Promise<ChurnReport> {
  const dice = new Dice(options.seed)
  let churning = false
  const [shortest, longest] = options.lifeMs
  const server = await startHttpServer({
    eras: ['legacy'],
    streamLife: (kind) =>
      churning && kind === 'get'
        ? { ms: dice.between(shortest, longest), how: dice.chance(0.5) ? 'reset' : 'end' }
        : undefined,
  })
  const host = await startHost({ mark, config: configFor(server.url, options.streams) })
  const listeners: ChurnListener[] = []
  try {
    for (let i = 0; i < options.streams; i++)
      listeners.push(await ChurnListener.open(host.mcp('target'), host.token, `test://churn/${i}`))
    await until(() => server.records.openStreams('get').length === options.streams, 'every session has its stream')
    const sender = new Sender(server, listeners, options.updatesPerSecond)
    try {
      return await measureChurn(options, { server, host, listeners, sender, start: () => (churning = true) }, () => {
        churning = false
      })
    } finally {
      sender.stop()
    }
  } finally {
    await Promise.all(listeners.map((listener) => listener.close().catch(() => undefined)))
    await host.stop()
    await server.close()
  }
}

interface Parts {
  server: HttpTestServer
  host: SoakHost
  listeners: readonly ChurnListener[]
  sender: Sender
  start: () => void
}

async function measureChurn(options: ChurnOptions, parts: Parts, stop: () => void): Promise<ChurnReport> {
  const { server, listeners, sender } = parts
  const { records } = server
  const calm = await slice(parts, options.calmMs)
  parts.start()
  server.dropStreams('get')
  const churn: Slice[] = []
  for (let i = 0; i < options.slices; i++) {
    const one = await slice(parts, options.churnMs / options.slices)
    churn.push(one)
    options.onSlice?.(one)
  }
  stop()
  sender.stop()
  await until(() => sender.missing() === 0, 'everything that was sent has come', settleMs).catch(() => undefined)
  const gets = records.requests.filter(({ verb }) => verb === 'GET')
  const streams = records.streams.filter(({ kind }) => kind === 'get')
  const spent = churn.reduce((sum, each) => sum + (each.cpuPercent ?? Number.NaN) * each.ms * 10, 0)
  const reconnects = churn.reduce((sum, each) => sum + each.reconnects, 0)
  const usual = (calm.cpuPercent ?? Number.NaN) * options.churnMs * 10
  const perReconnect = (spent - usual) / reconnects
  return {
    streams: options.streams,
    seed: options.seed,
    lifeMs: options.lifeMs,
    calm,
    churn,
    cpuMicrosPerReconnect: Number.isFinite(perReconnect) ? Math.round(perReconnect) : null,
    drops: streams.filter(({ endedBy }) => endedBy === 'server').length,
    attempts: gets.length,
    opened: streams.length,
    peakPerSession: records.peakStreams('get'),
    peakSubscriptions: Math.max(...listeners.flatMap(({ uri }) => server.subscribed(uri))),
    sessions: server.sessions.length,
    sent: sender.count,
    delivered: listeners.reduce((sum, { heard }) => sum + heard.size, 0),
    duplicates: listeners.reduce((sum, { duplicates }) => sum + duplicates, 0),
    losses: sender.missing(),
    broken: listeners.flatMap(({ ended }) => (ended === undefined ? [] : [ended])),
  }
}

/** Tells each listener of its own resource, in turn, evenly. */
class Sender {
  readonly #sent = new Map<ChurnListener, number[]>()
  readonly #timer: NodeJS.Timeout
  count = 0

  constructor(server: HttpTestServer, listeners: readonly ChurnListener[], perSecond: number) {
    const started = performance.now()
    this.#timer = setInterval(() => {
      // A timer that comes late makes up for it.
      const due = Math.floor(((performance.now() - started) / 1000) * perSecond * listeners.length)
      while (this.count < due) {
        const listener = listeners[this.count % listeners.length]
        if (!listener) return
        this.count++
        const serials = this.#sent.get(listener) ?? []
        serials.push(server.world.update(listener.uri))
        this.#sent.set(listener, serials)
      }
    }, 5)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  missing(): number {
    const missingOf = ([listener, serials]: [ChurnListener, number[]]) =>
      serials.filter((serial) => !listener.heard.has(serial)).length
    return [...this.#sent].reduce((sum, entry) => sum + missingOf(entry), 0)
  }
}

async function slice({ host, server }: Parts, ms: number): Promise<Slice> {
  const { records } = server
  const [cpu, opened, started] = [cpuMicros(host.pid), records.streams.length, performance.now()]
  await delay(ms)
  const took = performance.now() - started
  const spent = cpu === null ? null : (cpuMicros(host.pid) ?? cpu) - cpu
  const reconnects = records.streams.length - opened
  const rss = rssMiB(host.pid)
  // After the figures: it costs, too.
  const { heapUsed, objects } = await host.measure()
  return {
    ms: Math.round(took),
    cpuPercent: spent === null ? null : spent / took / 10,
    reconnects,
    rssMiB: rss,
    heap: heapUsed,
    objects,
  }
}

const configFor = (url: string, streams: number) => ({
  mcpServers: {
    target: { type: 'http', url, protocol: 'legacy', isolation: 'session', pool: { maxConnections: streams } },
  },
  gateway: { maxConnectionsTotal: streams },
})

async function until(holds: () => boolean, what: string, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`)
    await delay(20)
  }
}
