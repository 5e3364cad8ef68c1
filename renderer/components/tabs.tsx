import { Tabs as Base } from '@base-ui/react/tabs'
import type { ReactNode } from 'react'
import { cn } from './cn.ts'

export interface TabItem {
  value: string
  label: ReactNode
  /** Small figure after the label. */
  count?: number
}

export interface TabsProps {
  label: string
  items: readonly TabItem[]
  value: string
  onValueChange: (value: string) => void
  /** TabPanels. */
  children: ReactNode
  className?: string
  listClassName?: string
}

export function Tabs({ label, items, value, onValueChange, children, className, listClassName }: TabsProps) {
  return (
    <Base.Root
      value={value}
      onValueChange={(next) => onValueChange(String(next))}
      className={cn('flex min-h-0 flex-col', className)}
    >
      <Base.List
        aria-label={label}
        activateOnFocus={false}
        className={cn('relative flex shrink-0 gap-0.5 border-b border-line', listClassName)}
      >
        {items.map((item) => (
          <Base.Tab
            key={item.value}
            value={item.value}
            className="flex h-8 items-center gap-1.5 px-2.5 text-sm font-medium text-ink-2 hover:text-ink data-active:text-ink"
          >
            {item.label}
            {item.count !== undefined && (
              <span className="rounded bg-raised px-1 text-2xs text-ink-2">{item.count}</span>
            )}
          </Base.Tab>
        ))}
        <Base.Indicator className="absolute bottom-[-1px] left-0 h-0.5 w-(--active-tab-width) translate-x-(--active-tab-left) rounded bg-accent" />
      </Base.List>
      {children}
    </Base.Root>
  )
}

export function TabPanel({ value, children, className }: { value: string; children: ReactNode; className?: string }) {
  return (
    <Base.Panel value={value} className={cn('min-h-0 flex-1 outline-none', className)}>
      {children}
    </Base.Panel>
  )
}
