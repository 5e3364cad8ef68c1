import {
  AppError,
  type CommandArg,
  type CommandName,
  type CommandReply,
  type CommandResult,
  commands,
  isCommandName,
  toErrorShape,
} from '../../shared/contract.ts'

type Parsed<N extends CommandName> = import('zod').output<(typeof commands)[N]['arg']>
export type CommandHandlers = { [N in CommandName]: (arg: Parsed<N>) => CommandResult<N> | Promise<CommandResult<N>> }

/**
 * One entry for both shells: the name is looked up in the contract, the argument validated, errors typed.
 * Never rejects.
 */
export function commandRunner(handlers: CommandHandlers): (name: string, arg: unknown) => Promise<CommandReply> {
  return async (name, arg) => {
    try {
      if (!isCommandName(name))
        throw new AppError('COMMAND_NOT_FOUND', `there is no command "${name}"`, { command: name })
      const parsed = commands[name].arg.safeParse(arg ?? {})
      if (!parsed.success) {
        const issue = parsed.error.issues[0]
        const path = (issue?.path ?? []).map(String)
        throw new AppError(
          'INVALID_ARGUMENT',
          `${name}: ${path.length ? `${path.join('.')}: ` : ''}${issue?.message ?? 'not valid'}`,
          { path },
        )
      }
      const handler = handlers[name] as (arg: unknown) => unknown
      return { ok: true, result: (await handler(parsed.data)) as CommandResult<CommandName> }
    } catch (error) {
      return { ok: false, error: toErrorShape(error) }
    }
  }
}

export type { CommandArg }
