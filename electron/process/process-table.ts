import { execFile } from 'node:child_process'
import { win32 } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import pidtree from 'pidtree'
import { type ProcStat, processIds, readStat } from './procfs.ts'

/** One process as far as trees are concerned. */
export interface TableEntry {
  pid: number
  ppid: number
  /** Process group; 0 where the system does not tell. */
  pgrp: number
  /** Linux only. */
  stat?: ProcStat | undefined
}

/** Processes read in one go: some 0.5 ms of blocking. */
const slice = 32

/** Every process of the system, in one scan. Processes that vanish meanwhile are left out. */
export async function processTable(platform: NodeJS.Platform = process.platform): Promise<TableEntry[]> {
  if (platform !== 'linux') return (await pidtree(-1, { advanced: true })).map((entry) => ({ ...entry, pgrp: 0 }))
  const table: TableEntry[] = []
  for (const [index, pid] of processIds().entries()) {
    if (index > 0 && index % slice === 0) await turn()
    const stat = readStat(pid)
    if (stat) table.push({ pid, ppid: stat.ppid, pgrp: stat.pgrp, stat })
  }
  return table
}

/**
 * The tree below each root, the root first; empty when the root and its group are gone. A process belongs to a tree as a
 * descendant or as a member of the root's group: one whose parent has died hangs below init.
 */
export function treesOf(roots: Iterable<number>, table: readonly TableEntry[]): Map<number, TableEntry[]> {
  const byPid = new Map<number, TableEntry>()
  const byParent = new Map<number, TableEntry[]>()
  const byGroup = new Map<number, TableEntry[]>()
  for (const entry of table) {
    byPid.set(entry.pid, entry)
    addTo(byParent, entry.ppid, entry)
    addTo(byGroup, entry.pgrp, entry)
  }
  const trees = new Map<number, TableEntry[]>()
  for (const root of roots) {
    const found = new Set<TableEntry>()
    const rootEntry = byPid.get(root)
    const queue = [...(rootEntry ? [rootEntry] : []), ...(byGroup.get(root) ?? [])]
    for (const entry of queue) {
      if (found.has(entry)) continue
      found.add(entry)
      queue.push(...(byParent.get(entry.pid) ?? []))
    }
    trees.set(root, [...found])
  }
  return trees
}

function addTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

const run = promisify(execFile)

/** Command lines by PID, where there is no /proc. */
export async function commandLines(
  platform: NodeJS.Platform = process.platform,
  systemRoot = process.env.SystemRoot ?? 'C:\\Windows',
): Promise<Map<number, string>> {
  const text =
    platform === 'win32'
      ? await run(win32.join(systemRoot, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe'), [
          '-NoProfile',
          '-NonInteractive',
          '-Command',
          'Get-CimInstance Win32_Process | ForEach-Object { "$($_.ProcessId) $($_.CommandLine)" }',
        ])
      : await run('/bin/ps', ['-ww', '-axo', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 })
  return parseCommandLines(text.stdout)
}

/** Lines of `PID command line`. */
export function parseCommandLines(text: string): Map<number, string> {
  const lines = text.split(/\r?\n/).map((line) => /^\s*(\d+)\s?(.*)$/.exec(line))
  return new Map(lines.flatMap((match) => (match ? [[Number(match[1]), (match[2] ?? '').trim()] as const] : [])))
}
