import { Menu as Base } from '@base-ui/react/menu'
import { Check, type LucideIcon } from 'lucide-react'
import type { ReactElement, ReactNode } from 'react'
import { cn } from './cn.ts'

export const menuPopupClass =
  'min-w-40 rounded-md border border-line-strong bg-panel p-1 text-sm text-ink shadow-pop outline-none'
const itemClass =
  'flex h-7 cursor-default select-none items-center gap-2 rounded px-2 outline-none data-highlighted:bg-raised data-disabled:opacity-45'

/** A menu under a button. Children are MenuItem, MenuSeparator and MenuRadioGroup. */
export function Menu({
  trigger,
  children,
  align = 'end',
}: {
  trigger: ReactElement
  children: ReactNode
  align?: 'start' | 'end'
}) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner side="bottom" align={align} sideOffset={4} className="z-50 outline-none">
          <Base.Popup className={menuPopupClass}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

export interface MenuItemProps {
  icon?: LucideIcon
  onSelect: () => void
  danger?: boolean
  disabled?: boolean
  /** Key hint at the right. */
  keys?: string
  children: ReactNode
}

export function MenuItem({ icon: Icon, onSelect, danger, disabled, keys, children }: MenuItemProps) {
  return (
    <Base.Item
      onClick={onSelect}
      {...(disabled ? { disabled } : {})}
      className={cn(itemClass, danger && 'text-dead-ink')}
    >
      {Icon && <Icon aria-hidden className="size-3.5 shrink-0 opacity-80" />}
      <span className="flex-1">{children}</span>
      {keys && <span className="text-xs text-ink-3">{keys}</span>}
    </Base.Item>
  )
}

export const MenuSeparator = () => <Base.Separator className="my-1 h-px bg-line" />

export interface MenuRadioGroupProps<T extends string> {
  value: T
  onValueChange: (value: T) => void
  items: readonly { value: T; label: string; icon?: LucideIcon }[]
}

export function MenuRadioGroup<T extends string>({ value, onValueChange, items }: MenuRadioGroupProps<T>) {
  return (
    <Base.RadioGroup value={value} onValueChange={(next: T) => onValueChange(next)}>
      {items.map(({ value: itemValue, label, icon: Icon }) => (
        <Base.RadioItem key={itemValue} value={itemValue} closeOnClick className={itemClass}>
          {Icon && <Icon aria-hidden className="size-3.5 shrink-0 opacity-80" />}
          <span className="flex-1">{label}</span>
          <Base.RadioItemIndicator>
            <Check aria-hidden className="size-3.5 text-accent-ink" />
          </Base.RadioItemIndicator>
        </Base.RadioItem>
      ))}
    </Base.RadioGroup>
  )
}
