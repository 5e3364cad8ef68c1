/**
 * Arguments as text, one per line. A line that would not survive as it is (empty, with a line break, with blanks at its
 * ends, or already in quotes) stands there as a JSON string, so that reading it back gives exactly the same argument.
 */
export function argumentsToText(args: readonly string[]): string {
  return args.map((argument) => (needsQuotes(argument) ? JSON.stringify(argument) : argument)).join('\n')
}

/** The arguments that the text stands for; blank lines separate nothing and are skipped. */
export function textToArguments(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => unquote(line) ?? line)
}

const needsQuotes = (argument: string) =>
  argument === '' || argument.trim() !== argument || /[\r\n]/.test(argument) || unquote(argument) !== undefined

function unquote(line: string): string | undefined {
  if (!line.startsWith('"')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'string' ? value : undefined
  } catch {
    // An ordinary argument that happens to start with a quote.
    return undefined
  }
}
