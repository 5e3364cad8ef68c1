import { createHash } from 'node:crypto'
import type { UpstreamConfig } from '../../../shared/config.ts'
import { expand, type Variables } from '../../config/expand.ts'
import type { ProcessSpec } from '../../process/types.ts'

export type StdioConfig = Extract<UpstreamConfig, { transport: 'stdio' }>

/**
 * What to run, with every ${VAR} filled in: the entry's own environment over the inherited one.
 * @throws AppError CONFIG_INVALID when a variable is not set
 */
export function processSpec(
  config: StdioConfig,
  variables: Variables,
  environment: Record<string, string>,
): ProcessSpec {
  const env = { ...environment }
  for (const [name, value] of Object.entries(config.env)) env[name] = expand(value, variables, `env.${name}`)
  return {
    command: expand(config.command, variables, 'command'),
    args: config.args.map((argument, index) => expand(argument, variables, `args[${index}]`)),
    env,
    cwd: config.cwd === undefined ? undefined : expand(config.cwd, variables, 'cwd'),
  }
}

/**
 * What is run, as a key. Hashed: environments hold secrets.
 * @param names the variables that the configuration sets; the inherited ones say nothing about the server
 */
export function processKey(spec: ProcessSpec, names: readonly string[]): string {
  const env = names.toSorted().map((name) => [name, spec.env[name]])
  return createHash('sha256')
    .update(JSON.stringify([spec.command, spec.args, spec.cwd, env]))
    .digest('base64')
}

/** Whether processes of the one can't stand in for those of the other. */
export function runsDifferently(a: StdioConfig, b: StdioConfig): boolean {
  const identity = (config: StdioConfig) =>
    JSON.stringify([
      config.command,
      config.args,
      Object.entries(config.env).sort(),
      config.cwd,
      config.protocol,
      // Whether requests have a process to themselves is settled when it is opened.
      config.isolation === 'multiplex',
    ])
  return identity(a) !== identity(b)
}
