import { type CSSProperties, memo, type ReactNode } from 'react'
import { type AnsiColor, type StyledText, splitMatches, styledText } from './ansi.ts'

/** The eight terminal colours in tokens that are readable on the panel in both themes. */
const palette: Record<AnsiColor, string> = {
  black: 'var(--color-ink-3)',
  red: 'var(--color-dead-ink)',
  green: 'var(--color-ok-ink)',
  yellow: 'var(--color-draining-ink)',
  blue: 'var(--color-active-ink)',
  magenta: 'var(--color-starting-ink)',
  cyan: 'var(--color-idle-ink)',
  white: 'var(--color-ink)',
}

/** One line of what a server printed: styled spans, matches marked. React escapes all of it. */
export const LogText = memo(function LogText({ line, query }: { line: string; query: string }) {
  let at = 0
  return styledText(line).map((run) => {
    const key = at
    at += run.text.length
    const style = styleOf(run)
    return style ? (
      <span key={key} style={style}>
        <Marked text={run.text} query={query} />
      </span>
    ) : (
      <Marked key={key} text={run.text} query={query} />
    )
  })
})

function Marked({ text, query }: { text: string; query: string }): ReactNode {
  if (query === '') return text
  let at = 0
  return splitMatches(text, query).map((part) => {
    const key = at
    at += part.text.length
    return part.match ? (
      <mark key={key} className="rounded-xs bg-draining text-black">
        {part.text}
      </mark>
    ) : (
      part.text
    )
  })
}

function styleOf(run: StyledText): CSSProperties | undefined {
  const style: CSSProperties = {}
  // A server's own colours were chosen for some other background: mixed with the text's they stay readable here.
  if (run.color)
    style.color =
      typeof run.color === 'string'
        ? palette[run.color]
        : `color-mix(in oklab, rgb(${run.color.rgb}) 45%, var(--color-ink))`
  if (run.bold) style.fontWeight = 600
  if (run.dim) style.opacity = 0.75
  if (run.italic) style.fontStyle = 'italic'
  if (run.underline) style.textDecoration = 'underline'
  return Object.keys(style).length > 0 ? style : undefined
}
