import { readFileSync } from 'node:fs'
import { isZombie, processIds, readStat } from '../../electron/process/procfs.ts'

/** A process for good: a reused PID has another start time. */
export interface Seen {
  pid: number
  startTicks: number
}

/** The variable that the host and all its children inherit, however they detach themselves. */
export const markName = 'SOAK_MARK'

/** @returns undefined when there is no such process, or it is a zombie */
export function look(pid: number): Seen | undefined {
  const stat = readStat(pid)
  return stat && !isZombie(stat) ? { pid, startTicks: stat.startTicks } : undefined
}

export const stillRuns = ({ pid, startTicks }: Seen): boolean => look(pid)?.startTicks === startTicks

export function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${markName}=${mark}`)
  } catch {
    return false // gone meanwhile, or a zombie
  }
}

export const marked = (mark: string): number[] => processIds().filter((pid) => isMarked(pid, mark))

/** The watchdog among them: it is started with the mark too, but would not have to be. */
export const childrenOf = (parent: number): Seen[] =>
  processIds().flatMap((pid) => {
    const stat = readStat(pid)
    return stat?.ppid === parent && !isZombie(stat) ? [{ pid, startTicks: stat.startTicks }] : []
  })
