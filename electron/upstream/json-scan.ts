/**
 * Finds members of a JSON text as spans, without building values: ids and tokens can be rewritten by splicing, and
 * everything else is relayed byte for byte (JSON.parse would round integers above 2^53 and drop duplicate keys).
 *
 * The structure is checked strictly (brackets, commas, colons, literals, numbers); the inside of a string is not: its
 * escapes and control characters are the reader's business. Linear in the text; strings are skipped with indexOf.
 */

/** Half-open range [start, end) of a text. */
export interface Span {
  readonly start: number
  readonly end: number
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** Index of the first character at or after `i` that is not JSON whitespace. */
function skipSpace(text: string, i: number): number {
  for (;;) {
    const c = text.charCodeAt(i)
    if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return i
    i++
  }
}

/** @param i index of the opening quote @returns index after the closing quote, or -1 */
function skipString(text: string, i: number): number {
  let close = text.indexOf('"', i + 1)
  while (close !== -1) {
    let escapes = close
    while (text.charCodeAt(escapes - 1) === backslash) escapes--
    // An even run of backslashes escapes itself, not the quote. Runs end at the quotes, so this stays linear.
    if (((close - escapes) & 1) === 0) return close + 1
    close = text.indexOf('"', close + 1)
  }
  return -1
}

function skipScalar(text: string, i: number): number {
  switch (text.charCodeAt(i)) {
    case 0x74:
      return text.startsWith('true', i) ? i + 4 : -1
    case 0x66:
      return text.startsWith('false', i) ? i + 5 : -1
    case 0x6e:
      return text.startsWith('null', i) ? i + 4 : -1
    default:
      numberPattern.lastIndex = i
      return numberPattern.test(text) ? numberPattern.lastIndex : -1
  }
}

/** Skips `"key" :` and the spaces around it. @returns index of the member's value, or -1 */
function skipKey(text: string, i: number): number {
  if (text.charCodeAt(i) !== quote) return -1
  const afterKey = skipString(text, i)
  if (afterKey === -1) return -1
  const at = skipSpace(text, afterKey)
  return text.charCodeAt(at) === colon ? skipSpace(text, at + 1) : -1
}

/** @param i index of the first character of a value @returns index after the value, or -1 when it is not JSON */
function skipValue(text: string, i: number): number {
  const first = text.charCodeAt(i)
  if (first === quote) return skipString(text, i)
  if (first !== openBrace && first !== openBracket) return skipScalar(text, i)
  // Explicit, so that deep nesting can't overflow the call stack. True = object, false = array.
  const open: boolean[] = []
  for (;;) {
    const c = text.charCodeAt(i)
    if (c === openBrace) {
      i = skipSpace(text, i + 1)
      if (text.charCodeAt(i) !== closeBrace) {
        open.push(true)
        i = skipKey(text, i)
        if (i === -1) return -1
        continue
      }
      i++
    } else if (c === openBracket) {
      i = skipSpace(text, i + 1)
      if (text.charCodeAt(i) !== closeBracket) {
        open.push(false)
        continue
      }
      i++
    } else {
      i = c === quote ? skipString(text, i) : skipScalar(text, i)
      if (i === -1) return -1
    }
    // After a value: close as many containers as end here, or go on to the next element.
    for (;;) {
      const inObject = open.at(-1)
      if (inObject === undefined) return i
      i = skipSpace(text, i)
      const next = text.charCodeAt(i)
      if (next === comma) {
        i = skipSpace(text, i + 1)
        if (inObject) i = skipKey(text, i)
        if (i === -1) return -1
        break
      }
      if (next !== (inObject ? closeBrace : closeBracket)) return -1
      open.pop()
      i++
    }
  }
}

/** The key between two quotes, unescaped; undefined when its escapes are not JSON. */
function keyText(text: string, start: number, end: number): string | undefined {
  const raw = text.slice(start + 1, end - 1)
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(text.slice(start, end)) as string
  } catch {
    return undefined
  }
}

/**
 * Spans of the wanted members of the object in `text` (or in `within`). Of duplicates the last counts, as in JSON.parse.
 * @returns one entry for each wanted name; undefined when the text is not one JSON object
 */
export function scanObject(
  text: string,
  wanted: readonly string[],
  within: Span = { start: 0, end: text.length },
): (Span | undefined)[] | undefined {
  const found: (Span | undefined)[] = new Array(wanted.length).fill(undefined)
  let i = skipSpace(text, within.start)
  if (text.charCodeAt(i) !== openBrace) return undefined
  i = skipSpace(text, i + 1)
  if (text.charCodeAt(i) === closeBrace) return endsAt(text, i + 1, within.end) ? found : undefined
  for (;;) {
    if (text.charCodeAt(i) !== quote) return undefined
    const keyEnd = skipString(text, i)
    if (keyEnd === -1) return undefined
    const key = keyText(text, i, keyEnd)
    if (key === undefined) return undefined
    i = skipSpace(text, keyEnd)
    if (text.charCodeAt(i) !== colon) return undefined
    const start = skipSpace(text, i + 1)
    const end = skipValue(text, start)
    if (end === -1) return undefined
    const index = wanted.indexOf(key)
    if (index !== -1) found[index] = { start, end }
    i = skipSpace(text, end)
    const next = text.charCodeAt(i)
    if (next === comma) i = skipSpace(text, i + 1)
    else if (next === closeBrace) return endsAt(text, i + 1, within.end) ? found : undefined
    else return undefined
  }
}

/**
 * Spans of the elements of the array in `text` (or in `within`), in their order.
 * @returns undefined when the text is not one JSON array
 */
export function scanArray(text: string, within: Span = { start: 0, end: text.length }): Span[] | undefined {
  const found: Span[] = []
  let i = skipSpace(text, within.start)
  if (text.charCodeAt(i) !== openBracket) return undefined
  i = skipSpace(text, i + 1)
  if (text.charCodeAt(i) === closeBracket) return endsAt(text, i + 1, within.end) ? found : undefined
  for (;;) {
    const end = skipValue(text, i)
    if (end === -1) return undefined
    found.push({ start: i, end })
    i = skipSpace(text, end)
    const next = text.charCodeAt(i)
    if (next === comma) i = skipSpace(text, i + 1)
    else if (next === closeBracket) return endsAt(text, i + 1, within.end) ? found : undefined
    else return undefined
  }
}

function endsAt(text: string, i: number, end: number): boolean {
  return skipSpace(text, i) >= end
}

/** Span of a nested member, by its path from the object in `within` (default: the whole text). */
export function spanAt(text: string, path: readonly string[], within?: Span): Span | undefined {
  let span = within
  for (const name of path) {
    span = scanObject(text, [name], span)?.[0]
    if (!span) return undefined
  }
  return span
}

/** `text` with the span replaced. */
export function splice(text: string, span: Span, replacement: string): string {
  return text.slice(0, span.start) + replacement + text.slice(span.end)
}

export const sliceOf = (text: string, span: Span): string => text.slice(span.start, span.end)

/** The value of a string span; undefined when it is no (valid) string. */
export function stringAt(text: string, span: Span | undefined): string | undefined {
  return span && text.charCodeAt(span.start) === quote ? keyText(text, span.start, span.end) : undefined
}
