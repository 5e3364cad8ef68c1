import { CircleX, Info, type LucideIcon, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from './cn.ts'

const callouts = {
  info: { icon: Info, box: 'border-active/30 bg-active-soft', ink: 'text-active-ink' },
  warn: { icon: TriangleAlert, box: 'border-draining/40 bg-draining-soft', ink: 'text-draining-ink' },
  error: { icon: CircleX, box: 'border-dead/35 bg-dead-soft', ink: 'text-dead-ink' },
} as const

export interface CalloutProps {
  tone?: keyof typeof callouts
  title?: ReactNode
  children?: ReactNode
  /** Buttons at the right. */
  actions?: ReactNode
  /** "alert" is read out at once; leave it out for what is there from the start. */
  role?: 'alert' | 'status' | 'note'
  className?: string
}

/** Something to know, or to act on, right where it matters. */
export function Callout({ tone = 'info', title, children, actions, role, className }: CalloutProps) {
  const { icon: Icon, box, ink } = callouts[tone]
  return (
    <div role={role} className={cn('flex items-start gap-2.5 rounded-md border px-3 py-2 text-sm', box, className)}>
      <Icon aria-hidden className={cn('mt-px size-4 shrink-0', ink)} />
      <div className="min-w-0 flex-1 wrap-anywhere">
        {title && <div className={cn('font-semibold', ink)}>{title}</div>}
        {children && <div className={cn('text-ink-2', title ? 'mt-0.5' : '')}>{children}</div>}
      </div>
      {actions && <div className="flex shrink-0 items-center gap-1.5">{actions}</div>}
    </div>
  )
}

export interface EmptyStateProps {
  icon?: LucideIcon
  title: ReactNode
  children?: ReactNode
  actions?: ReactNode
  className?: string
}

/** Nothing here: why, and what to do about it. */
export function EmptyState({ icon: Icon, title, children, actions, className }: EmptyStateProps) {
  return (
    <div className={cn('flex flex-col items-center justify-center px-6 py-8 text-center', className)}>
      {Icon && (
        <span className="mb-3 flex size-10 items-center justify-center rounded-lg border border-line bg-raised text-ink-3">
          <Icon aria-hidden className="size-5" />
        </span>
      )}
      <h2 className="text-lg font-semibold text-ink">{title}</h2>
      {children && <div className="mt-1 max-w-[52ch] text-base text-ink-2">{children}</div>}
      {actions && <div className="mt-4 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  )
}

/** A grey block in the shape of what is being loaded. */
export const Skeleton = ({ className }: { className?: string }) => (
  <div aria-hidden className={cn('motion-safe:animate-pulse rounded bg-raised', className)} />
)
