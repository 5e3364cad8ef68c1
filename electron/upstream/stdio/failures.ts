import { existsSync } from 'node:fs'
import { AppError } from '../../../shared/errors.ts'
import type { CloseReason } from '../../../shared/state.ts'
import type { ChildTree, ExitInfo, ProcessSpec } from '../../process/types.ts'

/** Lines of stderr that go into an error: enough for the cause, little enough for a JSON-RPC error. */
const stderrTailLines = 20
const stderrTailLineChars = 1_000

/** What every error of a process tells. */
export function processFacts(tree: ChildTree, connectionId: string): Record<string, unknown> {
  const stderrTail = tree.stderr.tail(stderrTailLines).map((line) => line.slice(0, stderrTailLineChars).toWellFormed())
  return { connectionId, pid: tree.pid ?? null, stderrTail }
}

/** How a process ended, in words. */
export function describeExit(exit: ExitInfo | undefined): string {
  if (!exit) return 'closed its stdout'
  if (exit.signal) return `was ended by ${exit.signal}`
  return `exited with code ${exit.code}`
}

/** Something that ran and is gone: CONNECTION_LOST {code, signal, stderrTail}. */
export function connectionLost(tree: ChildTree, connectionId: string, what?: string, cause?: unknown): AppError {
  const { exit } = tree
  return new AppError(
    'CONNECTION_LOST',
    `the server's process ${what ?? describeExit(exit)}${withTail(tree)}`,
    { code: exit?.code ?? null, signal: exit?.signal ?? null, ...processFacts(tree, connectionId) },
    { cause },
  )
}

/** Why we ended a process under a request. Other reasons wait until it is free. */
const closedBecause: Partial<Record<CloseReason, string>> = {
  killed: 'was killed by a person',
  shutdown: 'was ended because the host shuts down',
  'upstream-removed': 'was ended because its upstream was stopped, changed or removed',
}

/** We ended it: CONNECTION_LOST, or LEASE_EXPIRED when the request had held it for too long. */
export function connectionClosed(tree: ChildTree, connectionId: string, reason: CloseReason | undefined): AppError {
  if (reason === 'lease-revoked') {
    return new AppError(
      'LEASE_EXPIRED',
      'the request held its connection for longer than pool.maxLeaseMs, and it was taken away',
      processFacts(tree, connectionId),
    )
  }
  const what = (reason && closedBecause[reason]) ?? `was ended by the pool (${reason ?? 'closed'})`
  const { code, message, data } = connectionLost(tree, connectionId, what)
  return new AppError(code, message, { ...data, closeReason: reason ?? null })
}

/** It ended before it could serve: SPAWN_FAILED when it never ran, else HANDSHAKE_FAILED. */
export function connectFailed(tree: ChildTree, connectionId: string, spec: ProcessSpec): AppError {
  const { exit } = tree
  if (exit?.error) return spawnFailed(exit.error, connectionId, spec)
  return new AppError(
    'HANDSHAKE_FAILED',
    `the server's process ${describeExit(exit)} before it completed the MCP handshake${withTail(tree)}`,
    { code: exit?.code ?? null, signal: exit?.signal ?? null, ...processFacts(tree, connectionId) },
  )
}

export function connectTimedOut(tree: ChildTree, connectionId: string, connectTimeoutMs: number): AppError {
  return new AppError(
    'CONNECT_TIMEOUT',
    `the server did not complete the MCP handshake within ${connectTimeoutMs} ms; is it an MCP server, or does timeouts.connectTimeoutMs have to be longer?${withTail(tree)}`,
    { connectTimeoutMs, ...processFacts(tree, connectionId) },
  )
}

/** What went wrong in a handshake, with the facts of the process. */
export function handshakeFailed(tree: ChildTree, connectionId: string, error: unknown): AppError {
  const facts = processFacts(tree, connectionId)
  if (!(error instanceof AppError)) return new AppError('HANDSHAKE_FAILED', String(error), facts, { cause: error })
  return new AppError(error.code, error.message, { ...error.data, ...facts }, { cause: error.cause })
}

export function lineTooLong(tree: ChildTree, connectionId: string, bytes: number): AppError {
  const message = `the server's answer is too long: a line of ${bytes} bytes was skipped`
  return new AppError('LINE_TOO_LONG', message, { bytes, ...processFacts(tree, connectionId) })
}

/** The last line of stderr says most often why. */
function withTail(tree: ChildTree): string {
  const last = tree.stderr.tail(stderrTailLines).findLast((line) => line.trim() !== '')
  return last === undefined ? '' : `; stderr ends: ${last.slice(0, 200)}`
}

export function spawnFailed(error: NodeJS.ErrnoException, connectionId: string, spec: ProcessSpec): AppError {
  const data = { connectionId, errno: error.code ?? null, command: spec.command }
  const fail = (message: string, more?: Record<string, unknown>) =>
    new AppError('SPAWN_FAILED', message, { ...data, ...more }, { cause: error })
  // Node reports a missing working folder as a missing command.
  if (error.code === 'ENOENT' && spec.cwd !== undefined && !existsSync(spec.cwd)) {
    return fail(`the working folder ${spec.cwd} does not exist`, { cwd: spec.cwd })
  }
  if (error.code === 'ENOENT' && !/[\\/]/.test(spec.command)) {
    const path = Object.entries(spec.env).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? ''
    return fail(`the command ${spec.command} was not found; PATH that was searched: ${path || '(empty)'}`, { path })
  }
  if (error.code === 'ENOENT') return fail(`the command ${spec.command} does not exist`)
  if (error.code === 'EACCES') return fail(`the command ${spec.command} may not be run (permission denied)`)
  return fail(`the command ${spec.command} could not be started: ${error.message}`)
}
