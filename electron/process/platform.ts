import { execFile } from 'node:child_process'
import { win32 } from 'node:path'
import { promisify } from 'node:util'
import { groupMembers } from './procfs.ts'

/** What the operating system does for us; injected, so that the paths of another system can be tested. */
export interface Platform {
  readonly os: NodeJS.Platform
  /** As process.kill: a negative pid is a process group. */
  kill(pid: number, signal: NodeJS.Signals | 0): void
  /** Runs a program to its end. Rejects when it fails. */
  exec(file: string, args: readonly string[]): Promise<void>
  /** %SystemRoot% */
  readonly systemRoot: string | undefined
}

const run = promisify(execFile)

export const hostPlatform: Platform = {
  os: process.platform,
  kill: (pid, signal) => void process.kill(pid, signal),
  async exec(file, args) {
    await run(file, [...args], { windowsHide: true, timeout: 5000 })
  },
  systemRoot: process.env.SystemRoot,
}

/** Signals a process group. A group that is gone is no error: that is what the signal was for. */
export function signalGroup(platform: Platform, pgid: number, signal: NodeJS.Signals): void {
  try {
    platform.kill(-pgid, signal)
  } catch (error) {
    // EPERM: members run as another user (setuid); nothing that we could do about it. The ladder ends in 'survived'.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

/**
 * Whether anything in the group still runs.
 * @param thorough also tells zombies from the living, on Linux, by a scan of /proc (some milliseconds): where PID 1 does
 *   not reap (a container without an init) they would keep the group "alive" for good
 */
export function groupAlive(platform: Platform, pgid: number, thorough: boolean): boolean {
  try {
    platform.kill(-pgid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return thorough && platform.os === 'linux' ? groupMembers(pgid)?.length !== 0 : true
}

/**
 * Windows has no process groups: taskkill walks the tree from the root, so it must run before the root has exited.
 * By absolute path: a taskkill.exe in the working directory or on PATH must not be run.
 */
export async function killWindowsTree(platform: Platform, pid: number): Promise<void> {
  const systemRoot = platform.systemRoot ?? 'C:\\Windows'
  try {
    await platform.exec(win32.join(systemRoot, 'System32', 'taskkill.exe'), ['/PID', String(pid), '/T', '/F'])
  } catch {
    // taskkill is missing or found nothing to kill: end the root at least.
    try {
      platform.kill(pid, 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }
}
