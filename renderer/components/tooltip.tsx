import { Tooltip as Base } from '@base-ui/react/tooltip'
import type { ReactElement, ReactNode } from 'react'

/** Tooltips that follow each other open at once; the first one waits. */
export const TooltipProvider = ({ children }: { children: ReactNode }) => (
  <Base.Provider delay={400} closeDelay={0}>
    {children}
  </Base.Provider>
)

interface TooltipProps {
  /** Text; without it the child is drawn alone. */
  label: ReactNode
  side?: 'top' | 'bottom' | 'left' | 'right'
  /** The element it belongs to; must take a ref and the usual handlers. */
  children: ReactElement
}

/** Says more about an element on hover and focus. Never the only place where something is said. */
export function Tooltip({ label, side = 'bottom', children }: TooltipProps) {
  if (!label) return children
  return (
    <Base.Root>
      <Base.Trigger render={children} />
      <Base.Portal>
        <Base.Positioner side={side} sideOffset={6} className="z-50">
          <Base.Popup className="max-w-80 rounded-md border border-line-strong bg-raised px-2 py-1 text-xs text-ink shadow-pop wrap-anywhere whitespace-pre-line data-starting-style:opacity-0 transition-opacity duration-100">
            {label}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}
