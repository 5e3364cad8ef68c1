import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { isZombie, readBootId, readCommandLine, readStat } from './procfs.ts'

/** What names a process for good. A PID alone does not: it is given to another process later. */
export interface ProcessIdentity {
  pid: number
  /** Process group. */
  pgid: number
  /** As the operating system tells it: clock ticks since boot on Linux, a date elsewhere. */
  startTime: string
  /** Empty where start times are dates. */
  bootId: string
  /** SHA-256 of the command line as the operating system shows it; arguments may hold secrets. */
  argvHash: string
}

const run = promisify(execFile)

/** Undefined when there is no such process, or it has ended and only waits for its parent. */
export async function identify(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): Promise<ProcessIdentity | undefined> {
  return platform === 'linux' ? identifyByProcfs(pid) : identifyByPs(pid)
}

export function sameIdentity(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return (
    a.pid === b.pid &&
    a.pgid === b.pgid &&
    a.startTime === b.startTime &&
    a.bootId === b.bootId &&
    a.argvHash === b.argvHash
  )
}

/** Linux only. Synchronous, some 40 us: a process that was just started is known before anything can go wrong. */
export function identifyByProcfs(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  if (!stat || isZombie(stat)) return undefined
  return {
    pid,
    pgid: stat.pgrp,
    startTime: String(stat.startTicks),
    bootId: readBootId(),
    argvHash: hash(readCommandLine(pid)),
  }
}

/** `Tue Nov 21 20:43:00 2025` is always 24 characters in the C locale. */
const psLine = /^\s*(?<pgid>\d+)\s+(?<startTime>\S{3} \S{3} [\d ]\d [\d:]{8} \d{4})\s(?<command>.*)$/

async function identifyByPs(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const { stdout } = await run('/bin/ps', ['-ww', '-o', 'pgid=,lstart=,command=', '-p', String(pid)], {
      env: { LC_ALL: 'C', TZ: 'UTC' },
    })
    return parsePs(pid, stdout)
  } catch {
    // ps fails when there is no such process.
    return undefined
  }
}

/** A line of `ps -o pgid=,lstart=,command=`. */
export function parsePs(pid: number, text: string): ProcessIdentity | undefined {
  const fields = psLine.exec(text.trimEnd())?.groups
  if (!fields?.startTime || fields.command === undefined) return undefined
  return { pid, pgid: Number(fields.pgid), startTime: fields.startTime, bootId: '', argvHash: hash(fields.command) }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
