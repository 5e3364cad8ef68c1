import { z } from 'zod'
import { commandNames, commands } from '../../shared/contract.ts'

/** `{upstream, method, params?, timeoutMs?}` of a command's argument. */
function fields(schema: z.ZodType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, unknown>
    required?: string[]
  }
  return `{${Object.keys(properties)
    .map((name) => (required.includes(name) ? name : `${name}?`))
    .join(', ')}}`
}

/** The README's table of commands, from the contract. */
export const commandTable = (): string =>
  [
    '| command | argument | what it does |',
    '|---|---|---|',
    ...commandNames.map((name) => `| \`${name}\` | \`${fields(commands[name].arg)}\` | ${commands[name].doc} |`),
  ].join('\n')

export const marks = { start: '<!-- commands: written by npm run docs -->', end: '<!-- /commands -->' } as const

export function withCommandTable(readme: string): string {
  const [start, end] = [readme.indexOf(marks.start), readme.indexOf(marks.end)]
  if (start < 0 || end < start) throw new Error(`the README has no ${marks.start} … ${marks.end}`)
  return `${readme.slice(0, start)}${marks.start}\n${commandTable()}\n${readme.slice(end)}`
}
