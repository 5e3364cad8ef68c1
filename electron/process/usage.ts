import { readFileSync } from 'node:fs'
import pidusage from 'pidusage'
import { commandLines, processTable, type TableEntry, treesOf } from './process-table.ts'
import { isZombie, type ProcStat, readCommandLine } from './procfs.ts'

/** What a tree of processes uses, the sum over its processes. */
export interface TreeUsage {
  /**
   * Percent of one core since the last sample; over the life of a process that was not sampled before. 200 = two cores.
   */
  cpuPercent: number
  /** Resident. Pages that processes share count once for each of them. */
  memoryBytes: number
  processes: number
}

export interface TreeProcess {
  pid: number
  ppid: number
  /** The command line; it may hold secrets. */
  command: string
}

interface CpuSample {
  startTicks: number
  ticks: number
  atMs: number
}

/** CPU times of the last sample, by PID; forgotten when a process was not sampled for a minute. */
const lastSamples = new Map<number, CpuSample>()
const forgetAfterMs = 60_000

/**
 * CPU and memory of whole process trees: one scan of the system for all of them. A root that is gone has no entry.
 * @param pids the roots
 */
export async function sampleTrees(pids: readonly number[]): Promise<Map<number, TreeUsage>> {
  if (pids.length === 0) return new Map()
  const trees = treesOf(pids, await processTable())
  return process.platform === 'linux' ? usageByProcfs(trees) : usageByPidusage(trees)
}

/** The tree of a root, the root first; empty when it is gone. */
export async function processTree(pid: number): Promise<TreeProcess[]> {
  const table = await processTable()
  const tree = treesOf([pid], table).get(pid) ?? []
  const linux = process.platform === 'linux'
  const commands = linux || tree.length === 0 ? new Map<number, string>() : await commandLines()
  return tree
    .filter(isRunning)
    .map(({ pid, ppid }) => ({ pid, ppid, command: linux ? words(readCommandLine(pid)) : (commands.get(pid) ?? '') }))
}

function words(commandLine: string): string {
  return commandLine.split('\0').join(' ').trim()
}

function isRunning(entry: TableEntry): boolean {
  return !entry.stat || !isZombie(entry.stat)
}

function usageByProcfs(trees: Map<number, TableEntry[]>): Map<number, TreeUsage> {
  const atMs = performance.now()
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000
  const { pageBytes, ticksPerSecond } = systemConstants()
  const usage = new Map<number, TreeUsage>()

  const cpuPercent = (stat: ProcStat): number => {
    const ticks = stat.userTicks + stat.systemTicks
    const before = lastSamples.get(stat.pid)
    lastSamples.set(stat.pid, { startTicks: stat.startTicks, ticks, atMs })
    const known = before?.startTicks === stat.startTicks
    const elapsedMs = known ? atMs - before.atMs : uptimeMs - (stat.startTicks * 1000) / ticksPerSecond
    // The start time is known to 10 ms only.
    if (elapsedMs < 10) return 0
    return (((ticks - (known ? before.ticks : 0)) * 1000) / ticksPerSecond / elapsedMs) * 100
  }

  for (const [root, entries] of trees) {
    const stats = entries.flatMap(({ stat }) => (stat && !isZombie(stat) ? [stat] : []))
    if (stats.length === 0) continue
    usage.set(root, {
      cpuPercent: stats.reduce((sum, stat) => sum + cpuPercent(stat), 0),
      memoryBytes: stats.reduce((sum, stat) => sum + stat.residentPages, 0) * pageBytes,
      processes: stats.length,
    })
  }
  for (const [pid, sample] of lastSamples) if (atMs - sample.atMs > forgetAfterMs) lastSamples.delete(pid)
  return usage
}

/** Where there is no /proc: pidusage asks ps, or Windows, once for all processes. */
export async function usageByPidusage(trees: Map<number, TableEntry[]>): Promise<Map<number, TreeUsage>> {
  const pids = [...new Set([...trees.values()].flatMap((entries) => entries.map(({ pid }) => pid)))]
  // It rejects when none of them runs any more.
  const stats: Record<string, pidusage.Status | null> = pids.length > 0 ? await pidusage(pids).catch(() => ({})) : {}
  const usage = new Map<number, TreeUsage>()
  for (const [root, entries] of trees) {
    const found = entries.flatMap(({ pid }) => stats[pid] ?? [])
    if (found.length === 0) continue
    usage.set(root, {
      cpuPercent: found.reduce((sum, { cpu }) => sum + cpu, 0),
      memoryBytes: found.reduce((sum, { memory }) => sum + memory, 0),
      processes: found.length,
    })
  }
  return usage
}

let constants: { pageBytes: number; ticksPerSecond: number } | undefined

/** From the auxiliary vector that the kernel hands to every process (getauxval(3)): pages have 4 to 64 KiB on ARM. */
function systemConstants(): { pageBytes: number; ticksPerSecond: number } {
  if (constants) return constants
  const found = { pageBytes: 4096, ticksPerSecond: 100 }
  try {
    const vector = new BigUint64Array(new Uint8Array(readFileSync('/proc/self/auxv')).buffer)
    for (let i = 0; i + 1 < vector.length; i += 2) {
      if (vector[i] === 6n) found.pageBytes = Number(vector[i + 1])
      if (vector[i] === 17n) found.ticksPerSecond = Number(vector[i + 1])
    }
  } catch {
    // Not readable in some sandboxes: the usual values then.
  }
  constants = found
  return found
}
