export interface CommandLine {
  /** Assignments before the command, `KEY=value npx …`. */
  env: Record<string, string>
  command: string
  args: string[]
}

export type CommandLineResult = ({ ok: true } & CommandLine) | { ok: false; message: string }

const blank = /[ \t\r\n]/
const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/
const variable = /^[A-Za-z_][A-Za-z0-9_]*/

class ShellSyntaxError extends Error {}

/**
 * Splits what people paste from a README or a terminal into a command and its arguments, as a POSIX shell would:
 * quotes, backslashes, line continuations, comments. Nothing is run or looked up: `$HOME` becomes `${HOME}`, which the
 * host fills in at spawn. What needs a shell (pipes, redirections, several commands, `$(…)`) is refused with a reason.
 */
export function readCommandLine(text: string): CommandLineResult {
  const line = text.trim().replace(/^[$%>][ \t]+/, '')
  try {
    const words = splitWords(line)
    const env: Record<string, string> = {}
    let first = words[0]
    while (first !== undefined) {
      const match = assignment.exec(first)
      if (!match?.[1]) break
      env[match[1]] = match[2] ?? ''
      words.shift()
      first = words[0]
    }
    const [command, ...args] = words
    return command ? { ok: true, env, command, args } : { ok: false, message: 'There is no command in this line.' }
  } catch (error) {
    if (error instanceof ShellSyntaxError) return { ok: false, message: error.message }
    throw error
  }
}

/** A backslash escapes in a shell, and separates folders in `C:\tools\server.exe`, where nobody means an escape. */
const isWindowsPath = (word: string) => /^[A-Za-z]:/.test(word) || word.startsWith('\\\\')

function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let i = 0
  while (i < text.length) {
    const char = text.charAt(i)
    if (char === '\\' && /^\\\r?\n/.test(text.slice(i, i + 3))) {
      i += text.charAt(i + 1) === '\r' ? 3 : 2
    } else if (char === '\n' && text.slice(i).trim() !== '') {
      throw new ShellSyntaxError('Only one command at a time: end a line with \\ to continue it.')
    } else if (blank.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
      i++
    } else if (char === '#' && word === undefined) {
      while (i < text.length && text.charAt(i) !== '\n') i++
    } else {
      const [piece, next] = readPiece(text, i, word ?? '')
      word = (word ?? '') + piece
      i = next
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

/** One quoted section, escape, variable or plain character: its text, and where the next one starts. */
function readPiece(text: string, at: number, word: string): [piece: string, next: number] {
  const char = text.charAt(at)
  switch (char) {
    case "'": {
      const end = text.indexOf("'", at + 1)
      if (end < 0) throw new ShellSyntaxError("A single quote (') is not closed.")
      return [text.slice(at + 1, end), end + 1]
    }
    case '"':
      return readDoubleQuoted(text, at + 1)
    case '\\':
      if (isWindowsPath(word) || (word === '' && text.charAt(at + 1) === '\\')) return ['\\', at + 1]
      return [text.charAt(at + 1), at + 2]
    case '$':
      return readVariable(text, at)
    case '|':
    case '&':
    case ';':
    case '<':
    case '>':
    case '(':
    case ')':
    case '`':
      throw new ShellSyntaxError(`“${char}” needs a shell, and there is none here: give one program and its arguments.`)
    default:
      return [char, at + 1]
  }
}

function readDoubleQuoted(text: string, start: number): [piece: string, next: number] {
  let piece = ''
  let i = start
  while (i < text.length) {
    const char = text.charAt(i)
    if (char === '"') return [piece, i + 1]
    if (char === '\\' && '"\\$`\n'.includes(text.charAt(i + 1)) && i + 1 < text.length) {
      if (text.charAt(i + 1) !== '\n') piece += text.charAt(i + 1)
      i += 2
    } else if (char === '$') {
      const [value, next] = readVariable(text, i)
      piece += value
      i = next
    } else if (char === '`') {
      throw new ShellSyntaxError('“`” needs a shell, and there is none here: give one program and its arguments.')
    } else {
      piece += char
      i++
    }
  }
  throw new ShellSyntaxError('A double quote (") is not closed.')
}

function readVariable(text: string, at: number): [piece: string, next: number] {
  const rest = text.slice(at + 1)
  if (rest.startsWith('(')) {
    throw new ShellSyntaxError('“$(…)” needs a shell, and there is none here: give one program and its arguments.')
  }
  if (rest.startsWith('{')) {
    const end = rest.indexOf('}')
    if (end < 0) throw new ShellSyntaxError('“${” is not closed.')
    return [`$${rest.slice(0, end + 1)}`, at + 1 + end + 1]
  }
  const name = variable.exec(rest)?.[0]
  return name ? [`\${${name}}`, at + 1 + name.length] : ['$', at + 1]
}
