import { useCallback, useRef, useState } from 'react'
import { toast } from 'sonner'
import type { CommandArg, CommandName, CommandResult } from '../../shared/contract.ts'
import { AppError } from '../../shared/errors.ts'
import { bridge } from '../bridge/index.ts'

/** Runs a command. @throws AppError with the code of shared/errors.ts */
export async function runCommand<N extends CommandName>(name: N, arg: CommandArg<N>): Promise<CommandResult<N>> {
  const reply = await bridge.command(name, arg)
  if (reply.ok) return reply.result
  throw new AppError(reply.error.code, reply.error.message, reply.error.data)
}

export interface ActionOptions {
  /** Said in a toast when it worked. Without it success is silent: what happened shows in the window itself. */
  success?: string
}

export interface Action {
  /** Runs a command; a failure becomes a toast. @returns the result, or null when it failed */
  run<N extends CommandName>(name: N, arg: CommandArg<N>, options?: ActionOptions): Promise<CommandResult<N> | null>
  /** At least one of this action's commands is under way. */
  pending: boolean
}

/** A command behind a button: pending while it runs, a toast when it fails. */
export function useAction(): Action {
  const running = useRef(0)
  const [pending, setPending] = useState(false)
  const run: Action['run'] = useCallback(async (name, arg, options) => {
    running.current++
    setPending(true)
    try {
      const result = await runCommand(name, arg)
      if (options?.success) toast.success(options.success)
      return result
    } catch (thrown) {
      toastFailure(thrown)
      return null
    } finally {
      running.current--
      setPending(running.current > 0)
    }
  }, [])
  return { run, pending }
}

export function toastFailure(thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  toast.error(message, thrown instanceof AppError ? { description: thrown.code } : {})
}
