import { readdirSync, readFileSync } from 'node:fs'

/** What Linux tells about one process in /proc/<pid>/stat (proc(5)). Times are in clock ticks. */
export interface ProcStat {
  pid: number
  /** One letter; Z is a zombie, X is dead. */
  state: string
  ppid: number
  /** Process group. */
  pgrp: number
  session: number
  userTicks: number
  systemTicks: number
  /** Since boot. With pid and boot id it names a process for good: a reused PID has another start time. */
  startTicks: number
  residentPages: number
}

/** The text of /proc/<pid>/stat. The command may hold spaces and parentheses, so fields count from the last ")". */
export function parseStat(text: string): ProcStat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 1 || close < open) return undefined
  const fields = text.slice(close + 2).split(' ')
  const number = (index: number) => Number(fields[index])
  const stat: ProcStat = {
    pid: Number(text.slice(0, open)),
    state: fields[0] ?? '',
    ppid: number(1),
    pgrp: number(2),
    session: number(3),
    userTicks: number(11),
    systemTicks: number(12),
    startTicks: number(19),
    residentPages: number(21),
  }
  return Number.isFinite(stat.startTicks) && Number.isFinite(stat.residentPages) ? stat : undefined
}

/** Undefined when there is no such process (or no /proc). Synchronous: /proc is memory, a read costs some 20 us. */
export function readStat(pid: number): ProcStat | undefined {
  return parseStat(readText(`/proc/${pid}/stat`))
}

export function isZombie(stat: ProcStat): boolean {
  return stat.state === 'Z' || stat.state === 'X'
}

/**
 * Every process that is in the group and still runs; a zombie waits for its parent and runs no more.
 * @returns undefined when that can't be known (no file descriptor left)
 */
export function groupMembers(pgrp: number): ProcStat[] | undefined {
  let pids: number[]
  try {
    pids = processIds()
  } catch {
    return undefined
  }
  return pids.flatMap((pid) => {
    const stat = readStat(pid)
    return stat && stat.pgrp === pgrp && !isZombie(stat) ? [stat] : []
  })
}

/** The arguments, each ended by NUL; empty for a zombie or when there is no such process. */
export function readCommandLine(pid: number): string {
  return readText(`/proc/${pid}/cmdline`)
}

/** A random id that the kernel makes at boot: tells start times of different boots apart. Empty when unknown. */
export function readBootId(): string {
  bootId ||= readText('/proc/sys/kernel/random/boot_id').trim()
  return bootId
}

let bootId = ''

export function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** A process may end between any two reads: what can't be read is not there. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
