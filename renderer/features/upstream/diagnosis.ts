import type { ErrorCode } from '../../../shared/errors.ts'
import type { Failure } from '../../../shared/state.ts'
import { diagnoseRemote, readLog } from './remote-diagnosis.ts'
import { stderrHint } from './stderr-hints.ts'

/** What a failure means and what helps, in plain words. */
export interface Diagnosis {
  /** What happened, in a few words. */
  title: string
  /** Why this happens. */
  why: string
  /** What to do, the likeliest first. */
  steps: string[]
  /** The folders in which the command was looked for, where that is the question. */
  searched?: string[]
}

export type Advice = Omit<Diagnosis, 'searched'>

const readStderr = 'Read the stderr lines below: the server usually says why itself.'

/** Codes whose meaning needs no more than the code. The others are told apart in {@link diagnose}. */
const byCode: Partial<Record<ErrorCode, Advice>> = {
  CONNECT_TIMEOUT: {
    title: 'The server did not come up in time',
    why: 'It was started, but did not finish the MCP handshake within the connect timeout. The first run of npx, uvx or docker downloads the package, which takes long.',
    steps: [
      'Run the command once in a terminal, so that the download is done, then press Retry now.',
      'Raise the connect timeout (Edit, Timeouts).',
      'If it does not speak MCP but plain JSON-RPC lines, set its protocol to jsonrpc.',
    ],
  },
  HANDSHAKE_FAILED: {
    title: 'The handshake failed',
    why: 'The process runs, but what it answered to initialize was an error or no MCP. Something printed to stdout (a banner, a log) also breaks the handshake: stdout belongs to the protocol.',
    steps: [
      readStderr,
      'See that it logs to stderr only, and that its arguments start the MCP server (some need a subcommand such as “serve” or “mcp”).',
      'Set the protocol by hand (Edit, Protocol) if it speaks one era only.',
    ],
  },
  RESPONSE_TIMEOUT: {
    title: 'The server did not answer in time',
    why: 'A request was written and no response came within the response timeout. The process that owes the answer is replaced, because a late answer must not reach someone else.',
    steps: [
      'If its tools are slow by nature, raise the response timeout, or let the server send progress (each one resets it).',
      'Look at CPU in Processes: 0 % says that it waits for something, 100 % that it is busy.',
    ],
  },
  DEADLINE_EXCEEDED: {
    title: 'The request ran out of time',
    why: 'Waiting in the queue, connecting and answering together took longer than the request timeout.',
    steps: ['See in Health which part grew: the queue or the latency.', 'More connections help against a queue.'],
  },
  ACQUIRE_TIMEOUT: {
    title: 'No connection became free in time',
    why: 'Every connection was busy (or could not be opened) for the whole acquire timeout.',
    steps: [
      'Raise the number of connections if the machine has room, or the acquire timeout.',
      'Look in Processes for one that has been active for very long: it may hang. Restart it.',
    ],
  },
  QUEUE_FULL: {
    title: 'Too many requests waited',
    why: 'The waiting queue was full, so a request was refused at once instead of waiting without hope.',
    steps: ['Raise the number of connections.', 'Raise “Waiting at most” if bursts are short.'],
  },
  CIRCUIT_OPEN: {
    title: 'The breaker is open',
    why: 'It failed several times in a row. Requests are refused at once for a while, so that nobody waits for a server that can’t serve.',
    steps: [
      'Put right what the last failure says, then press Reset breaker.',
      'Or wait: one probe is let through by itself.',
    ],
  },
  LEASE_EXPIRED: {
    title: 'A request held its connection for too long',
    why: 'The lease was older than “Lease revoked after” and was taken away; its process is replaced.',
    steps: ['If requests may take that long, raise the limit (Edit, Advanced).', 'Else look for what hangs in stderr.'],
  },
  LINE_TOO_LONG: {
    title: 'The server sent a line that is too long',
    why: 'One message was over 16 MiB. It was skipped; the request that it answered can’t be completed.',
    steps: ['Ask the tool for less at once (pages, a smaller file, a resource link instead of content).'],
  },
  STDIN_OVERFLOW: {
    title: 'The server does not read its input',
    why: 'More than 1 MiB waits in its stdin. It is stuck, or busy without reading.',
    steps: ['Look at its CPU and stderr.', 'Restart the process.'],
  },
  POOL_SUSPENDED: {
    title: 'The pool is suspended',
    why: 'Somebody suspended it: nothing is granted until it is resumed.',
    steps: ['Press Resume.'],
  },
  POOL_CLOSED: {
    title: 'The pool is closed',
    why: 'The upstream was stopped or the host is quitting.',
    steps: ['Press Start if it should run.'],
  },
  UPSTREAM_UNSUPPORTED: {
    title: 'This upstream does not speak that way',
    why: 'It speaks plain JSON-RPC and has no MCP handshake, or it keeps a connection for each session and the client has no session.',
    steps: [
      'For protocol "jsonrpc": call it by POST, without a session.',
      'For isolation "session": connect with initialize, as clients before MCP 2026-07-28 do.',
    ],
  },
  CONFIG_INVALID: {
    title: 'The entry can’t be used as it stands',
    why: 'A value is wrong, or a variable that it refers to is not set in the host’s environment.',
    steps: ['Press Edit: what is wrong is marked at its field.'],
  },
}

/**
 * What a failure means and what to do about it.
 * @param remote the server runs elsewhere: there is no process, no PATH and no stderr to speak of
 */
export function diagnose(failure: Failure, remote = false): Diagnosis {
  // What no request could meet without a process, and what is of the pool, reads the same for both.
  const elsewhere = diagnoseRemote(failure, remote)
  if (elsewhere) return elsewhere
  if (failure.code === 'SPAWN_FAILED') return spawnFailed(failure)
  const known = failure.code === 'CONNECTION_LOST' || diedInHandshake(failure) ? lost(failure) : byCode[failure.code]
  const advice = known ?? { title: 'It failed', why: failure.message, steps: [remote ? readLog : readStderr] }
  const hint = stderrHint(failure.stderrTail ?? [])
  return hint ? { ...advice, steps: [hint, ...advice.steps] } : advice
}

/** It did not answer wrongly, it ended before it could answer: what its end says is the better lead. */
const diedInHandshake = ({ code, exitCode, signal }: Failure): boolean =>
  code === 'HANDSHAKE_FAILED' && (typeof exitCode === 'number' || typeof signal === 'string')

function spawnFailed(failure: Failure): Diagnosis {
  const errno = textIn(failure.data, 'errno') ?? /\bE[A-Z]{3,}\b/.exec(failure.message)?.[0]
  const command = textIn(failure.data, 'command')
  const what = command ? `“${command}”` : 'The command'
  switch (errno) {
    case 'ENOENT':
      return notFound(failure, what)
    case 'EACCES':
    case 'EPERM':
      return {
        title: 'The command may not be run',
        why: `${what} exists, but is not executable for this user (${errno}).`,
        steps: ['Make it executable (chmod +x), or run it through its interpreter: node server.js, python3 server.py.'],
      }
    case 'EMFILE':
    case 'ENFILE':
    case 'EAGAIN':
    case 'ENOMEM':
      return {
        title: 'The system can’t start another process',
        why: `It ran out of file handles, processes or memory (${errno}).`,
        steps: [
          'Lower the connections of this and other upstreams.',
          'Raise the limits of the system (ulimit -n, -u).',
        ],
      }
    default:
      return { title: 'The process could not be started', why: failure.message, steps: [readStderr] }
  }
}

function notFound({ data }: Failure, what: string): Diagnosis {
  const cwd = textIn(data, 'cwd')
  if (cwd)
    return {
      title: 'The working directory does not exist',
      why: `There is no folder “${cwd}” on the machine where the host runs.`,
      steps: ['Correct the working directory (Edit), or create the folder.'],
    }
  const searched = searchedFolders(data)
  if (!searched)
    return {
      title: 'The command does not exist',
      why: `${what} is no file on the machine where the host runs.`,
      steps: ['Correct its path (Edit, Command).', 'See that it is installed for the user that runs the host.'],
    }
  return {
    title: 'The command was not found',
    why: `${what} is in none of the folders of the PATH that was searched. Apps that are started from the desktop often have a shorter PATH than a terminal.`,
    steps: [
      'Give the absolute path of the command (in a terminal: command -v NAME, on Windows: where NAME).',
      'Or set PATH in the upstream’s environment (Edit, Environment).',
    ],
    searched,
  }
}

function lost({ exitCode, signal }: Failure): Advice {
  if (signal === 'SIGKILL')
    return {
      title: 'The process was killed',
      why: 'SIGKILL came from outside or from a person’s Kill. Unasked, it is mostly the system that ran out of memory.',
      steps: [
        'Look at memory in Processes; lower the connections, or set “Uses at most” if it grows with each request.',
      ],
    }
  if (signal === 'SIGSEGV' || signal === 'SIGABRT' || signal === 'SIGBUS' || signal === 'SIGILL')
    return {
      title: 'The process crashed',
      why: `It ended with ${signal}: a fault in its native code, or a binary for another machine.`,
      steps: ['Update the server or its runtime.', readStderr],
    }
  if (signal) return { title: 'The process was ended', why: `It ended with ${signal}.`, steps: [readStderr] }
  if (exitCode === 127 || exitCode === 126)
    return {
      title: 'A script did not find its program',
      why: `Exit code ${exitCode} comes from a shell: the wrapper ran, what it calls was not ${exitCode === 127 ? 'found' : 'executable'}.`,
      steps: ['See what the wrapper calls, and that it is on the PATH of the upstream.', readStderr],
    }
  if (exitCode === 0)
    return {
      title: 'The process ended by itself',
      why: 'It exited with code 0 although nobody asked it to. A program that answers once and exits can’t be reused.',
      steps: [
        'Use a persistent server, or its HTTP transport.',
        'For a command-line tool set the mode to prespawn: each request gets a process of its own, started beforehand.',
      ],
    }
  return {
    title: 'The process ended unexpectedly',
    why:
      exitCode === null || exitCode === undefined
        ? 'Its output ended, or a write to it failed, while it was in use.'
        : `It exited with code ${exitCode}.`,
    steps: [readStderr, 'Run the command in a terminal with the same environment to see it fail.'],
  }
}

function textIn(data: Record<string, unknown> | undefined, key: string): string | undefined {
  const value = data?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function searchedFolders(data: Record<string, unknown> | undefined): string[] | undefined {
  const path = textIn(data, 'path') ?? textIn(data, 'PATH')
  // Windows separates with ";", because ":" stands behind a drive's letter.
  return path?.split(path.includes(';') ? ';' : ':').filter((folder) => folder !== '')
}
