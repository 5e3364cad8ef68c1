import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

/** Whether a process runs. A zombie has ended; it only waits for its parent, which in a container may never come. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false // gone between the two looks
  }
}

/** All processes below a process, however deep, by parent links. */
export function descendants(pid: number): number[] {
  const parents = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const found: number[] = []
  let below = [pid]
  while (below.length > 0) {
    below = parents.flatMap(([child = 0, parent = 0]) => (below.includes(parent) ? [child] : []))
    found.push(...below)
  }
  return found
}

export const expectGone = (pids: readonly number[], timeout = 5_000) =>
  expect.poll(() => pids.filter(isRunning), { timeout, message: 'processes that should have ended' }).toEqual([])
