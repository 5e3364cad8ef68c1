import { setImmediate as turn } from 'node:timers/promises'
import { execa } from 'execa'
import { defaultMaxBodyBytes } from '../../shared/config.ts'
import type { Clock } from '../kit/clock.ts'
import { deferred } from '../kit/deferred.ts'
import { LineSplitter } from './line-splitter.ts'
import { LineWriter, stdinClosed } from './line-writer.ts'
import { groupAlive, hostPlatform, killWindowsTree, type Platform, signalGroup } from './platform.ts'
import { StderrRing } from './stderr-ring.ts'
import { defaultGraces, type Graces, TerminationLadder } from './termination.ts'
import type { ChildTree, ExitInfo, ProcessSpec, Termination, TreeGuard } from './types.ts'

/** Limits of one child's streams, in bytes. */
export interface StreamLimits {
  /** A longer line of stdout is skipped and told by `onLineTooLong`. */
  maxLineBytes: number
  /** Buffered for a child that does not read; more is refused. */
  maxStdinBytes: number
  /** Kept of stderr. */
  stderrBytes: number
}

/** A line may be as long as the body of a request to the gateway. The others: POOL semantics, "One child process". */
export const defaultStreamLimits: StreamLimits = {
  maxLineBytes: defaultMaxBodyBytes,
  maxStdinBytes: 1024 * 1024,
  stderrBytes: 64 * 1024,
}

export interface SpawnOptions {
  clock: Clock
  /** Ends the tree when this host can't any more. */
  guard?: TreeGuard | undefined
  limits?: Partial<StreamLimits> | undefined
  graces?: Partial<Graces> | undefined
  platform?: Platform | undefined
}

/**
 * Starts a process as the root of a tree of its own and returns at once. A process that can't be started is returned
 * too: its `exited` tells why (ENOENT, EACCES, EMFILE, …); nothing is thrown.
 */
export function spawnTree(spec: ProcessSpec, options: SpawnOptions): ChildTree {
  return new StdioTree(spec, options)
}

type Started = ReturnType<typeof start>

class StdioTree implements ChildTree {
  readonly pid: number | undefined
  readonly startedAt: number
  readonly spawnBlockedMs: number
  readonly exited: Promise<ExitInfo>
  readonly stderr: StderrRing
  onLine: (line: string) => void = () => {}
  onStdoutEnd: () => void = () => {}
  onLineTooLong: (bytes: number, head: string, tail: string) => void = () => {}
  onWriteFailed: (error: Error) => void = () => {}

  readonly #process: Started | undefined
  readonly #stdin: LineWriter | undefined
  readonly #ladder: TerminationLadder
  readonly #exited = deferred<ExitInfo>()
  #exit: ExitInfo | undefined
  /** The root has exited, as the operating system says; `exit` follows when its last output has been read. */
  #rootExited = false
  #stdoutEnded = false

  constructor(spec: ProcessSpec, { clock, guard, limits, graces, platform = hostPlatform }: SpawnOptions) {
    const { maxLineBytes, maxStdinBytes, stderrBytes } = { ...defaultStreamLimits, ...limits }
    this.exited = this.#exited.promise
    this.stderr = new StderrRing(stderrBytes, () => clock.wall())
    this.startedAt = clock.wall()
    const before = clock.now()
    let invalid: unknown
    try {
      this.#process = start(spec, platform)
    } catch (error) {
      invalid = error
    }
    this.spawnBlockedMs = clock.now() - before
    this.pid = this.#process?.pid
    this.#ladder = new TerminationLadder(this.#target(platform, guard), clock, { ...defaultGraces, ...graces })

    const { pid } = this
    if (this.#process === undefined) this.#notStarted(invalid)
    else if (pid === undefined) {
      // execa's promise is the one place where every way of not starting ends up: EMFILE gives a process without streams
      // and without events, ENOENT an 'error' event, a NUL in an argument an exception.
      void this.#process.then((result) => this.#notStarted(result.cause ?? result))
    } else {
      guard?.register({ pid, command: spec.command, args: spec.args })
      this.#stdin = new LineWriter(this.#process.stdin, maxStdinBytes, (error) => this.onWriteFailed(error))
      this.#readStdout(maxLineBytes)
      this.#readStderr()
      const { nodeChildProcess } = this.#process
      nodeChildProcess.once('exit', (code, signal) => void this.#onExit(code, signal))
      // Says that a signal of execa's could not be sent; we send ours ourselves.
      nodeChildProcess.on('error', () => {})
    }
  }

  get exit(): ExitInfo | undefined {
    return this.#exit
  }

  get forced(): boolean {
    return this.#ladder.forced
  }

  write(line: string): void {
    if (this.#stdin === undefined || this.#rootExited) throw stdinClosed()
    this.#stdin.write(line)
  }

  async terminate(manner: Termination): Promise<'gone' | 'survived'> {
    const outcome = await this.#ladder.run(manner)
    if (outcome === 'gone') await this.exited
    else this.#closePipes()
    return outcome
  }

  #readStdout(maxLineBytes: number): void {
    const stdout = this.#process?.stdout
    const splitter = new LineSplitter(maxLineBytes, {
      onLine: (line) => this.onLine(line),
      onLineTooLong: (bytes, head, tail) => this.onLineTooLong(bytes, head, tail),
    })
    const end = () => {
      if (this.#stdoutEnded) return
      this.#stdoutEnded = true
      splitter.end()
      this.onStdoutEnd()
    }
    stdout?.on('data', (chunk: Buffer) => splitter.push(chunk))
    stdout?.once('end', end)
    stdout?.once('close', end)
    // A broken pipe of the child's is the end of its output; 'close' follows.
    stdout?.on('error', () => {})
  }

  #readStderr(): void {
    const stderr = this.#process?.stderr
    stderr?.on('data', (chunk: Buffer) => this.stderr.push(chunk))
    stderr?.once('close', () => this.stderr.end())
    stderr?.on('error', () => {})
  }

  async #onExit(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.#rootExited = true
    this.#ladder.rootExited()
    await this.#drained()
    this.#settle({ code, signal })
  }

  /**
   * What the root wrote before it exited is in our pipes now; it is delivered before the exit is told, so that the answer
   * of a program that answers and exits is not lost. (libuv reads pipes before it tells exits on Linux; elsewhere the order
   * is not given.) Not until 'end': a grandchild may hold the pipes for ever.
   */
  async #drained(): Promise<void> {
    const streams = [this.#process?.stdout, this.#process?.stderr].filter((stream) => stream !== undefined)
    const read = () => streams.reduce((sum, stream) => sum + bytesRead(stream), 0)
    let quietTurns = 0
    for (let turns = 0; quietTurns < 2 && turns < maxDrainTurns; turns++) {
      if (streams.every((stream) => stream.readableEnded || stream.destroyed)) return
      const before = read()
      await turn()
      quietTurns = read() === before ? quietTurns + 1 : 0
    }
  }

  #notStarted(cause: unknown): void {
    this.#rootExited = true
    const error: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
    this.#ladder.rootExited()
    this.#settle({ code: null, signal: null, error })
  }

  #settle(exit: ExitInfo): void {
    this.#exit = exit
    this.#exited.resolve(exit)
    if (this.#ladder.gone) this.#closePipes()
  }

  #closePipes(): void {
    this.#stdin?.destroy()
    this.#process?.stdout?.destroy()
    this.#process?.stderr?.destroy()
  }

  #target(platform: Platform, guard: TreeGuard | undefined) {
    const { pid } = this
    const windows = platform.os === 'win32'
    const signal = (name: NodeJS.Signals) => {
      if (pid === undefined) return
      if (!windows) signalGroup(platform, pid, name)
      else if (!this.#rootExited) void killWindowsTree(platform, pid)
    }
    return {
      endStdin: () => this.#stdin?.end(),
      requestExit: () => {
        signal('SIGTERM')
        // A stopped process handles SIGTERM only once it goes on.
        if (!windows) signal('SIGCONT')
      },
      forceExit: () => signal('SIGKILL'),
      rootExited: () => this.#rootExited,
      gone: (thorough: boolean) => pid === undefined || windows || !groupAlive(platform, pid, thorough),
      onGone: () => {
        if (pid !== undefined) guard?.unregister(pid)
        if (this.#exit) this.#closePipes()
      },
    }
  }
}

/** A grandchild that floods the pipe must not keep the root's exit from being told. */
const maxDrainTurns = 64

function start(spec: ProcessSpec, platform: Platform) {
  return execa(spec.command, [...spec.args], {
    env: { ...spec.env },
    extendEnv: false,
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    // One process group for the whole tree. On Windows it would only open a console window.
    detached: platform.os !== 'win32',
    cleanup: false,
  })
}

function bytesRead(stream: object): number {
  return 'bytesRead' in stream ? Number(stream.bytesRead) : 0
}
