import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import type { ReactNode, RefObject } from 'react'
import { Button } from './button.tsx'
import { cn } from './cn.ts'

export const backdropClass =
  'fixed inset-0 z-40 bg-black/35 transition-opacity duration-100 data-starting-style:opacity-0 data-ending-style:opacity-0'
export const popupClass =
  'fixed left-1/2 z-40 flex max-h-[calc(100vh-48px)] max-w-[calc(100vw-32px)] -translate-x-1/2 flex-col rounded-lg border border-line-strong bg-panel text-ink shadow-pop outline-none transition-[opacity,scale] duration-100 data-starting-style:scale-[0.985] data-starting-style:opacity-0 data-ending-style:scale-[0.985] data-ending-style:opacity-0'

const widths = { sm: 'w-[420px]', md: 'w-[560px]', lg: 'w-[760px]', xl: 'w-[960px]' }

export interface DialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: ReactNode
  description?: ReactNode
  size?: keyof typeof widths
  /** Buttons at the bottom right; the main one last. */
  footer?: ReactNode
  initialFocus?: RefObject<HTMLElement | null>
  children: ReactNode
  className?: string
}

/** A modal dialog: title bar, scrolling body, footer. Escape and the cross close it. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  size = 'md',
  footer,
  initialFocus,
  children,
  className,
}: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className={backdropClass} />
        <Base.Popup
          {...(initialFocus ? { initialFocus } : {})}
          className={cn(
            popupClass,
            'top-[clamp(24px,10vh,96px)] max-h-[min(calc(100vh-clamp(24px,10vh,96px)-24px),860px)]',
            widths[size],
          )}
        >
          <header className="flex items-start gap-3 border-b border-line px-4 py-3">
            <div className="min-w-0 flex-1">
              <Base.Title className="truncate text-lg font-semibold">{title}</Base.Title>
              {description && <Base.Description className="mt-0.5 text-sm text-ink-2">{description}</Base.Description>}
            </div>
            <Base.Close
              render={
                <Button variant="ghost" size="sm" aria-label="Close" className="size-6 p-0">
                  <X aria-hidden className="size-3.5" />
                </Button>
              }
            />
          </header>
          <div className={cn('min-h-0 flex-1 overflow-y-auto px-4 py-3', className)}>{children}</div>
          {footer && (
            <footer className="flex items-center justify-end gap-2 border-t border-line px-4 py-2.5">{footer}</footer>
          )}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}
