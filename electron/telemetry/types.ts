import type { UpstreamConfig } from '../../shared/config.ts'
import type { GatewayState, HostState } from '../../shared/state.ts'
import type { Upstream, UpstreamView } from '../upstream/types.ts'

/**
 * One configured upstream as telemetry asks for it. A stopped one has no Upstream object; its config stands in, with
 * the view of its last run where there is one.
 */
export type UpstreamSource = {
  enabled: boolean
  /** What is run or reached, secrets masked. */
  target: string
  /** Where MCP clients reach it. */
  url: string
} & ({ upstream: Upstream } | { upstream: null; config: UpstreamConfig; view?: UpstreamView })

/** Figures that telemetry measures itself; what the host gives for them is replaced, except its own memory. */
type Measured = 'childrenMemoryBytes' | 'eventLoopLagMs' | 'memoryBytes'
export type HostSource = Omit<HostState, Measured> & Partial<Pick<HostState, Measured>>

/** Where telemetry reads the present state from. Called often and synchronously: cheap, no I/O. */
export interface TelemetrySources {
  upstreams(): Iterable<UpstreamSource>
  host(): HostSource
  gateway(): GatewayState
}

/** What one process tree uses. */
export interface TreeUsage {
  /** Percent of one core since the sample before. */
  cpuPercent: number
  /** Resident memory of the whole tree. */
  memoryBytes: number
  processes: number
}

/** Samples process trees by the PID of their root; a tree that is gone is missing from the answer. */
export type SampleTrees = (pids: number[]) => Promise<ReadonlyMap<number, TreeUsage>>
