import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Clock, systemClock, type Timer } from '../kit/clock.ts'
import { deferred } from '../kit/deferred.ts'
import type { Logger } from '../kit/logger.ts'

export interface WatchdogOptions {
  /** watchdog.js as built, or watchdog.ts with a Node that strips types. */
  script: string
  /** Runs the script. In Electron with ELECTRON_RUN_AS_NODE in `env`. */
  execPath: string
  env: Readonly<Record<string, string>>
  logger: Logger
  /** Default: the system's. */
  clock?: Clock | undefined
}

/** A watchdog that was killed is started again; not in a loop when it can't run at all. */
const firstRestartMs = 500
const slowestRestartMs = 60_000
/** One that ran for this long can run: when it ends, that is another matter than the time before. */
const stableMs = 60_000
/** The watchdog's own time for what is left (termMs + killMs) and some more. */
const closeMs = 3000

/** The host's end of the pipe to the watchdog. */
export class WatchdogLink {
  readonly #options: WatchdogOptions
  readonly #clock: Clock
  /** PID to start time; '' where the watchdog looks it up itself. */
  readonly #groups = new Map<number, string>()
  #child: ChildProcess | undefined
  #closing = false
  #restartMs = firstRestartMs
  #restart: Timer | undefined
  #startedAt = 0

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#start()
  }

  /** PID of the watchdog; undefined while none runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Takes effect even if this process is killed right after: a write to a pipe that has room is made at once, not in a
   * later turn of the loop.
   */
  add(pid: number, startTime: string): void {
    this.#groups.set(pid, startTime)
    this.#send(addLine(pid, startTime))
  }

  remove(pid: number): void {
    if (this.#groups.delete(pid)) this.#send(`-${pid}\n`)
  }

  /** Ends the watchdog, which ends the groups that were not taken back. Resolves when it has exited. */
  async close(): Promise<void> {
    this.#closing = true
    this.#restart?.cancel()
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    const gone = once(child, 'exit')
    child.stdin?.end()
    const late = deferred<void>()
    const timer = this.#clock.after(
      closeMs,
      () => {
        this.#options.logger.log('warn', 'The watchdog did not exit in time', { pid: child.pid })
        child.unref()
        late.resolve()
      },
      { ref: true },
    )
    await Promise.race([gone, late.promise])
    timer.cancel()
  }

  #start(): void {
    const { script, execPath, env } = this.#options
    // Its own session, so that neither Ctrl-C nor a kill of the host's group reaches it.
    const child = spawn(execPath, [script], { cwd: '/', detached: true, env, stdio: ['pipe', 'ignore', 'ignore'] })
    this.#child = child
    this.#startedAt = this.#clock.now()
    child.stdin?.on('error', () => {
      // It is gone: 'exit' tells, and what comes next is sent to its successor.
    })
    child.once('error', (error) => this.#ended(error.message))
    child.once('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`))
    // The host's life does not depend on it.
    child.unref()
    const { stdin } = child
    if (stdin && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
    for (const [pid, startTime] of this.#groups) this.#send(addLine(pid, startTime))
  }

  #send(line: string): void {
    const stdin = this.#child?.stdin
    if (stdin?.writable) stdin.write(line)
  }

  #ended(how: string): void {
    if (this.#closing || this.#restart) return
    if (this.#clock.now() - this.#startedAt >= stableMs) this.#restartMs = firstRestartMs
    this.#options.logger.log('warn', 'The watchdog ended and is started again', { how, delayMs: this.#restartMs })
    this.#restart = this.#clock.after(this.#restartMs, () => {
      this.#restart = undefined
      this.#start()
    })
    this.#restartMs = Math.min(this.#restartMs * 2, slowestRestartMs)
  }
}

function addLine(pid: number, startTime: string): string {
  return startTime === '' ? `+${pid}\n` : `+${pid} ${startTime}\n`
}
