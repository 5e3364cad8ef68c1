import { applyEdits, findNodeAtLocation, modify, parseTree } from 'jsonc-parser'

/** How a text is indented and how its lines end, so that an edit looks as if its author had made it. */
function formattingOf(text: string): { indent: string; eol: string } {
  return { indent: /^([ \t]+)["\]}]/m.exec(text)?.[1] ?? '  ', eol: text.includes('\r\n') ? '\r\n' : '\n' }
}

/**
 * Sets a value in JSON with comments, or removes it (`undefined`), and leaves everything else as it is to the byte: a
 * formatter would spread a neighbour that its author wrote on one line.
 */
export function editJson(text: string, path: readonly string[], value: unknown): string {
  const existed = findNodeAtLocation(parseTree(text) ?? emptyRoot, [...path]) !== undefined
  const edited = applyEdits(text, modify(text, [...path], value, {}))
  if (value === undefined || existed) return value === undefined ? edited : laidOut(edited, path, value, false)
  return laidOut(edited, path, value, true)
}

const emptyRoot = { type: 'object', offset: 0, length: 0 } as const

/** Writes the value at `path` over several lines where it is an object; a new property gets a line of its own. */
function laidOut(text: string, path: readonly string[], value: unknown, isNew: boolean): string {
  const node = findNodeAtLocation(parseTree(text, [], { allowTrailingComma: true }) ?? emptyRoot, [...path])
  const property = node?.parent
  if (!node || !property) return text
  const { indent, eol } = formattingOf(text)
  const lineStart = text.lastIndexOf('\n', property.offset - 1) + 1
  const before = text.slice(lineStart, property.offset)
  const ownLine = before.trim() === ''
  const own = ownLine && before !== '' ? before : indent.repeat(path.length)
  const pretty = JSON.stringify(value, null, indent).replaceAll('\n', `${eol}${own}`)
  const end = node.offset + node.length
  const tail = text.slice(end)
  if (!isNew) return `${text.slice(0, node.offset)}${pretty}${tail}`
  const head = ownLine ? text.slice(0, property.offset) : `${text.slice(0, property.offset).trimEnd()}${eol}${own}`
  const closes = /^[ \t]*[}]/.test(tail) ? `${eol}${own.slice(0, -indent.length)}${tail.trimStart()}` : tail
  return `${head}${JSON.stringify(path.at(-1))}: ${pretty}${closes}`
}
