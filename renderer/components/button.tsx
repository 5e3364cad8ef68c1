import { cva, type VariantProps } from 'class-variance-authority'
import { LoaderCircle, type LucideIcon } from 'lucide-react'
import type { ComponentProps } from 'react'
import { cn } from './cn.ts'
import { Tooltip } from './tooltip.tsx'

const button = cva(
  'inline-flex shrink-0 select-none items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition-colors duration-75 disabled:opacity-45 aria-disabled:opacity-45',
  {
    variants: {
      variant: {
        primary: 'bg-accent text-on-accent hover:not-disabled:bg-accent-hover',
        secondary:
          'border border-line-strong bg-panel text-ink hover:not-disabled:bg-hover active:not-disabled:bg-raised',
        ghost: 'text-ink-2 hover:not-disabled:bg-raised hover:not-disabled:text-ink',
        danger: 'bg-danger text-white hover:not-disabled:brightness-95',
        'danger-ghost': 'text-dead-ink hover:not-disabled:bg-dead-soft',
      },
      size: { sm: 'h-6 px-2 text-xs', md: 'h-7 px-2.5 text-sm', lg: 'h-8 px-3.5 text-base' },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
)

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof button> {
  icon?: LucideIcon | undefined
  /** Shows a spinner and takes no clicks. */
  pending?: boolean | undefined
}

export function Button({ variant, size, icon: Icon, pending, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || pending}
      aria-busy={pending || undefined}
      className={cn(button({ variant, size }), className)}
    >
      {pending ? (
        <LoaderCircle aria-hidden className="size-3.5 motion-safe:animate-spin" />
      ) : (
        Icon && <Icon aria-hidden className="size-3.5" />
      )}
      {children}
    </button>
  )
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'icon'> {
  icon: LucideIcon
  /** Accessible name, and the tooltip unless `tooltip` says more. */
  label: string
  tooltip?: string | undefined
  side?: 'top' | 'bottom' | 'left' | 'right'
}

/** A square button with a glyph; its name is read out and shown on hover and focus. */
export function IconButton({
  icon: Icon,
  label,
  tooltip,
  side,
  size,
  variant,
  pending,
  className,
  ...rest
}: IconButtonProps) {
  const box = size === 'sm' ? 'size-6 p-0' : size === 'lg' ? 'size-8 p-0' : 'size-7 p-0'
  return (
    <Tooltip label={tooltip ?? label} {...(side ? { side } : {})}>
      <Button
        {...rest}
        pending={pending}
        variant={variant ?? 'ghost'}
        size={size}
        aria-label={label}
        className={cn(box, className)}
      >
        {!pending && <Icon aria-hidden className="size-3.5" />}
      </Button>
    </Tooltip>
  )
}
