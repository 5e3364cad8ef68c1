import { setTimeout as delay } from 'node:timers/promises'
import { cpuMicros, rssMiB } from '../process-cost.ts'
import type { Caller } from './caller.ts'

export interface Measured {
  calls: number
  errors: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  callsPerSecond: number
  /** Of the gateway's own process; null where the system does not tell. */
  cpuMicrosPerCall: number | null
  rssMiB: number | null
}

/** What is still under way at the end gets this long, then its caller is given up. */
const lingerMs = 10_000

/** Each caller calls, and calls again as soon as it has its answer, for `ms`. */
export async function measure(callers: readonly Caller[], ms: number, pid: number): Promise<Measured> {
  await run(callers, ms / 4)
  const cpu = cpuMicros(pid)
  const { latencies, errors, seconds } = await run(callers, ms)
  const spent = cpu === null ? null : (cpuMicros(pid) ?? cpu) - cpu
  latencies.sort()
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
  return {
    calls: latencies.length,
    errors,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    callsPerSecond: latencies.length / seconds,
    cpuMicrosPerCall: spent === null ? null : spent / Math.max(1, latencies.length),
    rssMiB: rssMiB(pid),
  }
}

async function run(callers: readonly Caller[], ms: number) {
  const latencies: number[] = []
  let errors = 0
  const started = performance.now()
  const end = started + ms
  const loop = async (caller: Caller) => {
    let before = performance.now()
    while (before < end) {
      try {
        await caller.call()
        const now = performance.now()
        latencies.push(now - before)
        before = now
      } catch {
        errors++
        return
      }
    }
  }
  const linger = new AbortController()
  const all = Promise.all(callers.map(loop))
  await Promise.race([all, delay(ms + lingerMs, undefined, { signal: linger.signal, ref: false }).catch(() => {})])
  linger.abort()
  return { latencies: Float64Array.from(latencies), errors, seconds: (performance.now() - started) / 1000 }
}
