import { homedir } from 'node:os'
import { AppError } from '../../shared/errors.ts'

/** Looks a variable up; undefined when it is not set. */
export type Variables = (name: string) => string | undefined

const reference = /\$\{([^${}]*)\}/g

/**
 * Expands `${VAR}`, `${VAR:-default}`, `${env:VAR}` and `${userHome}` as Claude Code, Cursor and VS Code write them. A `$` elsewhere
 * stays as it is. An empty variable takes the default too, as in a shell.
 * @param where names the place in the config for the error, `env.API_KEY` say
 * @throws AppError CONFIG_INVALID when a variable is not set and has no default, or the form is not known
 */
export function expand(text: string, variables: Variables, where: string): string {
  return text.replace(reference, (whole, body: string) => {
    if (body === 'userHome') return homedir()
    const name = body.startsWith('env:') ? body.slice(4) : body
    if (name.includes(':') && !name.includes(':-')) {
      throw new AppError(
        'CONFIG_INVALID',
        `${where}: ${whole} can't be filled in here (known: \${VAR}, \${VAR:-default}, \${env:VAR})`,
        { path: where },
      )
    }
    const [variable = '', ...rest] = name.split(':-')
    const fallback = rest.length > 0 ? rest.join(':-') : undefined
    const value = variables(variable)
    if (value !== undefined && (value !== '' || fallback === undefined)) return value
    if (fallback !== undefined) return fallback
    throw new AppError(
      'CONFIG_INVALID',
      `${where}: the environment variable ${variable} is not set (needed by ${whole})`,
      { path: where, variable },
    )
  })
}
