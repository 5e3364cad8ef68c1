import Anser from 'anser'
import { revealed } from '../../../components/visible-text.ts'

/** A run of text in one style. Plain data: React draws it as a span, nothing of it is ever HTML. */
export interface StyledText {
  text: string
  /** A colour of the terminal palette, which the theme knows, or the `r, g, b` of the 256 and true colours. */
  color: AnsiColor | { rgb: string } | null
  bold: boolean
  dim: boolean
  italic: boolean
  underline: boolean
}

export const ansiColors = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const
export type AnsiColor = (typeof ansiColors)[number]

const esc = '\\u001b'
/** Titles and links (OSC and its kin), everything of CSI that is no colour, and the escapes of one character. */
const otherSequences = new RegExp(
  `${esc}[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|${esc}\\\\)?|${esc}\\[[0-9;?<>=!]*[ -/]*[@-ln-~]|${esc}[^[\\]PX^_]`,
  'g',
)

/**
 * One line of stderr as styled runs. What a server prints is hostile text: colours are taken over, everything that
 * moves a cursor, sets a title or hides text is dropped or shown as what it is. Background colours are dropped too,
 * because together with the theme's text they could make a line unreadable.
 */
export function styledText(line: string): StyledText[] {
  return Anser.ansiToJson(lastOverwritten(line.replace(otherSequences, '')), { use_classes: true, remove_empty: true })
    .map((entry) => ({
      text: revealed(entry.content),
      color: colorOf(entry.fg, entry.fg_truecolor),
      bold: entry.decorations.includes('bold'),
      dim: entry.decorations.includes('dim'),
      italic: entry.decorations.includes('italic'),
      underline: entry.decorations.includes('underline'),
    }))
    .filter((run) => run.text !== '')
}

/** The line as it reads, without styles: what a search looks at. */
export const plainText = (line: string): string =>
  styledText(line)
    .map((run) => run.text)
    .join('')

/** A progress bar rewrites its line after each carriage return: the last text is the one that a terminal shows. */
function lastOverwritten(line: string): string {
  const parts = line.split('\r').filter((part) => part !== '')
  return parts.at(-1) ?? ''
}

function colorOf(name: string | null, trueColor: string | null): StyledText['color'] {
  if (!name) return null
  if (name === 'ansi-truecolor' || name.startsWith('ansi-palette-')) {
    const rgb = name === 'ansi-truecolor' ? trueColor : paletteColor(Number(name.slice('ansi-palette-'.length)))
    return rgb ? { rgb } : null
  }
  const base = name.replace(/^ansi-(bright-)?/, '')
  return ansiColors.find((color) => color === base) ?? null
}

/** Colours 16 to 255 of xterm: a 6 x 6 x 6 cube, then 24 greys. */
export function paletteColor(index: number): string | null {
  if (!(index >= 16 && index <= 255)) return null
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232)
    return `${grey}, ${grey}, ${grey}`
  }
  const cube = index - 16
  return [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6]
    .map((step) => (step === 0 ? 0 : 55 + 40 * step))
    .join(', ')
}

/** Where `query` occurs in `text`, whatever the case: the parts in turn, each with whether it matches. */
export function splitMatches(text: string, query: string): { text: string; match: boolean }[] {
  if (query === '') return [{ text, match: false }]
  const parts: { text: string; match: boolean }[] = []
  const haystack = text.toLowerCase()
  const needle = query.toLowerCase()
  // Lower case can be longer than the text (İ): positions would not fit, so such a line is shown without marks.
  if (haystack.length !== text.length) return [{ text, match: false }]
  let from = 0
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, from)) {
    if (at > from) parts.push({ text: text.slice(from, at), match: false })
    parts.push({ text: text.slice(at, at + needle.length), match: true })
    from = at + needle.length
  }
  if (from < text.length) parts.push({ text: text.slice(from), match: false })
  return parts
}
