import { cn } from './cn.ts'
import { visibleText } from './visible-text.ts'

/** Longer texts are cut: a reason is a sentence, and megabytes of one would stop the page. */
const longestShown = 400

export interface ServerTextProps {
  text: string
  /** Characters shown at most; the rest is in the title, as far as that is sensible. */
  max?: number
  className?: string
}

/** Words of a server: reasons, names, scopes. Hostile text, so it is only ever text; long ones wrap, very long ones are cut. */
export function ServerText({ text, max = longestShown, className }: ServerTextProps) {
  // Cut before it is looked at, so that the cost does not grow with what a server sends.
  const whole = visibleText(text.slice(0, 4_000))
  const cut = whole.length > max
  return (
    <span title={cut ? whole : undefined} className={cn('wrap-anywhere', className)}>
      {cut ? `${whole.slice(0, max - 1).toWellFormed()}…` : whole}
    </span>
  )
}
