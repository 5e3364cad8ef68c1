import { type ChildName, children } from '../fixtures/children/index.ts'
import type { Dice } from './dice.ts'

/** One tool call, and what its answer must say where that is known. */
export interface ToolCall {
  name: string
  arguments: Record<string, unknown>
  expected?: string
}

interface LoadedUpstream {
  child: ChildName
  pool: Record<string, unknown>
  timeouts: Record<string, number>
  call(dice: Dice, text: string): ToolCall
}

/** Short, so that a run of two minutes meets every limit. */
const pool = { acquireTimeoutMs: 2_000, maxWaiting: 12, idleTimeoutMs: 4_000, healthCheckIntervalMs: 100 }

/** Four upstreams, each of a kind of its own. */
export const upstreams: Readonly<Record<string, LoadedUpstream>> = {
  /** Persistent and well-behaved: processes are reused, age and are replaced. */
  echo: {
    child: 'echo',
    pool: { ...pool, maxConnections: 4, minIdle: 1, maxLifetimeMs: 15_000, maxUses: 500 },
    timeouts: { responseTimeoutMs: 5_000, requestTimeoutMs: 10_000 },
    call: (dice, text) =>
      dice.chance(0.1)
        ? { name: 'sleep', arguments: { ms: dice.between(1, 120) } }
        : { name: 'echo', arguments: { text }, expected: text },
  },
  /** Ends under a request in every way that a program can. */
  crash: {
    child: 'crash',
    pool: { ...pool, maxConnections: 3 },
    timeouts: { responseTimeoutMs: 5_000, requestTimeoutMs: 10_000 },
    call: (dice, text) =>
      dice.chance(0.03)
        ? { name: 'crash', arguments: { how: dice.pick(['exit', 'signal', 'throw', 'half', 'answer']) } }
        : { name: 'echo', arguments: { text }, expected: text },
  },
  /** Late, too late, and never (its answer would come after a minute). */
  slow: {
    child: 'slow',
    pool: { ...pool, maxConnections: 4 },
    timeouts: { responseTimeoutMs: 300, requestTimeoutMs: 3_000 },
    call: (dice) => ({
      name: 'slow',
      arguments: { ms: dice.weighted({ 5: 30, 60: 20, 290: 2, 400: 4, 60000: 2 }) },
    }),
  },
  /** Answers once and exits; each request gets a started process of its own. */
  once: {
    child: 'singleShot',
    pool: { ...pool, maxConnections: 4, mode: 'prespawn', spares: 2 },
    timeouts: { responseTimeoutMs: 5_000, requestTimeoutMs: 10_000 },
    call: (_, text) => ({ name: 'once', arguments: { text }, expected: text }),
  },
}

export const upstreamNames = Object.keys(upstreams)

/** As a user's config file has it. */
export const soakConfig = {
  mcpServers: Object.fromEntries(
    Object.entries(upstreams).map(([name, { child, pool, timeouts }]) => [
      name,
      { command: process.execPath, args: [children[child]], protocol: 'legacy', pool, timeouts },
    ]),
  ),
}
