import { readdirSync, readFileSync } from 'node:fs'

/**
 * CPU time of a process, all its threads, as the scheduler counts it: to the nanosecond, where ticks would be ten
 * milliseconds. @returns null where the system does not tell
 */
export function cpuMicros(pid: number): number | null {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`)
    const nanos = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
    return nanos.reduce((sum, each) => sum + each, 0) / 1000
  } catch {
    return null
  }
}

/** @returns null where the system does not tell */
export function rssMiB(pid: number): number | null {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return null
  }
}
