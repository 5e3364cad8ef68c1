/**
 * The watchdog: a small process of its own, in its own session, that outlives a host that was killed and ends what the
 * host has left. It reads its standard input, one line for each process group:
 *
 *   +PID [START]   the host has started the group PID; START as in /proc/PID/stat, looked up here when absent
 *   -PID           the group is gone
 *
 * End of file means that the host is gone, in whatever way. A host that leaves in order has taken back every group.
 */
import { execFileSync } from 'node:child_process'
import { groupMembers, readStat } from './procfs.ts'

/** For a clean exit; with killMs it must fit the 3 s of POOL semantics, test 29. */
const termMs = 1000
const killMs = 1000
const pollMs = 20

const linux = process.platform === 'linux'
/** Root PID (which is the group's id) to its start time. */
const groups = new Map<number, string>()

function startTime(pid: number): string | undefined {
  if (linux) return readStat(pid)?.startTicks.toString()
  try {
    const env = { LC_ALL: 'C', TZ: 'UTC' }
    const text = execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { env, encoding: 'utf8' })
    return text.trim() || undefined
  } catch {
    return undefined
  }
}

/** Whether the group with this id is still the one that the host has started, and something of it runs. */
function isOurs(pid: number, start: string): boolean {
  const now = startTime(pid)
  if (now !== undefined) return now === start && (!linux || groupMembers(pid)?.length !== 0)
  // The root is gone. While its group lives its number is not given away, so what is left must be what it left: of the
  // session that it has founded and no older than it.
  if (linux) {
    const members = groupMembers(pid) ?? []
    return members.length > 0 && members.every((m) => m.session === pid && m.startTicks >= Number(start))
  }
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

function signalOurs(signals: NodeJS.Signals[]): void {
  for (const [pid, start] of groups) {
    if (!isOurs(pid, start)) {
      groups.delete(pid)
      continue
    }
    try {
      for (const signal of signals) process.kill(-pid, signal)
    } catch {
      // It ended in this very moment, or belongs to another user: nothing more can be done.
    }
  }
}

async function untilGone(ms: number): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    for (const [pid, start] of groups) if (!isOurs(pid, start)) groups.delete(pid)
    if (groups.size === 0) return
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

async function hostIsGone(): Promise<void> {
  signalOurs(['SIGTERM', 'SIGCONT'])
  await untilGone(termMs)
  signalOurs(['SIGKILL'])
  await untilGone(killMs)
  process.exit(0)
}

function take(line: string): void {
  const [, sign, digits, start] = /^([+-])(\d+)(?: (.+))?$/.exec(line) ?? []
  const pid = Number(digits)
  // 0 and 1 would be our own group and everybody.
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  if (sign === '-') groups.delete(pid)
  else {
    const known = start ?? startTime(pid)
    if (known !== undefined) groups.set(pid, known)
  }
}

process.title = 'poolscope-watchdog'
let rest = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) take(line)
})
process.stdin.once('end', () => void hostIsGone())
process.stdin.once('error', () => void hostIsGone())
