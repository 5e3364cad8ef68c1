import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from './cn.ts'

/** The colours of states; always shown together with a glyph and a word. */
export type Tone = 'idle' | 'active' | 'starting' | 'draining' | 'backoff' | 'dead' | 'ok'

const soft: Record<Tone, string> = {
  idle: 'bg-idle-soft text-idle-ink',
  active: 'bg-active-soft text-active-ink',
  starting: 'bg-starting-soft text-starting-ink',
  draining: 'bg-draining-soft text-draining-ink',
  backoff: 'bg-backoff-soft text-backoff-ink',
  dead: 'bg-dead-soft text-dead-ink',
  ok: 'bg-ok-soft text-ok-ink',
}

export const toneInk: Record<Tone, string> = {
  idle: 'text-idle-ink',
  active: 'text-active-ink',
  starting: 'text-starting-ink',
  draining: 'text-draining-ink',
  backoff: 'text-backoff-ink',
  dead: 'text-dead-ink',
  ok: 'text-ok-ink',
}

export const toneFill: Record<Tone, string> = {
  idle: 'bg-idle',
  active: 'bg-active',
  starting: 'bg-starting',
  draining: 'bg-draining',
  backoff: 'bg-backoff',
  dead: 'bg-dead',
  ok: 'bg-ok',
}

export interface BadgeProps {
  tone?: Tone
  icon?: LucideIcon
  children: ReactNode
  className?: string
  title?: string
}

export function Badge({ tone = 'idle', icon: Icon, children, className, title }: BadgeProps) {
  return (
    <span
      title={title}
      className={cn(
        'inline-flex h-[18px] shrink-0 items-center gap-1 rounded px-1.5 text-xs font-medium whitespace-nowrap',
        soft[tone],
        className,
      )}
    >
      {Icon && <Icon aria-hidden className="size-3 shrink-0" strokeWidth={2.25} />}
      {children}
    </span>
  )
}
