import { Switch as Base } from '@base-ui/react/switch'
import { type ReactNode, useId } from 'react'
import { cn } from './cn.ts'

export interface SwitchProps {
  checked: boolean
  onCheckedChange: (checked: boolean) => void
  /** Its visible label; inside a Field leave it out. */
  label?: ReactNode
  disabled?: boolean
  className?: string
}

export function Switch({ checked, onCheckedChange, label, disabled, className }: SwitchProps) {
  const id = useId()
  const control = (
    <Base.Root
      {...(label === undefined ? {} : { id, 'aria-labelledby': `${id}-label` })}
      checked={checked}
      onCheckedChange={onCheckedChange}
      {...(disabled ? { disabled } : {})}
      className="relative flex h-4 w-7 shrink-0 rounded-full bg-line-strong p-0.5 transition-colors duration-100 data-checked:bg-accent data-disabled:opacity-50"
    >
      <Base.Thumb className="size-3 rounded-full bg-white shadow-sm transition-transform duration-100 data-checked:translate-x-3" />
    </Base.Root>
  )
  if (label === undefined) return control
  return (
    <span className={cn('inline-flex items-center gap-2', className)}>
      {control}
      <label htmlFor={id} id={`${id}-label`} className="select-none text-sm text-ink-2">
        {label}
      </label>
    </span>
  )
}
