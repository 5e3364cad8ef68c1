const esc = '\\u001b'
const bel = '\\u0007'
/** Terminal sequences: colours and cursor moves (CSI), titles and links (OSC and its kin), and those of one character. */
const terminalSequences = new RegExp(
  `${esc}(?:\\[[0-9;:?<>=!]*[ -/]*[@-~]|[\\]PX^_][^${bel}${esc}]*(?:${bel}|${esc}\\\\)?|[^[\\]PX^_])`,
  'g',
)
/** Control characters, and what turns the direction of text or has no width: they make a line read as something else. */
const deceptive = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** What would mislead, by its code: a text then says what it holds. */
export const revealed = (text: string): string =>
  text
    .replaceAll('\t', '    ')
    .replace(deceptive, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)

/** Text of a server, of a process or of an error for a sentence: without colours, on one line, nothing hidden in it. */
export const visibleText = (text: string): string =>
  revealed(text.replace(terminalSequences, '').replace(/\s*[\r\n]+\s*/g, ' '))
