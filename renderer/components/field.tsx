import { Field as Base } from '@base-ui/react/field'
import { NumberField } from '@base-ui/react/number-field'
import { type ComponentProps, createContext, type ReactNode, useContext } from 'react'
import { cn } from './cn.ts'

export const controlClass =
  'w-full min-w-0 rounded-md border border-line-strong bg-panel px-2 text-sm text-ink placeholder:text-ink-3 outline-none focus:border-accent focus:ring-2 focus:ring-accent/25 disabled:opacity-50 data-invalid:border-dead aria-invalid:border-dead'

/** Controls inside a Field learn from it whether they are invalid. */
const FieldContext = createContext<{ invalid: boolean }>({ invalid: false })

export interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  /** Says what is wrong; the control is marked invalid and the text is tied to it. */
  error?: ReactNode
  warning?: ReactNode
  children: ReactNode
  className?: string
}

/** A label, a control, and what is to be said about it. The control is Input, TextArea, NumberInput, Select or Switch. */
export function Field({ label, hint, error, warning, children, className }: FieldProps) {
  const invalid = Boolean(error)
  return (
    <FieldContext value={{ invalid }}>
      <Base.Root invalid={invalid} className={cn('flex min-w-0 flex-col gap-1', className)}>
        <Base.Label className="text-xs font-medium text-ink-2">{label}</Base.Label>
        {children}
        {error ? (
          <Base.Error match className="text-xs text-dead-ink wrap-anywhere">
            {error}
          </Base.Error>
        ) : warning ? (
          <Base.Description className="text-xs text-draining-ink wrap-anywhere">{warning}</Base.Description>
        ) : (
          hint && <Base.Description className="text-xs text-ink-3 wrap-anywhere">{hint}</Base.Description>
        )}
      </Base.Root>
    </FieldContext>
  )
}

export interface InputProps extends Omit<ComponentProps<'input'>, 'value' | 'defaultValue'> {
  value: string
  onValueChange: (value: string) => void
  /** Monospace, for commands and identifiers. */
  mono?: boolean
}

export function Input({ value, onValueChange, mono, className, ...rest }: InputProps) {
  return (
    <Base.Control
      autoComplete="off"
      autoCorrect="off"
      spellCheck={false}
      {...rest}
      value={value}
      onValueChange={onValueChange}
      className={cn(controlClass, 'h-7', mono && 'font-mono', className)}
    />
  )
}

export interface TextAreaProps extends Omit<ComponentProps<'textarea'>, 'value' | 'defaultValue' | 'onChange'> {
  value: string
  onValueChange: (value: string) => void
  mono?: boolean
}

export function TextArea({ value, onValueChange, mono, className, ...rest }: TextAreaProps) {
  return (
    <Base.Control
      render={<textarea rows={3} autoComplete="off" autoCorrect="off" spellCheck={false} {...rest} />}
      value={value}
      onValueChange={onValueChange}
      className={cn(controlClass, 'py-1.5 leading-[18px]', mono && 'font-mono', className)}
    />
  )
}

export interface NumberInputProps {
  /** Null shows the placeholder: the default applies. */
  value: number | null
  onValueChange: (value: number | null) => void
  min?: number
  max?: number
  step?: number
  placeholder?: string
  disabled?: boolean
  /** Shown after the figure, for example "ms". */
  unit?: string
  'aria-label'?: string
  className?: string
}

/** A number, typed or stepped with the arrow keys. It keeps what was typed, also outside of min and max: the host says why not. */
export function NumberInput({
  value,
  onValueChange,
  unit,
  placeholder,
  className,
  min,
  max,
  step,
  disabled,
  ...rest
}: NumberInputProps) {
  const { invalid } = useContext(FieldContext)
  return (
    <NumberField.Root
      value={value}
      onValueChange={onValueChange}
      allowOutOfRange
      format={{ useGrouping: false, maximumFractionDigits: 3 }}
      {...(min === undefined ? {} : { min })}
      {...(max === undefined ? {} : { max })}
      {...(step === undefined ? {} : { step })}
      {...(disabled ? { disabled } : {})}
      className={cn('relative', className)}
    >
      <NumberField.Input
        {...rest}
        placeholder={placeholder}
        aria-invalid={invalid || undefined}
        className={cn(controlClass, 'h-7 tabular-nums', unit && 'pr-9')}
      />
      {unit && (
        <span
          aria-hidden
          className="pointer-events-none absolute inset-y-0 right-2 flex items-center text-xs text-ink-3"
        >
          {unit}
        </span>
      )}
    </NumberField.Root>
  )
}
