import { useCallback } from 'react'
import { plural } from '../../../components/index.ts'
import { LogText } from './log-text.tsx'

/** The last lines that a process printed, as they stand: a server mostly says itself what is wrong, and mostly last. */
export function LogExcerpt({ lines }: { lines: readonly string[] }) {
  const newest = lines.at(-1)
  const toTheEnd = useCallback(
    (box: HTMLPreElement | null) => {
      // Another last line is another failure: what was scrolled to is gone.
      if (box && newest !== undefined) box.scrollTop = box.scrollHeight
    },
    [newest],
  )
  const numbered = lines.map((line, at) => ({ at, line }))
  return (
    <figure className="mt-1.5">
      <figcaption className="text-xs text-ink-2">Last {plural(lines.length, 'line')} of stderr</figcaption>
      <pre
        ref={toTheEnd}
        className="mt-0.5 max-h-44 overflow-auto rounded border border-line bg-panel px-2 py-1 font-mono text-xs leading-4 text-ink"
      >
        {numbered.map(({ at, line }) => (
          <div key={at}>
            <LogText line={line} query="" />
          </div>
        ))}
      </pre>
    </figure>
  )
}
