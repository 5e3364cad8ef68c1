import { memo } from 'react'
import { rowVerbs, type UpstreamVerb, upstreamActions, useUpstreamVerb } from '../../app/upstream-actions.ts'
import { IconButton } from '../../components/index.ts'
import { useUpstream } from '../../store/hooks.ts'

const keyOf: Partial<Record<UpstreamVerb, string>> = { spawn: 'S', restart: 'R' }

/** What can be done to a row: shown on hover and on focus, always there for keyboards and screen readers. */
export const RowActions = memo(function RowActions({ name }: { name: string }) {
  const upstream = useUpstream(name)
  const { run, pending } = useUpstreamVerb()
  if (!upstream) return null
  return (
    <div className="flex items-center justify-end opacity-0 transition-opacity duration-75 group-hover/row:opacity-100 group-focus-within/row:opacity-100 group-data-[selected=true]/row:opacity-100 [@media(hover:none)]:opacity-100">
      {rowVerbs(upstream).map((verb) => {
        const { label, icon, hint, offered } = upstreamActions[verb]
        const key = keyOf[verb]
        return (
          <IconButton
            key={verb}
            icon={icon}
            label={label}
            tooltip={`${label}${key ? ` (${key})` : ''}: ${hint.charAt(0).toLowerCase()}${hint.slice(1)}`}
            size="sm"
            variant={verb === 'stop' ? 'danger-ghost' : 'ghost'}
            disabled={pending || !offered(upstream)}
            onClick={() => void run(verb, name)}
          />
        )
      })}
    </div>
  )
})
