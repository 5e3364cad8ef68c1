import { join } from 'node:path'
import type { Logger } from '../kit/logger.ts'
import { identify, identifyByProcfs, type ProcessIdentity, sameIdentity } from './identity.ts'
import { Ledger } from './ledger.ts'
import { reapLeftovers } from './reap.ts'
import type { TreeGuard } from './types.ts'
import { WatchdogLink } from './watchdog-link.ts'

export interface ProcessGuardOptions {
  /** Holds the ledgers. Hosts with different folders know nothing of each other. */
  stateDir: string
  /** The built watchdog.js; undefined: no watchdog, and only the next host ends what a killed one leaves. */
  watchdogScript: string | undefined
  /** Runs it; default: this process's own executable. */
  execPath?: string | undefined
  /** Added to the watchdog's environment: ELECTRON_RUN_AS_NODE where `execPath` is Electron. */
  env?: Readonly<Record<string, string>> | undefined
  logger: Logger
}

/** Launchers replace or rename themselves soon after their start; the ledger follows for this long. */
const refreshMs = 1000
const refreshes = 30

/**
 * Nothing that this host starts outlives it, however it ends (POOL semantics, "One child process"): the watchdog ends
 * the trees when the host is killed, and should the watchdog be killed too, the next host finds them in the ledger.
 *
 * On Windows neither is needed for the roots: Node puts every child that is not detached into a job object that Windows
 * ends together with this process. What a root has started itself sees the end of its stdin.
 */
export class ProcessGuard implements TreeGuard {
  readonly #watchdog: WatchdogLink | undefined
  readonly #ledger: Ledger | undefined
  readonly #logger: Logger
  /** Looks that are still to be taken at the command line of a tree. */
  readonly #toRefresh = new Map<number, number>()
  readonly #refresh: NodeJS.Timeout
  #closed: Promise<void> | undefined

  private constructor(watchdog: WatchdogLink | undefined, ledger: Ledger | undefined, logger: Logger) {
    this.#watchdog = watchdog
    this.#ledger = ledger
    this.#logger = logger
    this.#refresh = setInterval(() => void this.#refreshIdentities(), refreshMs)
    this.#refresh.unref()
  }

  /**
   * Ends what earlier hosts with this folder left, then guards this one. Rejects when the folder can't be written.
   */
  static async start(options: ProcessGuardOptions): Promise<ProcessGuard> {
    const { stateDir, watchdogScript, execPath = process.execPath, env = {}, logger } = options
    if (process.platform === 'win32') return new ProcessGuard(undefined, undefined, logger)
    const directory = join(stateDir, 'processes')
    await reapLeftovers(directory, logger)
    const host = await identify(process.pid)
    const ledger = host && (await Ledger.open(directory, host, logger))
    if (!ledger) logger.log('warn', 'This host could not be identified: it keeps no ledger of its processes')
    if (watchdogScript === undefined) return new ProcessGuard(undefined, ledger, logger)
    const watchdog = new WatchdogLink({ script: watchdogScript, execPath, env: { ...inherited(), ...env }, logger })
    return new ProcessGuard(watchdog, ledger, logger)
  }

  /** PID of the watchdog; undefined on Windows and while it is being started again. */
  get watchdogPid(): number | undefined {
    return this.#watchdog?.pid
  }

  /** Covered when this returns: the pipe to the watchdog is written at once, the ledger follows. */
  register({ pid }: { pid: number; command: string; args: readonly string[] }): void {
    const identity = process.platform === 'linux' ? identifyByProcfs(pid) : undefined
    this.#watchdog?.add(pid, identity?.startTime ?? '')
    this.#toRefresh.set(pid, refreshes)
    if (identity) this.#ledger?.add(identity)
    else void this.#lookUp(pid)
  }

  unregister(pid: number): void {
    this.#watchdog?.remove(pid)
    this.#ledger?.remove(pid)
    this.#toRefresh.delete(pid)
  }

  /** Ends the watchdog, and what was not unregistered with it. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    clearInterval(this.#refresh)
    await this.#watchdog?.close()
    await this.#ledger?.close()
  }

  async #lookUp(pid: number): Promise<void> {
    const identity = await identify(pid)
    if (identity && this.#toRefresh.has(pid) && !this.#closed) this.#ledger?.add(identity)
  }

  async #refreshIdentities(): Promise<void> {
    for (const known of this.#ledger?.identities() ?? []) {
      const left = this.#toRefresh.get(known.pid)
      if (!left) continue
      this.#toRefresh.set(known.pid, left - 1)
      const now = await identify(known.pid)
      if (this.#toRefresh.has(known.pid) && !this.#closed) this.#follow(known, now)
    }
  }

  #follow(known: ProcessIdentity, now: ProcessIdentity | undefined): void {
    if (!now || sameIdentity(known, now)) return
    if (now.startTime === known.startTime && now.bootId === known.bootId) this.#ledger?.add(now)
    else this.#logger.log('warn', 'The PID of a tree belongs to another process', { pid: known.pid })
  }
}

/** The host's environment without what would make the watchdog something else than a plain Node. */
function inherited(): Record<string, string> {
  const { NODE_OPTIONS, NODE_CHANNEL_FD, ...rest } = process.env
  return Object.fromEntries(Object.entries(rest).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
