/** What to run. Everything is expanded already: no ${VAR} left. */
export interface ProcessSpec {
  command: string
  args: readonly string[]
  /** The whole environment of the child. */
  env: Readonly<Record<string, string>>
  cwd?: string | undefined
}

/** How a process ended. `error` is set when it could not be started (ENOENT, EACCES, EMFILE, …). */
export interface ExitInfo {
  code: number | null
  signal: NodeJS.Signals | null
  error?: NodeJS.ErrnoException
}

/**
 * gentle: end stdin, wait, SIGTERM to the group, wait, SIGKILL. abrupt: SIGTERM, wait, SIGKILL. kill: SIGKILL at once.
 */
export type Termination = 'gentle' | 'abrupt' | 'kill'

export interface StderrLine {
  /** Increases by one for each line of this process. */
  seq: number
  /** Epoch milliseconds. */
  at: number
  text: string
}

/** One child and its tree: a process group on POSIX. */
export interface ChildTree {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Milliseconds that the spawn call blocked the event loop. */
  readonly spawnBlockedMs: number
  /** Set once the root has exited (or failed to start) and what it had written was delivered. */
  readonly exit: ExitInfo | undefined
  /**
   * Resolves when the root has exited or failed to start; never rejects. What the root wrote before its exit was
   * delivered before: an answer is not lost to the exit that follows it. Whatever of the tree is left is then ended.
   */
  readonly exited: Promise<ExitInfo>
  /** Whether SIGKILL (Windows: taskkill /F) was needed, or asked for, to end the tree. */
  readonly forced: boolean
  /** One complete line of stdout without its line end, decoded once, whole. Set before anything else is awaited. */
  onLine: (line: string) => void
  /** Stdout ended; the process may still run. At most once. */
  onStdoutEnd: () => void
  /**
   * A line over the limit was skipped; told when it has passed. `head` and `tail` are its first and last characters: the
   * id of a message stands at either end.
   */
  onLineTooLong: (bytes: number, head: string, tail: string) => void
  /** A write failed (EPIPE and the like). At most once. */
  onWriteFailed: (error: Error) => void
  /**
   * Writes one line of JSON (the newline is added; line ends within it become spaces). Never waits.
   * @throws AppError STDIN_OVERFLOW when the child does not read and the cap is buffered already
   * @throws AppError CONNECTION_LOST when stdin is closed
   */
  write(line: string): void
  readonly stderr: {
    lines(): StderrLine[]
    tail(count: number): string[]
    /** Kept: what `lines()` shows. With `droppedBytes` it is all that was received. */
    readonly bytes: number
    /** Received and no longer shown. */
    readonly droppedBytes: number
    onLine(listener: (line: StderrLine) => void): () => void
  }
  /**
   * Ends the tree. Idempotent; a harsher manner hastens the one under way. Never rejects.
   * 'survived': it outlived SIGKILL for a second. A later call tries again and tells whether it is gone by then.
   */
  terminate(manner: Termination): Promise<'gone' | 'survived'>
}

/** Ends the trees of a host that crashed: watchdog and ledger. */
export interface TreeGuard {
  /** Right after the spawn; never waits. */
  register(tree: { pid: number; command: string; args: readonly string[] }): void
  /** The tree is gone: its ids may belong to others. */
  unregister(pid: number): void
}
