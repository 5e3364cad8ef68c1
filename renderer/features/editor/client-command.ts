import type { PastedServer } from './paste.ts'

/** Options of `claude mcp add` whose value is the next word. */
const withValue = new Set(['--transport', '-t', '--env', '-e', '--header', '-H', '--scope', '-s'])

/**
 * The server in `claude mcp add [options] NAME URL` or `… NAME -- COMMAND ARGS`, as the pages of servers offer it; undefined
 * for any other command line.
 */
export function readClaudeCommand(words: readonly string[]): PastedServer | undefined {
  if (words[0] !== 'claude' || words[1] !== 'mcp' || words[2] !== 'add') return undefined
  const options: [string, string][] = []
  const rest: string[] = []
  for (let i = 3; i < words.length; i++) {
    const word = words[i] ?? ''
    // Once the name is read, only the client's own options belong to it; the first word that is none begins the command.
    if (word === '--') {
      rest.push(...words.slice(i + 1))
      break
    }
    const [, long, inline] = /^(--[a-z]+)=(.*)$/s.exec(word) ?? []
    if (long && withValue.has(long)) options.push([long, inline ?? ''])
    else if (withValue.has(word)) options.push([word, words[++i] ?? ''])
    else rest.push(word)
  }
  const [name, target, ...args] = rest
  if (name === undefined || target === undefined) return undefined
  const valuesOf = (...names: string[]) =>
    options.filter(([option]) => names.includes(option)).map(([, value]) => value)
  const transport = valuesOf('--transport', '-t').at(-1)
  if (transport === 'http' || transport === 'sse' || /^https?:\/\//.test(target)) {
    const headers = pairs(valuesOf('--header', '-H'), ':')
    return { name, entry: { type: transport === 'sse' ? 'sse' : 'http', url: target, ...(headers && { headers }) } }
  }
  const env = pairs(valuesOf('--env', '-e'), '=')
  return { name, entry: { command: target, ...(args.length > 0 && { args }), ...(env && { env }) } }
}

function pairs(texts: readonly string[], separator: string): Record<string, string> | undefined {
  const found = texts.flatMap((text): [string, string][] => {
    const at = text.indexOf(separator)
    return at > 0 ? [[text.slice(0, at).trim(), text.slice(at + 1).trim()]] : []
  })
  return found.length > 0 ? Object.fromEntries(found) : undefined
}
