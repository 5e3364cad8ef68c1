import { Select as Base } from '@base-ui/react/select'
import { Check, ChevronsUpDown } from 'lucide-react'
import { cn } from './cn.ts'
import { controlClass } from './field.tsx'

export interface SelectItem<T extends string> {
  value: T
  label: string
  hint?: string
}

export interface SelectProps<T extends string> {
  items: readonly SelectItem<T>[]
  value: T
  onValueChange: (value: T) => void
  /** Accessible name where there is no Field around it. */
  label?: string
  disabled?: boolean
  className?: string
}

export function Select<T extends string>({ items, value, onValueChange, label, disabled, className }: SelectProps<T>) {
  return (
    <Base.Root
      items={items}
      value={value}
      onValueChange={(next) => next !== null && onValueChange(next)}
      {...(disabled ? { disabled } : {})}
    >
      <Base.Trigger
        aria-label={label}
        className={cn(
          controlClass,
          'flex h-7 select-none items-center justify-between gap-2 text-left hover:bg-hover focus-visible:border-accent',
          className,
        )}
      >
        <Base.Value className="truncate" />
        <Base.Icon>
          <ChevronsUpDown aria-hidden className="size-3.5 text-ink-3" />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-50 outline-none select-none">
          <Base.Popup className="max-h-(--available-height) min-w-(--anchor-width) overflow-y-auto rounded-md border border-line-strong bg-panel p-1 text-sm text-ink shadow-pop outline-none">
            {items.map((item) => (
              <Base.Item
                key={item.value}
                value={item.value}
                className="grid cursor-default grid-cols-[16px_1fr] items-start gap-1.5 rounded px-1.5 py-1 outline-none data-highlighted:bg-raised"
              >
                <Base.ItemIndicator className="col-start-1 pt-px">
                  <Check aria-hidden className="size-3.5 text-accent-ink" />
                </Base.ItemIndicator>
                <span className="col-start-2">
                  <Base.ItemText>{item.label}</Base.ItemText>
                  {item.hint && <span className="block text-xs text-ink-3">{item.hint}</span>}
                </span>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}
