import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { app } from 'electron'
import type { HostOptions } from '../host/host.ts'
import type { Logger } from '../kit/logger.ts'

const versionTimeoutMs = 3_000
/** What the watchdog is built for. */
const oldestNodeMajor = 20

/**
 * What runs the watchdog. It must outlive this process, so a utility process is no answer (it ends with us), and the
 * packaged app's RunAsNode fuse is off, so Electron can't serve as Node: the person's own Node does. Without one there
 * is no watchdog; what a killed app leaves behind is then ended at its next start, from the ledger.
 */
export async function findWatchdogRuntime(logger: Logger): Promise<HostOptions['watchdog']> {
  if (!app.isPackaged) return { execPath: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1' } }
  try {
    const { stdout } = await promisify(execFile)('node', ['-p', 'process.versions.node + " " + process.execPath'], {
      timeout: versionTimeoutMs,
    })
    const [, major, execPath] = /^(\d+)\.\S+ (.+)$/.exec(stdout.trim()) ?? []
    if (execPath && Number(major) >= oldestNodeMajor) return { execPath, env: {} }
    logger.log('warn', `no watchdog: it needs Node ${oldestNodeMajor} or newer`, { found: stdout.trim() })
  } catch (error) {
    logger.log('warn', 'no watchdog: there is no Node on the PATH', { error: (error as Error).message })
  }
  return undefined
}
