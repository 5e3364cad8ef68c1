import type { LucideIcon } from 'lucide-react'
import { Button, Tooltip } from '../../components/index.ts'
import { useAction, useUpstreamPart } from '../../store/hooks.ts'
import { actionCommands, type UpstreamAction, whyNot } from './actions.ts'

export interface ActionButtonProps {
  name: string
  action: UpstreamAction
  label: string
  icon: LucideIcon
  /** What it does, for the tooltip while it can be pressed. */
  hint: string
}

/**
 * A command for the whole upstream. When it makes no sense it stays focusable (aria-disabled and not disabled), because
 * only then its tooltip can say why.
 */
export function ActionButton({ name, action, label, icon, hint }: ActionButtonProps) {
  const { run, pending } = useAction()
  const reason = useUpstreamPart(name, (upstream) => whyNot(action, upstream)) ?? null
  return (
    <Tooltip label={reason ?? hint}>
      <Button
        icon={icon}
        pending={pending}
        aria-disabled={reason !== null || undefined}
        onClick={() => {
          if (reason === null) void run(actionCommands[action], { upstream: name })
        }}
      >
        {label}
      </Button>
    </Tooltip>
  )
}
