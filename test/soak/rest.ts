import { setTimeout as delay } from 'node:timers/promises'
import type { Snapshot } from '../../shared/contract.ts'
import type { Measurement, SoakHost } from './soak-host.ts'
import { upstreamNames } from './upstreams.ts'

/** A request that is given up may hold its connection until its response timeout; then the ladder takes its time. */
const settleMs = 30_000
/** For what a closed connection leaves behind on the host's side. */
const hangUpMs = 1_000
const readings = 4

/** A host at rest: what it counted, and what it still holds. */
export interface Rest {
  settled: Snapshot
  drained: Snapshot
  metrics: string
  measured: Measurement
}

/**
 * Waits until nothing is under way, takes the counters, then drains every upstream, lets kept-alive connections go, and
 * measures: a host without clients and without children is the same host every time.
 * @throws Error that names what did not come to rest
 */
export async function comeToRest(host: SoakHost): Promise<Rest> {
  const settled = await until(host, ({ gateway, upstreams }) => {
    const busy = upstreams.flatMap(({ name, pool }) =>
      pool.leased + pool.waiting + pool.spawning + pool.returning + pool.draining + pool.returnQueueDepth > 0
        ? [`${name} ${JSON.stringify(pool)}`]
        : [],
    )
    if (gateway.requestsInFlight + gateway.sessions > 0) busy.push(`gateway ${JSON.stringify(gateway)}`)
    return busy
  })
  const metrics = await (await fetch(host.metrics)).text()
  for (const upstream of upstreamNames) await host.command('upstream.drain', { upstream })
  const drained = await until(host, ({ upstreams }) =>
    upstreams.flatMap(({ name, connections }) => connections.map(({ id, state }) => `${name}: ${id} ${state}`)),
  )
  await closeConnections()
  await delay(hangUpMs)
  let measured = await host.measure()
  for (let i = 1; i < readings; i++) {
    await delay(500)
    measured = lower(measured, await host.measure())
  }
  return { settled, drained, metrics, measured }
}

/** Work that happens now and then (a sample of usage, a sweep) may hold something at the moment of a reading. */
function lower(a: Measurement, b: Measurement): Measurement {
  const least = (left: Record<string, number>, right: Record<string, number>) =>
    Object.fromEntries(
      Object.keys({ ...left, ...right }).map((key) => [key, Math.min(left[key] ?? 0, right[key] ?? 0)]),
    )
  return {
    heapUsed: Math.min(a.heapUsed, b.heapUsed),
    external: Math.min(a.external, b.external),
    arrayBuffers: Math.min(a.arrayBuffers, b.arrayBuffers),
    rss: Math.min(a.rss, b.rss),
    objects: least(a.objects, b.objects),
    resources: least(a.resources, b.resources),
    descriptors: a.descriptors && b.descriptors && least(a.descriptors, b.descriptors),
  }
}

async function until(host: SoakHost, busy: (snapshot: Snapshot) => string[]): Promise<Snapshot> {
  const deadline = performance.now() + settleMs
  for (;;) {
    const snapshot = await host.command('snapshot.get', {})
    const left = busy(snapshot)
    if (left.length === 0) return snapshot
    if (performance.now() > deadline) throw new Error(`not at rest after ${settleMs} ms: ${left.join('; ')}`)
    await delay(100)
  }
}

/**
 * Ends what fetch keeps alive for later: its pool of connections is replaced by a new one. (Node has no API for it; this
 * is what undici's setGlobalDispatcher does.)
 */
async function closeConnections(): Promise<void> {
  const key = Symbol.for('undici.globalDispatcher.1')
  const holder = globalThis as unknown as Record<symbol, { close(): Promise<void>; constructor: new () => never }>
  const dispatcher = holder[key]
  if (!dispatcher) throw new Error('fetch keeps its connections elsewhere now')
  holder[key] = new dispatcher.constructor()
  await dispatcher.close()
}
