/**
 * The one contract between the host and whoever watches it: the window over IPC, a browser or a script over HTTP.
 * This is the only thing that crosses processes.
 */
export * from './commands.ts'
export * from './config.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './frames.ts'
export * from './state.ts'

import type { CommandArg, CommandName, CommandResult } from './commands.ts'
import type { ErrorShape } from './errors.ts'
import type { Frame } from './frames.ts'

/** A command's answer on the wire: a result or a typed error, never state. */
export type CommandReply<N extends CommandName = CommandName> =
  | { ok: true; result: CommandResult<N> }
  | { ok: false; error: ErrorShape }

/** IPC channel names. `command` is invoked with (name, arg); the others are sent. */
export const ipcChannels = {
  command: 'poolscope:command',
  subscribe: 'poolscope:subscribe',
  unsubscribe: 'poolscope:unsubscribe',
  frame: 'poolscope:frame',
} as const

/** What the preload puts on `window.poolscope`. */
export interface PreloadApi {
  /** Never rejects for a command's own failure: that is `{ok: false, error}`. */
  command(name: string, arg: unknown): Promise<CommandReply>
  /** Calls back with each frame until the returned function is called. */
  onFrame(listener: (frame: Frame) => void): () => void
  readonly platform: string
}

export type { CommandArg, CommandName, CommandResult }
